"""What rows say of an intent, and what they do not (kernel.md sections 4.1 and 4.2)."""

from datetime import UTC, date, datetime

import pytest

from seatledger.psa_writer.domain.baseline import Baseline, SplitOnly, baseline_of
from seatledger.psa_writer.domain.compare import Sight, sight
from seatledger.psa_writer.domain.reading import ContractFacts
from seatledger.psa_writer.domain.rows import Shown, Unclear, shown_from
from seatledger.schemas.book import Confirmed
from seatledger.schemas.ids import CompanyId, ConnectionName, ContractId, IntentId, LineId, ServiceId
from seatledger.schemas.intents import IntentReleased, LineRef
from seatledger.schemas.mirror import UnitRow
from seatledger.schemas.steps import StepFunction

NOW = datetime(2026, 8, 10, 9, tzinfo=UTC)


def contract(
    start: date = date(2026, 7, 1), end: date = date(2026, 10, 31), period_type: int | None = 2
) -> ContractFacts:
    return ContractFacts(
        contract=ContractId(1), company=CompanyId(1), start=start, end=end, status=1, period_type=period_type
    )


def row(start: date, end: date, units: int) -> UnitRow:
    return UnitRow(id=start.toordinal(), start=start, end=end, units=units)


def aug(first: int, last: int, units: int) -> UnitRow:
    return row(date(2026, 8, first), date(2026, 8, last), units)


JULY = row(date(2026, 7, 1), date(2026, 7, 31), 10)
SEPTEMBER = row(date(2026, 9, 1), date(2026, 9, 30), 12)
OCTOBER = row(date(2026, 10, 1), date(2026, 10, 31), 12)
D = date(2026, 8, 10)


def test_only_rows_that_begin_a_period_after_d_are_compared() -> None:
    """Split rows may be totals or deltas: where a period's first row is left, they are not looked at."""
    for split in (12, 2):
        shown = shown_from(D, contract(), [JULY, aug(1, 9, 10), aug(10, 31, split), SEPTEMBER, OCTOBER])
        assert shown == Shown(((date(2026, 9, 1), 12), (date(2026, 10, 1), 12)))


def test_a_first_row_of_a_period_counts_split_or_not() -> None:
    """September's first row is cut short by a later change and still tells what holds on the first."""
    cut = [row(date(2026, 9, 1), date(2026, 9, 14), 12), row(date(2026, 9, 15), date(2026, 9, 30), 15)]
    shown = shown_from(D, contract(end=date(2026, 9, 30)), [aug(1, 31, 10), *cut])
    assert shown == Shown(((date(2026, 9, 1), 12),))


def test_in_the_last_period_the_row_that_contains_d_is_read_as_units_in_force() -> None:
    """No row begins a period on or after D any more."""
    last = contract(end=date(2026, 8, 31))
    assert shown_from(D, last, [JULY, aug(1, 9, 10), aug(10, 31, 12)]) == Shown(((D, 12),), split_on=D)


def test_of_two_rows_that_share_one_day_the_later_holds_on_it() -> None:
    """The earlier row may end on the day on which the later begins."""
    last = contract(end=date(2026, 8, 31))
    assert shown_from(D, last, [aug(1, 10, 10), aug(10, 31, 12)]) == Shown(((D, 12),), split_on=D)


def test_rows_that_overlap_more_than_a_day_are_a_mismatch() -> None:
    """A whole row beside a second one: what they mean together is not known."""
    last = contract(end=date(2026, 8, 31))
    assert shown_from(D, last, [aug(1, 31, 10), aug(10, 31, 2)]) == Unclear("overlap")


def test_a_gap_between_rows_is_no_information() -> None:
    """A job may not have written the row yet."""
    assert shown_from(D, contract(), [aug(1, 31, 12), OCTOBER]) == Unclear("gap")


def test_no_row_from_d_on_is_no_information_by_itself() -> None:
    """It takes a second look to mean 0."""
    assert shown_from(D, contract(), [JULY]) == Unclear("no_row")


@pytest.mark.parametrize(
    ("starts", "begins"),
    [
        ((date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)), date(2026, 3, 31)),
        ((date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 28)), date(2026, 3, 28)),
    ],
    ids=["anchored", "drifting"],
)
def test_the_grid_of_a_start_on_the_31st_is_the_one_that_the_rows_lie_on(
    starts: tuple[date, ...], begins: date
) -> None:
    """31, 28, 31 or 31, 28, 28: never computed, always recognised."""
    rows = [row(day, day, 1) for day in starts]
    facts = contract(start=date(2026, 1, 31), end=begins)
    assert shown_from(begins, facts, rows) == Shown(((begins, 1),))


def test_a_change_on_a_day_of_the_other_grid_does_not_hide_the_grid() -> None:
    """28, 28, 28 with a change on the 31st: the rows' ends tell on which grid the periods lie."""
    facts = contract(start=date(2026, 1, 31), end=date(2026, 12, 30))
    rows = [row(date(2026, 3, 31), date(2026, 4, 27), -5), row(date(2026, 4, 28), date(2026, 5, 27), 8)]
    assert shown_from(date(2026, 4, 9), facts, rows) == Shown(((date(2026, 4, 28), 8),))


@pytest.mark.parametrize("start", [date(2026, 1, 1), date(2026, 1, 31)], ids=["one grid", "two grids"])
@pytest.mark.parametrize("period_type", [2, 3, 4, 5])
def test_a_contract_without_an_end_in_sight_is_read_to_the_last_day_that_there_is(
    start: date, period_type: int
) -> None:
    """Nothing after it is reckoned: neither a period, nor the day after a row."""
    facts = contract(start=start, end=date.max, period_type=period_type)
    rows = [row(start, date.max, 3), row(date(9999, 12, 30), date.max, 4)]
    assert shown_from(start, facts, rows) == Shown(((start, 3),))


def test_a_row_that_fits_no_grid_is_a_split_one() -> None:
    """Also where the period type is unknown: then only the contract's first day begins a period."""
    rows = [JULY, aug(1, 31, 12)]
    assert shown_from(date(2026, 7, 1), contract(end=date(2026, 8, 31), period_type=None), rows) == Shown(
        ((date(2026, 7, 1), 10),)
    )


def _intent(before: int = 12, after: int = 15) -> IntentReleased:
    at = LineRef(
        connection=ConnectionName("main"),
        company=CompanyId(1),
        contract=ContractId(1),
        line=LineId(1),
        service=ServiceId(1),
    )
    return IntentReleased(
        id=IntentId("i"),
        at=at,
        version=1,
        on=D,
        before=StepFunction.constant(before),
        after=StepFunction.of({D: after}, initial=before),
        jump=after - before,
        released_at=NOW,
    )


def _seen(units: int) -> Shown:
    return Shown(((date(2026, 9, 1), units),))


RECENT = (Confirmed(before=StepFunction.constant(10), after=StepFunction.constant(12), on=D, confirmed_at=NOW),)


@pytest.mark.parametrize(
    ("units", "before", "after", "acknowledged", "says"),
    [
        (15, 12, 15, False, Sight.AFTER),
        (12, 12, 15, False, Sight.BEFORE),
        (13, 12, 15, False, Sight.OTHER),
        (10, 12, 15, False, Sight.STALE),
        (10, 12, 10, False, Sight.STALE),
        (10, 12, 10, True, Sight.AFTER),
        (10, 10, 15, False, Sight.BEFORE),
    ],
)
def test_what_was_there_before_a_recent_write_proves_nothing(
    units: int, before: int, after: int, acknowledged: bool, says: Sight
) -> None:
    """Stale unless it equals ``before``; no evidence for ``after`` either, but for a recognised 200 to this send."""
    assert sight(_intent(before, after), _seen(units), RECENT, acknowledged=acknowledged) is says


def test_every_readable_date_must_fit() -> None:
    """One date that differs is a mismatch, however many fit."""
    shown = Shown(((date(2026, 9, 1), 15), (date(2026, 10, 1), 16)))
    assert sight(_intent(), shown, ()) is Sight.OTHER


def test_a_baseline_is_taken_from_rows_that_begin_a_period() -> None:
    """Before the first row of a window its units are taken to have held."""
    found = baseline_of(contract(), [JULY, aug(1, 31, 10), SEPTEMBER], date(2026, 7, 10))
    assert isinstance(found, Baseline)
    assert found.units == StepFunction.of({date(2026, 9, 1): 12}, initial=10)


def test_only_split_rows_make_no_baseline() -> None:
    """A line whose only readable row is a split one stays without a book."""
    assert baseline_of(contract(), [aug(10, 31, 12)], date(2026, 8, 1)) == SplitOnly()


@pytest.mark.parametrize("split", [12, 2], ids=["total", "delta"])
def test_a_change_inside_a_period_is_in_the_baseline_from_its_day_on(split: int) -> None:
    """The next period's first row tells what the split one means; else its units would be posted a second time."""
    rows = [JULY, aug(1, 9, 10), aug(10, 31, split), SEPTEMBER]
    found = baseline_of(contract(), rows, date(2026, 7, 1))
    assert isinstance(found, Baseline)
    assert (found.units.at(date(2026, 8, 9)), found.units.at(D), found.units.at(date(2026, 9, 1))) == (10, 12, 12)


def test_a_line_that_began_inside_the_window_stood_at_0_before() -> None:
    """The reading covers days before its first row."""
    found = baseline_of(contract(), [SEPTEMBER, OCTOBER], date(2026, 8, 1))
    assert isinstance(found, Baseline)
    assert (found.units.units_at(D), found.units.units_at(date(2026, 9, 1))) == (0, 12)

"""What a state asks for: the table of kernel.md section 5 and the dating of section 6, a test a sentence."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatledger.collector.domain.asks import SILENT, Silent, Suspension, ask, ended, is_news, units_of
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Asked, Status
from services.collector.tests.collector_samples import KEEP, ZERO, on

FN = StepFunction.of


def asked(since: date, units: StepFunction) -> Asked:
    return Asked(since=since, units=units)


@pytest.mark.parametrize(
    ("status", "quantity", "policy", "units"),
    [
        (Status.ACTIVE, 7, ZERO, 7),
        (Status.ACTIVE, 0, KEEP, 0),
        (Status.ACTIVE, 0, ZERO, 0),
        (Status.SUSPENDED, 7, KEEP, 7),
        (Status.SUSPENDED, 7, ZERO, 0),
        (Status.SUSPENDED, 0, KEEP, 0),
        (Status.CANCELLED, 7, KEEP, None),
        (Status.EXPIRED, 7, ZERO, None),
        (Status.DISABLED, 7, ZERO, None),
        (Status.PENDING, 7, ZERO, SILENT),
        (Status.TRIAL, 7, ZERO, SILENT),
        (Status.OTHER, 7, ZERO, SILENT),
    ],
)
def test_each_state_contributes_what_the_table_says(
    status: Status, quantity: int, policy: Suspension, units: int | Silent | None
) -> None:
    """The table of states, row by row and policy by policy; what ends by it has ended for everybody."""
    assert (units_of(status, quantity, policy), status.ended) == (units, units is None)


def test_a_plain_state_counts_from_the_day_it_was_read() -> None:
    """Without an effective date units hold from the day of the row's stamp."""
    assert ask(None, 10, day=on(5), effective_on=None) == asked(on(5), StepFunction.constant(10))


def test_an_earlier_effective_date_moves_the_start_back() -> None:
    """An effective date before the day of the stamp is where the units begin."""
    assert ask(None, 10, day=on(5), effective_on=on(2)) == asked(on(2), StepFunction.constant(10))


def test_a_future_date_leaves_the_earlier_quantity_in_force() -> None:
    """12 announced for the 20th: until then the stored 10 holds."""
    stored = ask(None, 10, day=on(1), effective_on=None)
    assert ask(stored, 12, day=on(5), effective_on=on(20)) == asked(on(5), FN({on(20): 12}, initial=10))


def test_a_first_sighting_announced_for_later_has_not_begun() -> None:
    """With nothing stored, the time before the effective date is none, which is not 0."""
    first = ask(None, 12, day=on(5), effective_on=on(20))
    assert (first.units.at(on(19)), first.units.at(on(20))) == (None, 12)


def test_several_announced_steps_stand_together() -> None:
    """12 from the 15th and then 15 from the 20th: both are kept."""
    one = ask(ask(None, 10, day=on(1), effective_on=None), 12, day=on(2), effective_on=on(15))
    assert ask(one, 15, day=on(2), effective_on=on(20)).units == FN({on(15): 12, on(20): 15}, initial=10)


def test_reading_an_announced_row_again_says_nothing_new() -> None:
    """The same announcement read on a later day, and again once its day has come, is no news."""
    stored = ask(ask(None, 10, day=on(1), effective_on=None), 12, day=on(2), effective_on=on(15))
    assert not is_news(stored, ask(stored, 12, day=on(3), effective_on=on(15)))
    assert not is_news(stored, ask(stored, 12, day=on(15), effective_on=on(15)))
    assert not is_news(stored, ask(stored, 12, day=on(18), effective_on=on(15)))


def test_a_plain_newer_state_drops_what_was_announced() -> None:
    """A row of today without an effective date replaces everything from today on."""
    stored = ask(ask(None, 10, day=on(1), effective_on=None), 12, day=on(2), effective_on=on(15))
    assert ask(stored, 10, day=on(4), effective_on=None) == asked(on(4), StepFunction.constant(10))


def test_cancelled_ahead_then_read_again_ends_once() -> None:
    """A cancellation announced for the 20th ends there, whether read before, on or after that day."""
    stored = ask(ask(None, 10, day=on(1), effective_on=None), None, day=on(5), effective_on=on(20))
    assert stored.units == FN({on(20): None}, initial=10)
    for day in (6, 20, 25):
        assert not is_news(stored, ask(stored, None, day=on(day), effective_on=on(20)))


def test_a_cancellation_postponed_lets_the_units_go_on() -> None:
    """Announced for the 20th, then for the 28th: the units hold until the 28th."""
    stored = ask(ask(None, 10, day=on(1), effective_on=None), None, day=on(5), effective_on=on(20))
    assert ask(stored, None, day=on(6), effective_on=on(28)).units == FN({on(28): None}, initial=10)


def test_a_return_announced_after_a_pause_keeps_the_pause() -> None:
    """12 from the 15th and 10 again from the 20th: the step between is no postponement."""
    stored = ask(ask(None, 10, day=on(1), effective_on=None), 12, day=on(2), effective_on=on(15))
    assert ask(stored, 10, day=on(2), effective_on=on(20)).units == FN({on(15): 12, on(20): 10}, initial=10)


def test_suspended_with_its_quantity_and_back() -> None:
    """Under zero_units 10 becomes 0 on the day of suspension and 10 again on the day of return."""
    active = ask(None, 10, day=on(1), effective_on=None)
    suspended = ask(active, 0, day=on(5), effective_on=None)
    back = ask(suspended, 10, day=on(9), effective_on=None)
    assert is_news(active, suspended)
    assert is_news(suspended, back)
    assert back == asked(on(9), StepFunction.constant(10))


def test_ended_is_none_and_none_is_not_zero() -> None:
    """Gone is none from its day on, and going from 0 to none is news."""
    assert ended(on(7)).units.at(on(7)) is None
    assert is_news(asked(on(1), StepFunction.constant(0)), ended(on(7)))


def test_an_earlier_start_is_news_even_with_the_same_units() -> None:
    """A correction of the day alone moves money, so it is said."""
    stored = asked(on(5), StepFunction.constant(10))
    assert is_news(stored, asked(on(2), StepFunction.constant(10)))


def test_two_states_of_one_delivery_keep_both_their_days() -> None:
    """10 from the 1st and 12 from the 3rd in one file: one function says both."""
    both = asked(on(1), StepFunction.constant(10)).followed_by(asked(on(3), StepFunction.constant(12)))
    assert both == asked(on(1), FN({on(3): 12}, initial=10))


days = st.dates(date(2026, 1, 1), date(2026, 2, 28))
amounts = st.none() | st.integers(0, 5)


@given(st.lists(st.tuples(days, amounts, st.none() | days), min_size=1, max_size=6))
def test_reading_any_history_once_more_is_no_news(history: list[tuple[date, int | None, date | None]]) -> None:
    """Whatever was said before, the last row read again the same day changes nothing, and its value holds from its
    effective date on."""
    stored: Asked | None = None
    for day, units, effective in sorted(history, key=lambda entry: entry[0]):
        stored = ask(stored, units, day=day, effective_on=effective)
    day, units, effective = sorted(history, key=lambda entry: entry[0])[-1]
    assert stored is not None
    assert not is_news(stored, ask(stored, units, day=day, effective_on=effective))
    assert stored.units.at(max(effective or day, stored.since)) == units

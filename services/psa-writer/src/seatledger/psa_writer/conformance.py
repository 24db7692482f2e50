# ruff: noqa: S101 - assertions are what a suite is made of
"""The suite that every ``Psa`` adapter passes: prove yours with it.

Run it with ``seatledger conformance psa MODULE:FACTORY``, where the factory makes a :class:`Stage` around your adapter
and a sandbox of its PSA. Or, in a test module of yours, subclass :class:`PsaConformance` and give it a ``stage``
fixture. Needs pytest with pytest-asyncio in auto mode.
"""

from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from typing import Protocol

import pytest

from seatledger.psa_writer.domain.verdict import DUPLICATE
from seatledger.psa_writer.ports import (
    Adjustment,
    Cause,
    Deadline,
    NoByteLeft,
    Posted200,
    Psa,
    Refused,
    Unknown,
)
from seatledger.schemas.ids import ContractId, LineId
from seatledger.schemas.intents import Refusal, Span


class Stage(Protocol):
    """A PSA with one monthly contract of the calendar year 2026 whose one line holds 10 units from its start."""

    @property
    def psa(self) -> Psa: ...

    @property
    def contract(self) -> ContractId: ...

    @property
    def line(self) -> LineId: ...

    def soon(self) -> Deadline:
        """A deadline that is far enough away."""

    def past(self) -> Deadline:
        """A deadline that has passed."""

    async def truth(self, on: date) -> int:
        """The line's units on a date, whatever reads show."""

    async def lose_the_next_answer(self, *, with_effect: bool) -> None:
        """The next post gets no answer."""

    async def close(self) -> None:
        """Give back what the stage took."""


MARCH = date(2026, 3, 1)
MIDDLE = date(2026, 3, 10)


class PsaConformance:
    """What the writer relies on."""

    async def test_rows_cover_the_contract_by_period(self, stage: Stage) -> None:
        """Each period has its row, both days inclusive, by start."""
        rows = (await stage.psa.read_rows([stage.line], None))[stage.line]
        assert [(row.start.month, row.units) for row in rows] == [(month, 10) for month in range(1, 13)]
        assert (rows[0].start, rows[0].end, rows[-1].end) == (date(2026, 1, 1), date(2026, 1, 31), date(2026, 12, 31))
        assert not any(row.posted for row in rows)

    async def test_rows_since_a_day_begin_with_the_row_that_contains_it(self, stage: Stage) -> None:
        """``since`` leaves out what ended before it."""
        rows = (await stage.psa.read_rows([stage.line], MIDDLE))[stage.line]
        assert rows[0].start == MARCH

    async def test_a_line_that_is_not_there_has_no_rows(self, stage: Stage) -> None:
        """An unknown line is an empty answer, not an error."""
        missing = LineId(stage.line + 99_999)
        assert await stage.psa.read_rows([missing], None) == {missing: ()}
        assert not await stage.psa.read_lines([missing])

    async def test_a_window_shows_the_rows_that_overlap_it(self, stage: Stage) -> None:
        """Rows of the window, of named contracts or of all."""
        window = Span(start=date(2026, 2, 15), end=date(2026, 4, 2))
        for contracts in ([stage.contract], None):
            rows = (await stage.psa.read_window(window, contracts))[stage.line]
            assert [row.start.month for row in rows] == [2, 3, 4]

    async def test_contract_and_line_are_read_by_id_and_in_bulk(self, stage: Stage) -> None:
        """The same row, asked for by name or among all."""
        [contract] = await stage.psa.read_contracts([stage.contract])
        assert contract in await stage.psa.read_contracts()
        assert (contract.facts.start, contract.facts.end) == (date(2026, 1, 1), date(2026, 12, 31))
        assert (contract.contract_type, contract.facts.period_type, contract.facts.in_effect) == (7, 2, True)
        [line] = await stage.psa.read_lines([stage.line])
        assert line in await stage.psa.read_lines()
        assert line.contract == stage.contract

    async def test_what_is_named_and_not_there_is_left_out(self, stage: Stage) -> None:
        """A contract that is missing, or hidden, is no error, and hides none of the others."""
        missing = ContractId(stage.contract + 99_999)
        assert not await stage.psa.read_contracts([missing])
        assert [row.facts.contract for row in await stage.psa.read_contracts([stage.contract, missing])] == [
            stage.contract
        ]

    async def test_reading_changes_nothing(self, stage: Stage) -> None:
        """Each read again gives the same, and calls are counted."""
        before = stage.psa.calls
        window = Span(start=MARCH, end=date(2026, 3, 31))
        for _ in range(2):
            assert (await stage.psa.read_window(window, None))[stage.line][0].units == 10
            assert len((await stage.psa.read_rows([stage.line], None))[stage.line]) == 12
        assert stage.psa.calls > before
        assert await stage.truth(MARCH) == 10

    async def test_companies_and_services_are_read(self, stage: Stage) -> None:
        """The line's company and service are among them."""
        [contract] = await stage.psa.read_contracts([stage.contract])
        [line] = await stage.psa.read_lines([stage.line])
        assert contract.facts.company in {row.company for row in await stage.psa.read_companies()}
        assert line.service in {row.service for row in await stage.psa.read_services()}

    async def test_a_post_changes_units_from_its_date_on(self, stage: Stage) -> None:
        """The delta holds from its date through all later periods; a null id is success."""
        assert await stage.psa.post(_plus(stage, 2, MIDDLE), stage.soon()) == Posted200()
        found = [await stage.truth(day) for day in (MIDDLE - timedelta(days=1), MIDDLE, date(2026, 12, 31))]
        assert found == [10, 12, 12]
        rows = (await stage.psa.read_rows([stage.line], date(2026, 4, 1)))[stage.line]
        assert {row.units for row in rows} == {12}

    async def test_changes_add_up_whatever_their_order(self, stage: Stage) -> None:
        """A later date first, then an earlier one, then a decrease: each runs forward through all that follows."""
        april = date(2026, 4, 1)
        for units, on in ((5, april), (2, MIDDLE), (-4, date(2026, 5, 1))):
            assert await stage.psa.post(_plus(stage, units, on), stage.soon()) == Posted200()
        found = [await stage.truth(day) for day in (MARCH, MIDDLE, april, date(2026, 5, 1), date(2026, 12, 31))]
        assert found == [10, 12, 17, 13, 13]
        rows = (await stage.psa.read_rows([stage.line], april))[stage.line]
        assert [row.units for row in rows] == [17, *[13] * 8]

    async def test_down_to_nothing_and_up_again(self, stage: Stage) -> None:
        """0 is a quantity; a line that stands there may show it in rows or in none, and takes units again."""
        assert await stage.psa.post(_plus(stage, -10, MARCH), stage.soon()) == Posted200()
        rows = (await stage.psa.read_rows([stage.line], MARCH))[stage.line]
        assert {row.units for row in rows} <= {0}
        assert [line.line for line in await stage.psa.read_lines([stage.line])] == [stage.line]
        assert await stage.psa.post(_plus(stage, 3, date(2026, 4, 1)), stage.soon()) == Posted200()
        assert [await stage.truth(day) for day in (MARCH, date(2026, 4, 1))] == [0, 3]

    async def test_a_budget_tells_how_many_calls_there_are(self, stage: Stage) -> None:
        """Never more than were asked for, and at least one on a stage where none was made yet."""
        assert 1 <= await stage.psa.prepare(3) <= 3

    async def test_nothing_leaves_after_the_deadline(self, stage: Stage) -> None:
        """A claim that is too late has no effect, and that is known for certain."""
        assert await stage.psa.post(_plus(stage, 2, MARCH), stage.past()) == NoByteLeft(Cause.DEADLINE)
        assert await stage.truth(MARCH) == 10

    async def test_a_date_outside_the_contract_is_a_recognised_refusal(self, stage: Stage) -> None:
        """A definite no, told by its text."""
        outcome = await stage.psa.post(_plus(stage, 2, date(2027, 1, 1)), stage.soon())
        assert isinstance(outcome, Refused)
        assert outcome.kind is Refusal.CONTRACT_ENDED

    async def test_below_zero_is_a_recognised_refusal(self, stage: Stage) -> None:
        """A definite no, and the units stand."""
        outcome = await stage.psa.post(_plus(stage, -11, MARCH), stage.soon())
        assert isinstance(outcome, Refused)
        assert outcome.kind is Refusal.BELOW_ZERO
        assert await stage.truth(MARCH) == 10

    async def test_a_second_change_on_one_day_inside_a_period_is_unknown(self, stage: Stage) -> None:
        """The duplicate text may be the answer to our own lost request: it decides nothing."""
        assert await stage.psa.post(_plus(stage, 2, MIDDLE), stage.soon()) == Posted200()
        outcome = await stage.psa.post(_plus(stage, 2, MIDDLE), stage.soon())
        assert isinstance(outcome, Unknown)
        assert DUPLICATE in outcome.why
        assert await stage.truth(MIDDLE) == 12

    async def test_a_lost_answer_is_unknown_whether_it_had_its_effect_or_not(self, stage: Stage) -> None:
        """Nothing is repeated: at most the one effect is there."""
        for with_effect, after in ((False, 10), (True, 12)):
            await stage.lose_the_next_answer(with_effect=with_effect)
            assert isinstance(await stage.psa.post(_plus(stage, 2, MARCH), stage.soon()), Unknown)
            assert await stage.truth(MARCH) == after

    async def test_a_probe_passes_where_the_sign_in_works(self, stage: Stage) -> None:
        """The probe raises only where something is wrong."""
        await stage.psa.probe()


class TestPsa(PsaConformance):
    """Anybody's adapter: collected where this module is run by name, with a fixture ``stage_factory`` from a plugin."""

    @pytest.fixture
    async def stage(self, stage_factory: Callable[[], Stage]) -> AsyncIterator[Stage]:
        stage = stage_factory()
        yield stage
        await stage.close()


def _plus(stage: Stage, units: int, on: date) -> Adjustment:
    return Adjustment(stage.contract, stage.line, on, units)

"""Rows, periods and the truth behind them."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx2
from hypothesis import given
from hypothesis import strategies as st

from autotask_sandbox.grid import periods
from autotask_sandbox.switches import Switches
from autotask_sandbox.units import Change, Line, LineFacts, UnitRow, render

V1 = "/ATServicesRest/V1.0"
START, END = date(2026, 1, 15), date(2026, 12, 31)
GRID = periods(START, END, 2)
NOBODY = LineFacts(None, None)
changes = st.lists(
    st.tuples(st.integers(0, (END - START).days), st.integers(-3, 5)), max_size=8, unique_by=lambda pair: pair[0]
)


def _line(pairs: list[tuple[int, int]]) -> Line:
    line = Line(1, 1, 1, 20, Decimal("23.10"), None)
    for number, (offset, delta) in enumerate(pairs, 1):
        line.changes.append(Change(START + timedelta(days=offset), delta, None, None, number))
    line.changes.sort(key=lambda change: change.on)
    return line


def _rows(line: Line, switches: Switches) -> tuple[UnitRow, ...]:
    return render(line, GRID, NOBODY, switches, itertools.count(1))


def test_grid_covers_every_day_once() -> None:
    """For every period type and every start day the periods follow each other without a gap up to the end."""
    for kind, day, anchored in itertools.product((2, 3, 4, 5), range(1, 32), (True, False)):
        grid = periods(date(2026, 1, day), date(2028, 3, 14), kind, anchored=anchored)
        assert grid[0].start == date(2026, 1, day)
        assert grid[-1].end == date(2028, 3, 14)
        assert all(b.start - a.end == timedelta(days=1) for a, b in itertools.pairwise(grid))


@given(changes)
def test_cut_rows_tell_the_truth_on_every_day(pairs: list[tuple[int, int]]) -> None:
    """With running totals and cut rows exactly one row covers each day, and it shows that day's quantity."""
    line = _line(pairs)
    rows = _rows(line, Switches())
    for offset in range(0, (END - START).days + 1, 5):
        day = START + timedelta(days=offset)
        assert [row.units for row in rows if row.start <= day <= row.end] == [line.units_on(day)]


@given(changes)
def test_full_periods_show_the_total_under_every_shape(pairs: list[tuple[int, int]]) -> None:
    """The row of a period start holds the quantity in force there, whatever a split looks like."""
    line = _line(pairs)
    for split, first in itertools.product(("total", "delta"), ("cut", "cut_same_day", "kept")):
        rows = {row.start: row.units for row in _rows(line, Switches(split_units=split, first_row=first))}
        assert all(rows[period.start] == line.units_on(period.start) for period in GRID)


@given(changes)
def test_whole_row_and_delta_rows_add_up(pairs: list[tuple[int, int]]) -> None:
    """Under kept and delta the rows of a period add up to the quantity at its end."""
    line = _line(pairs)
    rows = _rows(line, Switches(split_units="delta", first_row="kept"))
    for period in GRID:
        inside = [row.units for row in rows if period.start <= row.start <= period.end]
        assert sum(inside) == line.units_on(period.end)


@given(changes)
def test_rows_are_unique_by_span(pairs: list[tuple[int, int]]) -> None:
    """No two rows of a line have the same start and end."""
    rows = _rows(_line(pairs), Switches())
    assert len({(row.start, row.end) for row in rows}) == len(rows)


def test_a_later_reprice_of_an_earlier_day_goes_forward() -> None:
    """A price set from March on replaces the one that was set before for May."""
    line = _line([])
    line.changes = [
        Change(date(2026, 3, 15), 0, Decimal(30), None, 2),
        Change(date(2026, 5, 15), 0, Decimal(25), None, 1),
    ]
    assert [line.price_on(date(2026, month, 20)) for month in (2, 3, 6)] == [Decimal("23.10"), 30, 30]


async def _units(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    query = {"filter": [{"op": "eq", "field": "contractServiceID", "value": 8001}]}
    answer = await client.post(f"{V1}/ContractServiceUnits/query", json=query)
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_cut_row_keeps_its_id(sandbox: httpx2.AsyncClient) -> None:
    """A change in March keeps the ids of all twelve rows and adds one row with a new id."""
    before = {row["startDate"]: row["id"] for row in await _units(sandbox)}
    body = {"contractServiceID": 8001, "unitChange": 6, "effectiveDate": "2026-03-10"}
    await sandbox.post(f"{V1}/ContractServiceAdjustments", json=body)
    after = {row["startDate"]: row["id"] for row in await _units(sandbox)}
    new = after.pop("2026-03-10T00:00:00Z")
    assert after == before
    assert new > max(before.values())

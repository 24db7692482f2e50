"""From unit rows to units on dates: which rows begin a period, and what can be read from a day on (kernel.md 4.1)."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from seatledger.psa_writer.domain.reading import ContractFacts
from seatledger.schemas.mirror import PERIOD_MONTHS, UnitRow

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Shown:
    """Units on the dates that can be read; ascending, never empty.

    ``split_on``: where no row that begins a period was left, the first day of the split row that was read instead. It
    may be a delta.
    """

    units: tuple[tuple[date, int], ...]
    split_on: date | None = None


@dataclass(frozen=True)
class Unclear:
    """Nothing can be said of the line from that day on.

    ``no_row``: not one row; ``gap``: rows with a hole between them; ``overlap``: rows that contradict each other.
    """

    why: Literal["no_row", "gap", "overlap"]


def _months_later(day: date, months: int) -> date:
    """The same day of the month, or the month's last; always reckoned from ``day`` itself."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _further(start: date, end: date, months: int) -> int:
    """How many further periods begin in the month of ``end`` or before. Nothing later is ever reckoned: a contract
    without an end in sight ends on the last day that there is."""
    return ((end.year - start.year) * 12 + end.month - start.month) // months


def _anchored(start: date, end: date, months: int) -> frozenset[date]:
    found = (_months_later(start, n * months) for n in range(_further(start, end, months) + 1))
    return frozenset(day for day in found if day <= end)


def _drifting(start: date, end: date, months: int) -> frozenset[date]:
    found = [start]
    for _ in range(_further(start, end, months)):
        found.append(_months_later(found[-1], months))
    return frozenset(day for day in found if day <= end)


@lru_cache(maxsize=4096)
def _grids(start: date, end: date, months: int) -> tuple[frozenset[date], ...]:
    anchored = _anchored(start, end, months)
    return (anchored,) if start.day < 29 else (anchored, _drifting(start, end, months))


def grid(contract: ContractFacts, rows: Sequence[UnitRow]) -> frozenset[date]:
    """The days on which a period of this contract begins, as far as the rows reach; of two possible grids the one that
    the rows lie on, with their ends too: a row that a change began may by chance begin where the other grid has a
    period.

    It answers one question, whether a row begins a period; no date that we send is ever taken from it.
    """
    months = PERIOD_MONTHS.get(contract.period_type or 0)
    if months is None:
        return frozenset({contract.start})
    grids = _grids(contract.start, min(contract.end, _reached(rows)), months)
    edges = {row.start for row in rows} | {row.end + ONE_DAY for row in rows if row.end < date.max}
    return max(grids, key=lambda days: len(days & edges))


def _reached(rows: Sequence[UnitRow]) -> date:
    """The end of the year in which the day after the last row lies: to the end of a contract that ends in 9999 a grid
    has 96,000 days. A whole year, so that a grid is made once and not for each row that comes."""
    last = max((max(row.start, row.end) for row in rows), default=date.min)
    return date((last if last == date.max else last + ONE_DAY).year, 12, 31)


def beginning_a_period(contract: ContractFacts, rows: Sequence[UnitRow]) -> list[UnitRow]:
    """Rows that begin a period, by start; of one start the row that reaches furthest comes last."""
    days = grid(contract, rows)
    return sorted((row for row in rows if row.start in days), key=lambda row: (row.start, row.end))


def shown_from(day: date, contract: ContractFacts, rows: Sequence[UnitRow]) -> Shown | Unclear:
    """What the rows say from ``day`` to the contract's end."""
    later = sorted((row for row in rows if row.end >= day), key=lambda row: (row.start, row.end, row.id))
    if not later:
        return Unclear("no_row")
    if _has_gap(later):
        return Unclear("gap")
    compared = [row for row in beginning_a_period(contract, rows) if row.start >= day]
    if compared:
        return _held(compared, [row.start for row in compared])
    containing = [row for row in later if row.start <= day]
    if not containing:
        return Unclear("gap")
    begun = containing[-1].start
    return _held(containing, [day], split_on=None if begun in grid(contract, rows) else begun)


def _has_gap(rows: Sequence[UnitRow]) -> bool:
    reached = rows[0].end
    for row in rows[1:]:
        if row.start - reached > ONE_DAY:
            return True
        reached = max(reached, row.end)
    return False


def _held(rows: Sequence[UnitRow], days: Sequence[date], split_on: date | None = None) -> Shown | Unclear:
    """Units on ``days``: of two rows that share exactly one day the later one holds on it; more is a contradiction."""
    if any(later.start < earlier.end for earlier, later in pairwise(rows)):
        return Unclear("overlap")
    units = {day: row.units for day in days for row in rows if row.start <= day <= row.end}
    return Shown(tuple(sorted(units.items())), split_on)

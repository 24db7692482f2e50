"""The birth of a line book and its provisional baseline (kernel.md section 2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from seatledger.psa_writer.domain.announce import observed
from seatledger.psa_writer.domain.reading import ContractFacts
from seatledger.psa_writer.domain.rows import beginning_a_period, grid
from seatledger.schemas.book import LineBook, Trust
from seatledger.schemas.ids import LineKey
from seatledger.schemas.intents import LineRef, Observation
from seatledger.schemas.mirror import UnitRow
from seatledger.schemas.steps import StepFunction

VERSION_BITS = 63
HIGHEST_START = 2**63 - 2**32
"""Leaves room to count on: the store holds 64-bit integers."""


@dataclass(frozen=True)
class Baseline:
    """Units as read, and the dates on which they were read: nothing is known of other dates."""

    units: StepFunction
    days: tuple[date, ...]


@dataclass(frozen=True)
class SplitOnly:
    """The only rows that can be read are split ones: what they mean is not known yet."""


def baseline_of(contract: ContractFacts, rows: Sequence[UnitRow], since: date) -> Baseline | SplitOnly:
    """What the rows that begin a period say. ``since`` is the first day that the reading covers.

    A line without any row stands at 0, provisionally. Where the reading covers days before the first row, the line
    stood at 0 there; else the first row's units are taken to have held before it.
    """
    firsts = beginning_a_period(contract, rows)
    if not firsts:
        return SplitOnly() if rows else Baseline(StepFunction.constant(0), ())
    steps = {row.start: row.units for row in firsts} | _split_tails(contract, rows)
    begins_later = min(row.start for row in rows) > max(since, contract.start)
    return Baseline(
        StepFunction.of(steps, initial=0 if begins_later else firsts[0].units),
        tuple(sorted({row.start for row in firsts})),
    )


def _split_tails(contract: ContractFacts, rows: Sequence[UnitRow]) -> dict[date, int]:
    """From the last split row of a period on, where the next period's first row tells what it means.

    A change runs forward through all later periods, so a split row that equals the next period's units is a running
    total, and one that adds up to them is a delta; either way those units hold from the split on. Without this a
    change made by hand in the middle of a period would look like a step at the next period's start, and a target
    equal to it would be posted a second time for the rest of the period.
    """
    days = grid(contract, rows)
    ordered = sorted(rows, key=lambda row: (row.start, row.end))
    tails: dict[date, int] = {}
    for before, row, following in zip(ordered, ordered[1:], ordered[2:], strict=False):
        if (
            row.start not in days
            and following.start in days
            and following.units in (row.units, before.units + row.units)
        ):
            tails[row.start] = following.units
    return tails


def born(at: LineRef, baseline: Baseline, random_bits: Callable[[int], int]) -> LineBook:
    """A new book. Its version starts at random, so that it takes no intent of a former life of this line."""
    key = LineKey(connection=at.connection, line=at.line)
    return LineBook(id=str(key), at=at, version=min(random_bits(VERSION_BITS), HIGHEST_START), agreed=baseline.units)


def differs(book: LineBook, baseline: Baseline) -> bool:
    """Whether a reading shows other units than were agreed, on a date that it shows."""
    return any(book.agreed.units_at(day) != baseline.units.units_at(day) for day in baseline.days)


def moved(book: LineBook, baseline: Baseline, now: datetime) -> LineBook:
    """The baseline taken anew from a reading: version + 1, and the planner hears of it."""
    changed = book.model_copy(update={"version": book.version + 1, "agreed": baseline.units})
    return observed(changed, Observation.BASELINE, now)


def watched(book: LineBook, baseline: Baseline, now: datetime) -> LineBook:
    """What the mirror's reading makes of a book: only one that is ``new`` with nothing open follows it."""
    idle = book.trust is Trust.NEW and book.open is None
    return moved(book, baseline, now) if idle and differs(book, baseline) else book

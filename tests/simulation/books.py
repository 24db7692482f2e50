"""What Autotask holds and what was said to people, as the history read it.

Each subscription of a family has a hexadecimal digit of its own in the units of every line (its seats are
``digit × 16**slot``), so that the units of a line on a date say whose seats they are: no attribution has to be guessed.
The digit above all slots is what stood on the line before anybody linked it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.simulation.ground import Ground
from tests.simulation.sightings import Line

BASE, SLOTS = 16, 6
FOREIGN = SLOTS
"""The slot of units that were there before."""
LOST_DAYS = {"date_used", "unbilled_days", "date_outside_contract"}
"""Findings that name days which a change of a line lost."""
DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")


def seats(digit: int, slot: int) -> int:
    """Seats of a subscription that has this slot."""
    return int(digit * BASE**slot)


def digits(units: int) -> tuple[int, ...]:
    """What each slot has in a line's units; below zero nothing can be told, and every slot says so."""
    if units < 0:
        return (-1,) * (SLOTS + 1)
    return (*(units // BASE**slot % BASE for slot in range(SLOTS)), units // BASE**SLOTS)


@dataclass(frozen=True)
class Vendor:
    """A vendor's subscription: its slot, and the lines on which it may ever stand."""

    id: str
    slot: int
    lines: tuple[Line, ...]

    def standing(self, units: Mapping[Line, int]) -> dict[Line, int]:
        """The lines that carry it on a day, and with how many seats (in digits)."""
        shown = {line: digits(units[line])[self.slot] for line in self.lines if line in units}
        return {line: digit for line, digit in shown.items() if digit}


@dataclass(frozen=True)
class Effect:
    """One thing that took effect in Autotask by our hand."""

    seq: int
    line: Line
    day: date
    change: int

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Effect":
        return cls(row["seq"], row["contractServiceID"], _day(row["effectiveDate"]), row["unitChange"])


@dataclass(frozen=True)
class Finding:
    """A finding as ``seatledger findings --all`` showed it at the end of a round."""

    id: str
    code: str
    subscription: str
    line: Line | None
    message: str
    opened: date
    closed: date | None
    number: int = 0
    """The round after which it was first read."""

    @classmethod
    def read(cls, row: Mapping[str, Any], number: int) -> "Finding":
        closed = row["closed_at"] and _day(row["closed_at"])
        subscription, opened = row["subscription"] or "", _day(row["opened_at"])
        return cls(row["id"], row["code"], subscription, row["line"], row["message"], opened, closed, number)

    def about(self, vendor: Vendor) -> bool:
        """Every account's id of a subscription ends with the vendor's."""
        return self.subscription.endswith(vendor.id)

    def covers(self, day: date) -> bool:
        """Whether the days that its message names (first, and the one on which it is over) have ``day`` in them."""
        named = [date.fromisoformat(text) for text in DATE.findall(self.message)]
        return bool(named) and named[0] <= day and all(day < end for end in named[1:2])

    def covers_last(self, day: date) -> bool:
        """The same where the second day named is a contract's last one, and belongs to them."""
        return self.covers(day) or (
            self.code == "date_outside_contract" and DATE.findall(self.message)[1:2] == [str(day)]
        )


class Said:
    """Everything that findings ever said: the list shows only the last opening and the last words of each."""

    def __init__(self) -> None:
        self.findings: dict[tuple[str, date, str], Finding] = {}

    def hear(self, rows: Iterable[Mapping[str, Any]], number: int) -> list[Finding]:
        """What the list shows after a round; returns those that are open."""
        now = [Finding.read(row, number) for row in rows]
        for finding in now:
            key = (finding.id, finding.opened, finding.message)
            known = self.findings.get(key, finding)
            self.findings[key] = Finding(**{**vars(finding), "number": known.number})
        return [finding for finding in now if finding.closed is None]


@dataclass
class Books:
    """The two sides that are compared with the oracle."""

    units: dict[date, dict[Line, int]]
    before: dict[Line, int]
    """Units at the start."""
    effects: list[Effect]
    findings: list[Finding] = field(default_factory=list)
    """All that was ever said."""
    open: list[Finding] = field(default_factory=list)
    """What still stands at the end."""
    rough_days: frozenset[date] = frozenset()
    """Days on which calls failed or processes died."""
    posted: dict[Line, tuple[date, date]] = field(default_factory=dict)

    @property
    def today(self) -> date:
        return max(self.units)

    def ground(self) -> Ground:
        used: dict[Line, set[date]] = defaultdict(set)
        for effect in self.effects:
            used[effect.line].add(effect.day)
        return Ground(_frozen(used), self.posted, _frozen(self._lost()))

    def _lost(self) -> dict[Line, set[date]]:
        """Dates that an unknown outcome left used without an effect (kernel.md section 3: withdrawn, D stays used):
        they exist only where a call failed or a process died, and the product must have named them."""
        lost: dict[Line, set[date]] = defaultdict(set)
        for finding in [finding for finding in self.findings if finding.code in LOST_DAYS]:
            if finding.line is not None:
                lost[finding.line] |= {day for day in self.rough_days if finding.covers_last(day)}
        return lost


def _frozen(days: Mapping[Line, set[date]]) -> dict[Line, frozenset[date]]:
    return {line: frozenset(some) for line, some in days.items()}


def _day(instant: str) -> date:
    return date.fromisoformat(instant[:10])

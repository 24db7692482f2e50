"""Which day an adjustment goes out on, and how a target becomes a chain of wishes (kernel.md section 6)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from seatledger.schemas.base import Tolerant
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.intents import Span
from seatledger.schemas.steps import StepFunction

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Kept:
    """The date that a waiting wish has, and why it is later than its effective date."""

    on: date
    moved: FindingCode | None = None


@dataclass(frozen=True)
class Openings:
    """The dates that a line can take. ``mirrored`` and ``told`` are posted spans: those of the mirror, and those that a
    settlement saw; only the latter move a wish that has a date already."""

    start: date
    end: date
    today: date
    used: frozenset[date] = frozenset()
    mirrored: tuple[Span, ...] = ()
    told: tuple[Span, ...] = ()
    kept: Mapping[date, Kept] = field(default_factory=dict)
    """By effective date."""

    @property
    def after_used(self) -> date:
        """The first date later than each used date up to today."""
        return max((day + DAY for day in self.used if day <= self.today), default=date.min)

    def opening(self, effective: date) -> Kept | None:
        """The date for what changes on ``effective``; None where the contract has none left."""
        kept = self.kept.get(effective)
        if kept is not None and self._still_possible(kept.on):
            return kept
        return self.search(effective)

    def _still_possible(self, day: date) -> bool:
        return day not in self.used and day >= self.after_used and not any(day in span for span in self.told)

    def search(self, effective: date) -> Kept | None:
        """The earliest date that is not before ``effective``, in the contract, unposted, unused, and later than each
        used date up to today. Of several reasons to move on, the one that costs most days to explain is named:
        posted, then used, then the contract's start."""
        day = effective
        reasons: set[FindingCode] = set()
        while (step := self._push(day)) is not None:
            day, reason = step
            reasons.add(reason)
        if day > self.end:
            return None
        return Kept(day, next((code for code in _WEIGHT if code in reasons), None))

    def _push(self, day: date) -> tuple[date, FindingCode] | None:
        """The next date to try after one that cannot be, and why; None where ``day`` can be."""
        if day < self.start:
            return self.start, FindingCode.DATE_OUTSIDE_CONTRACT
        if day < self.after_used:
            return self.after_used, FindingCode.DATE_USED
        for span in (*self.told, *self.mirrored):
            if day in span:
                return span.end + DAY, FindingCode.PERIOD_POSTED
        return (day + DAY, FindingCode.DATE_USED) if day in self.used else None


_WEIGHT = (FindingCode.PERIOD_POSTED, FindingCode.DATE_USED, FindingCode.DATE_OUTSIDE_CONTRACT)


@dataclass(frozen=True)
class Dated:
    """One step of a chain: on ``on`` the line goes from ``before`` to ``after`` (whole functions, ``jump`` apart)."""

    effective: date
    on: date
    before: StepFunction
    after: StepFunction
    jump: int
    moved: FindingCode | None


class Loss(Tolerant):
    """Days that no date reaches any more: from ``first`` until before ``until`` the line stands ``seats`` below its
    target, above it where they are negative."""

    first: date
    until: date
    seats: int
    why: FindingCode
    told_on: date | None = None
    """The day on which a finding of its own told it; None where that of a wish does, or did."""


@dataclass(frozen=True)
class Chain:
    """A line's wishes in the order of their dates. ``outside`` is the first effective date the contract cannot take,
    with the seats that differ there."""

    steps: tuple[Dated, ...] = ()
    outside: date | None = None
    outside_seats: int = 0
    losses: tuple[Loss, ...] = field(default=(), compare=False)
    """What differs before the dates found. It asks for nothing: without steps the line stands where it should."""


def chain(target: StepFunction, agreed: StepFunction, openings: Openings) -> Chain:
    """The wishes that lead from ``agreed`` to ``target``, one after the other.

    Days before a date found on which the two differ are lost for good. Where nothing differs any more on that date,
    there is no wish: the difference lies wholly in days that are lost.
    """
    steps: list[Dated] = []
    losses: list[Loss] = []
    outside = None
    for found in _walk(target, agreed, openings):
        if isinstance(found, Dated):
            losses += _losses(target, found)
            steps += [found] if found.jump else []
        else:
            outside = found
    if outside is None:
        return Chain(tuple(steps), losses=tuple(losses))
    stands = steps[-1].after if steps else agreed
    seats = abs(target.units_at(outside) - stands.units_at(outside))
    return Chain(tuple(steps), outside, seats, tuple(losses))


def _losses(target: StepFunction, dated: Dated) -> Iterator[Loss]:
    if dated.moved is None:
        return
    between = {day for day in (*target.days, *dated.before.days) if dated.effective < day < dated.on}
    for first, until in pairwise(sorted({dated.effective, dated.on, *between})):
        seats = target.units_at(first) - dated.before.units_at(first)
        if seats:
            yield Loss(first=first, until=until, seats=seats, why=dated.moved)


def _walk(target: StepFunction, agreed: StepFunction, openings: Openings) -> Iterator[Dated | date]:
    stands = agreed
    effective = _first_day(target, stands)
    while effective is not None:
        dated = _date(effective, target, stands, openings)
        if dated is None:
            yield effective
            return
        yield dated
        stands = dated.after
        effective = target.first_difference(dated.on, stands)


def _first_day(target: StepFunction, agreed: StepFunction) -> date | None:
    days = [*target.days, *agreed.days]
    return target.first_difference(min(days), agreed) if days else None


def _date(effective: date, target: StepFunction, stands: StepFunction, openings: Openings) -> Dated | None:
    """Dates one difference; past any later date on which the line would stand below zero in between: that date is used
    ahead, and the step up on it cannot be made there. The same where a person left a step down at an unused date:
    going in between would bring the earlier difference back as a wish of its own."""
    kept = openings.opening(effective)
    below: date | None = None
    while kept is not None:
        jump = target.units_at(kept.on) - stands.units_at(kept.on)
        after = stands.shifted_from(kept.on, jump)
        below = next((day for day in reversed(after.days_from(kept.on)) if after.units_at(day) < 0), None)
        if below is None:
            return Dated(effective, kept.on, stands, after, jump, kept.moved)
        further = openings.search(below + DAY) if below < openings.end else None  # the calendar has a last day
        kept = further and Kept(further.on, FindingCode.DATE_USED)
    return None

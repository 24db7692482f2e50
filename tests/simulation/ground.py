"""How late a change of a line may come: what the line's own dates say of it (kernel.md section 6)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.simulation.sightings import Left, Line


@dataclass(frozen=True)
class Ground:
    """What Autotask's own books say of the lines: on it rests how late a change may come."""

    used: Mapping[Line, frozenset[date]]
    """Dates of our adjustments."""
    posted: Mapping[Line, tuple[date, date]] = field(default_factory=dict)
    """The day of the posting and the last day posted."""
    lost: Mapping[Line, frozenset[date]] = field(default_factory=dict)
    """Dates that an unknown outcome left used without an adjustment, perhaps one after the other."""

    def free(self, lines: Iterable[Line | None], day: date) -> date:
        """The day on which the last of ``lines`` can take a minus that was asked for on ``day``: the plus of a move is
        sent after it, and may find that day used in turn."""
        known, lines = day, tuple(lines)
        while self.late(lines, day, known):
            day += timedelta(days=1)
        return day

    def _in_vain(self, line: Line, known: date, day: date) -> bool:
        """Whether a change that had to wait was sent on each day until ``day`` without an effect."""
        waited = (known + timedelta(days=n) for n in range(1, (day - known).days + 1))
        return day > known and all(one in self.lost.get(line, ()) for one in waited)

    def may_hold(self, left: Left) -> bool:
        """Whether the decrease of a move may not have been out when its new line was lost (section 7.3)."""
        return left.together or self.free([left.line, left.new], left.asked) >= left.lost

    def taken(self, line: Line, day: date, end: date) -> bool:
        """Whether what counts from ``day`` had to wait until ``end`` for a free date of ``line``."""
        posted = self.posted.get(line)
        return any(day <= one < end for one in self._gone(line)) or (posted is not None and day <= posted[1])

    def _gone(self, line: Line) -> frozenset[date]:
        return self.used.get(line, frozenset()) | self.lost.get(line, frozenset())

    def late(self, lines: Iterable[Line | None], day: date, known: date) -> bool:
        """Whether a change of one of ``lines`` that counts from ``day`` or before may come after it."""
        return any(self._late(line, day, known) for line in lines if line is not None)

    def _late(self, line: Line, day: date, known: date) -> bool:
        used = self._gone(line)
        if any(day <= date_used <= known for date_used in used) or self._in_vain(line, known, day):
            return True
        posted = self.posted.get(line)
        if posted is None or day > posted[1]:
            return False
        waits = known + timedelta(days=1) if known in used else known  # and may meet the posting on that morning
        return posted[0] <= waits

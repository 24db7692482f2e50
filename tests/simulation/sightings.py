"""What one account said of a subscription, and where its mappings led (kernel.md sections 5 and 7)."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

ENDED = {"cancelled", "expired", "disabled", "deleted"}
SILENT = {"pending", "trial"}

Line = int
Value = int | None
"""Seats; None: not begun, or ended. None is not 0: rank passes over it."""


@dataclass(frozen=True)
class Account:
    """A source account as the configuration has it."""

    rank: int
    keeps_billing: bool
    full: bool = False
    """Each of its files is the full list."""

    def value(self, status: str, seats: int) -> Value:
        """The table of states of kernel.md section 5."""
        if status in ENDED:
            return None
        if status == "suspended":
            return seats if self.keeps_billing else 0
        return seats


@dataclass
class Steps:
    """What holds from which day on."""

    steps: list[tuple[date, Value]] = field(default_factory=list)

    def at(self, day: date) -> Value:
        return next((value for since, value in reversed(self.steps) if since <= day), None)

    def say(self, known: date, since: date, value: Value) -> None:
        """The newest state replaces the steps from the day it was read, or from its own date if that is earlier."""
        keep = [step for step in self.steps if (step[0] < since if since <= known else step[0] <= known)]
        self.steps = [*keep, (since, value)]

    def end_at(self, known: date) -> None:
        """Nothing that was announced for a later day comes any more."""
        self.steps = [step for step in self.steps if step[0] <= known]


@dataclass(frozen=True)
class Move:
    """It was asked to leave ``old`` for ``new`` on day ``asked``, in one round of the history."""

    old: Line
    new: Line
    asked: date
    number: int


@dataclass(frozen=True)
class Left:
    """The line that may still hold it: when no line to go to was known any more, its decrease was perhaps not out. It
    waits for a date that both lines can take (section 7.3)."""

    line: Line
    new: Line
    asked: date
    lost: date
    together: bool
    """Asked and lost in one round: nobody can tell whether the first was planned at all."""


@dataclass(frozen=True)
class Stand:
    """From which day on which line is meant to carry it."""

    since: date
    line: Line
    instead: tuple[Left, ...] = ()


@dataclass
class Sighting:
    """A subscription as one account shows it."""

    name: str
    account: Account
    vendor: str
    counted: Steps = field(default_factory=Steps)
    stands: list[Stand] = field(default_factory=list)
    """Empty until it joined."""
    mapped: Line | None = None
    decided: int = 0
    """The round in which its line changed last."""
    frozen: bool = False
    lost_since: date | None = None
    """The day from which on no line, or no mapping, was known for it."""
    moves: list[Move] = field(default_factory=list)
    latest: tuple[date, Value] | None = None
    absent_since: date | None = None
    absences: int = 0

    @property
    def joined(self) -> bool:
        return bool(self.stands)

    def alive(self, day: date) -> bool:
        """Whether its account shows it, also where it is no member yet."""
        return self.counted.at(day) is not None or (
            not self.joined and self.latest is not None and self.latest[1] is not None
        )

    def home(self, day: date) -> Line | None:
        """The line that its mappings name and on which it stands; None where there is none."""
        stand = self.stand(day)
        return stand.line if stand is not None and self.lost_since is None else None

    def stand(self, day: date) -> Stand | None:
        return next((stand for stand in reversed(self.stands) if stand.since <= day), None)

    # -- what its account says --------------------------------------------------------------------------------------

    def said(self, known: date, status: str, seats: int, since: date) -> bool:
        """A complete read, or none (False); ``since``: the source's date of this change."""
        self.absences, self.absent_since = 0, None
        if status in SILENT:
            return False
        value = self.account.value(status, seats)
        if self.latest is None or self.latest[1] != value or since < self.latest[0]:
            self.latest = (since, value)
        if self.frozen:
            return False
        if self.joined:
            self.counted.say(known, since, value)
        else:
            self._join(known)
        return True

    def absent(self, known: date, denied: bool) -> bool:
        """Missing from a full list; gone, from the day of the first, once two successive ones do not show it (and a
        live source ``denied`` it when asked: design.md section 2)."""
        if self.frozen:
            return False
        self.absences += 1
        self.absent_since = self.absent_since or known
        if self.absences < 2 or not denied or not self.joined:
            return False
        self.counted.say(known, self.absent_since, None)
        return True

    # -- where its mappings lead ------------------------------------------------------------------------------------

    def maps(self, known: date, line: Line | None, number: int, *, unmapped: bool) -> None:
        """A mapping decided in round ``number``; None: it leads to no line (``unmapped``: by a person's word)."""
        if line != self.mapped:
            self.decided = number
        self.mapped = line
        if not self.joined:
            self._join(known)
        elif line is None:
            self._lose(known, number, unmapped)

    def _join(self, known: date) -> None:
        """A member joins with its first complete state, on the first day on which nothing hinders it."""
        if self.latest is not None and self.mapped is not None:
            self.stands.append(Stand(known, self.mapped))
            self.counted.say(known, known, self.latest[1])

    def _lose(self, known: date, number: int, unmapped: bool) -> None:
        """It stays where it is held; a move under way goes on (sections 5 and 7.3)."""
        if self.frozen and not unmapped:
            self._catch_up(known)
        if self.lost_since is None:
            instead = tuple(Left(move.old, move.new, move.asked, known, move.number == number) for move in self.moves)
            self.stands[-1] = replace(self.stands[-1], instead=instead)
        self.frozen = unmapped
        self.lost_since = self.lost_since or known
        if unmapped:
            self.counted.end_at(known)

    def find(self, known: date, line: Line, number: int, over: date | None) -> tuple[date | None, bool]:
        """It goes to ``line`` from today on; from the day after the old contract's last one (``over``) where that is
        past. Returns since when it had none to go to, and whether it had been frozen."""
        if self.frozen:
            self._catch_up(known)
        old = self.stands[-1].line
        since = known if over is None else min(known, over + timedelta(days=1))
        left = {old, *(left.line for left in self.stands[-1].instead)} - {line}
        self.moves += [Move(one, line, known, number) for one in sorted(left)]
        if left:
            self.stands = [*_before(self.stands, since), Stand(since, line)]
        lost, was_frozen = self.lost_since, self.frozen
        self.lost_since, self.frozen = None, False
        return lost, was_frozen

    def _catch_up(self, known: date) -> None:
        """What its source said while it was frozen counts."""
        if self.latest is not None:
            self.counted.say(known, max(self.latest[0], self.stands[-1].since), self.latest[1])


def _before(stands: Iterable[Stand], day: date) -> list[Stand]:
    return [stand for stand in stands if stand.since < day]

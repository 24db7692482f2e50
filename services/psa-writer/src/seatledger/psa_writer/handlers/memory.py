"""What the executor remembers between two passes. Forgotten with the lease: a successor begins every W anew."""

from dataclasses import dataclass, field

from seatledger.psa_writer.domain.drift import drift_watch
from seatledger.psa_writer.domain.transitions import opened
from seatledger.psa_writer.domain.watch import RecentWrites, Watch, first_look
from seatledger.schemas.book import Drift, LineBook

FIRST_PAUSE = 0.25
"""Seconds until the second reading of a line; each further pause is twice as long."""


@dataclass
class Pace:
    attempt: int
    due: float


@dataclass
class Memory:
    """Per line id; times are machine seconds."""

    recent: RecentWrites = field(default_factory=RecentWrites)
    watches: dict[str, Watch] = field(default_factory=dict)
    paces: dict[str, Pace] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    """When a 200 came for a send whose rows were not there yet: to measure how far reads lag."""
    lag: float | None = None
    """Seconds from a 200 to the first reading that showed it, newest."""
    slow_due: float = 0.0
    slow: list[str] = field(default_factory=list)
    """Ids of the books that wait for a person and were not yet read in this round."""
    drifts: dict[str, Watch] = field(default_factory=dict)

    def watch(self, book: LineBook, seconds: float) -> Watch:
        """The watch over this very send; begun now where this process looks at it for the first time."""
        claim, known = opened(book), self.watches.get(book.id)
        if known is None or (known.intent, known.send) != (claim.intent.id, claim.sends):
            known = self.watches[book.id] = first_look(claim, seconds, known)
        return known

    def drift(self, book_id: str, drift: Drift, seconds: float) -> Watch:
        """What was seen of this very drift."""
        begun, known = drift_watch(drift, seconds), self.drifts.get(book_id)
        return known if known is not None and known.intent == begun.intent else begun

    def is_due(self, book_id: str, seconds: float) -> bool:
        pace = self.paces.get(book_id)
        return pace is None or pace.due <= seconds

    def wait(self, book_id: str, seconds: float, longest: float) -> None:
        """Read this line again after a pause that doubles up to ``longest``."""
        attempt = self.paces[book_id].attempt + 1 if book_id in self.paces else 0
        pause = min(longest, FIRST_PAUSE * 2 ** min(attempt, 20))
        self.paces[book_id] = Pace(attempt, seconds + pause)

    def pause(self, book_id: str, seconds: float, pause: float) -> None:
        self.paces[book_id] = Pace(0, seconds + pause)

    def moved(self, book: LineBook) -> None:
        """A book was saved in a new state: look again at once; forget it where nothing is open."""
        self.paces.pop(book.id, None)
        if book.open is None:
            self.watches.pop(book.id, None)
            self.answered.pop(book.id, None)
        if book.drift is None:
            self.drifts.pop(book.id, None)

    def take_lag(self) -> float | None:
        lag, self.lag = self.lag, None
        return lag

    def forget(self) -> None:
        self.recent.met.clear()
        self.watches.clear()
        self.paces.clear()
        self.answered.clear()
        self.drifts.clear()
        self.slow.clear()
        self.slow_due = 0.0

"""The last state of each subscription and resource, and the event that says it: one document, one write."""

from typing import Any, Final

from seatledger.collector.domain.asks import ended
from seatledger.collector.domain.reading import Problem
from seatledger.collector.domain.sweeps import Absence
from seatledger.schemas import topics
from seatledger.schemas.base import Instant, Strict
from seatledger.schemas.documents import Document, Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.ids import SourceName
from seatledger.schemas.subscriptions import Asked, Change, Earlier, SubscriptionChanged, remembered

PRODUCER: Final = "/collector"

NOT_BUSINESS: Final = frozenset(
    {
        "revision",
        "change",
        "asks",
        "earlier",
        "occurred_at",
        "reported_at",
        "observed_at",
        "effective_on",
        "previous_quantity",
        "previous_status",
        "raw_status",
        "raw",
    }
)
"""Fields that make no event by themselves. ``asks`` is compared as a function, ``effective_on`` lives in it."""


class SetBack(Strict):
    """Sweeps show an older version than the stored one, at least ``version``, since the first such sweep."""

    version: int
    since: Instant


class Snapshot(Document):
    """A row of ``snapshots``; ``schemas.heads.SnapshotHead`` reads ``source`` and ``revision``."""

    source: SourceName
    revision: int
    state: SubscriptionChanged
    """What was said last: the data of the event of ``revision``."""
    said_at: Instant
    """The time of that event, so that it can be said again as it was."""
    reading: str
    """The delivery that was applied last; applied again after a crash it changes nothing."""
    problems: tuple[Problem, ...] = ()
    """What that delivery's rows were told, so that it is told again where the delivery is begun again."""
    reported_at: Instant | None = None
    last_modified: Instant | None = None
    version: int | None = None
    """The source's own number of what was read last."""
    set_back: SetBack | None = None
    """While the source shows an older state than this one."""
    begun: int = 0
    """The number of the delivery that was applied last: reads of a live source cross, and the later begun is newer."""
    gone: bool = False

    @property
    def live(self) -> bool:
        """Whether absence would mean anything: not gone, and not ended by the source's own word."""
        return not self.gone and not (self.state.complete and self.state.asks and self.state.asks.units.last is None)


def event_of(snapshot: Snapshot) -> Outgoing:
    """The event that says the snapshot's revision; the same, id included, whenever it is made."""
    state = snapshot.state
    event = Event.about(
        state, source=PRODUCER, subject=str(state.key), revision=snapshot.revision, time=snapshot.said_at
    )
    return Outgoing(topic=topics.CHANGED.name, key=state.key.bus_key, event=event)


def business(state: SubscriptionChanged) -> dict[str, Any]:
    """What makes a new revision where it differs."""
    return {name: value for name, value in state if name not in NOT_BUSINESS}


def published(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the event of its revision behind what still waits in its outbox."""
    return snapshot.model_copy(update={"outbox": (*snapshot.outbox, event_of(snapshot))})


def earlier(stored: Snapshot | None, asks: Asked | None) -> tuple[Earlier, ...]:
    """What is told with a new revision that asks for ``asks``, of all that were said before (decision 0013)."""
    if stored is None:
        return ()
    return remembered(stored.state.earlier, stored.revision, stored.state.asks, asks)


def gone(snapshot: Snapshot, absence: Absence, said_at: Instant, begun: int) -> Snapshot:
    """Confirmed gone: ends on the day of the first of the absences that confirmed it. ``begun``: the number of the
    newest read, so that one under way since before does not bring it back."""
    asks = None if snapshot.state.asks is None else ended(absence.since)
    state = snapshot.state.model_copy(
        update={
            "revision": snapshot.revision + 1,
            "change": Change.GONE,
            "asks": asks,
            "earlier": earlier(snapshot, asks),
            "observed_at": said_at,
            "effective_on": absence.since,
            "previous_quantity": snapshot.state.quantity,
            "previous_status": snapshot.state.status,
            "raw": None,
        }
    )
    update = {"revision": snapshot.revision + 1, "state": state, "said_at": said_at, "gone": True, "begun": begun}
    return published(snapshot.model_copy(update=update))

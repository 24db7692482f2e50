"""The bus as a service sees it: whole batches in, confirmed events out. Wiring is in :mod:`seatledger.runtime.kafka`.

Delivery is at least once and order is a convenience, never a proof: a handler decides under compare-and-set on a
stored document and ignores lower revisions.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import EventData, EventHead
from seatledger.schemas.topics import Topic


class EventSink(Protocol):
    """Where events go."""

    async def publish(self, outgoing: Iterable[Outgoing]) -> None:
        """Returns once every event is confirmed by all in-sync replicas; raises :class:`BusUnavailableError` where one
        is not, or :class:`EventTooLargeError` where that is no matter of waiting. Events of one key keep their order,
        and none follows one that failed. A caller may not assume that a failed batch left no trace.

        Each event is written before the next is asked for: whoever makes events for the bus alone gives a generator,
        and hundreds of them need not be held at once."""


class BusUnavailableError(Exception):
    """The broker did not confirm in time."""


class EventTooLargeError(Exception):
    """The broker takes all the others, and never this event, or these: it answers for a batch as a whole, so only who
    publishes an event alone learns which it is."""


@dataclass(frozen=True)
class Received:
    """One readable record of a batch."""

    event: EventHead
    data: EventData


Handler = Callable[[Sequence[Received]], Awaitable[None]]
"""Handles one batch; returning commits it. An exception brings the batch back after a pause; a record that keeps
failing alone goes to ``dead.v1`` with its finding, its neighbours go on. A handler never calls a PSA or a
distributor."""


@dataclass(frozen=True)
class Subscription:
    """A topic and the one handler for the event types it accepts; other types on the topic are passed over."""

    topic: Topic
    handle: Handler
    accepts: tuple[type[EventData], ...]
    name: str = field(default="")
    """Distinguishes two subscriptions of one service on one topic."""


@dataclass
class MemorySink:
    """The twin for tests: keeps what was published."""

    published: list[Outgoing] = field(default_factory=list)

    async def publish(self, outgoing: Iterable[Outgoing]) -> None:
        self.published.extend(outgoing)

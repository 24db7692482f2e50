"""From raw records to a handler: each record decoded by itself, failures retried, what cannot be read sent to dead.v1.

Knows no Kafka client: a record is anything with Kafka's fields, so that all of this is tested without a broker.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from seatledger.runtime.backoff import PASSING, insist, pause
from seatledger.runtime.bus import Received, Subscription
from seatledger.runtime.chains import about
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.redaction import REDACTOR
from seatledger.schemas.dead import RecordPlace
from seatledger.schemas.envelope import UnreadableEventError
from seatledger.schemas.registry import read

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

LARGEST: Final = 1024 * 1024
"""Bytes of a record's value; what is larger is none of our events."""
ATTEMPTS: Final = 3
PATIENCE: Final = 60.0
"""Seconds for which a batch is held while broker or store are away. Then it is given back to the client, which gives it
to us again: so that the group does not take us for dead (``MOST_SECONDS``)."""
APART_SECONDS: Final = 30.0
"""For so long each record of a batch that failed as a whole is tried as often as the batch was; those after it once.
So 500 records that all fail are buried in less than the group allows, and a short trouble still buries few."""
MOST_SECONDS: Final = 300.0
"""A member that takes longer over one batch loses its partitions to others and cannot commit: the batch would come
back, and be buried again, without end (``max_poll_interval_ms``)."""


class Record(Protocol):
    """A record as Kafka's clients give it."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(frozen=True)
class Unreadable:
    """A record for dead.v1, and why."""

    record: Record
    why: str


SendDead = Callable[[Sequence[Unreadable]], Awaitable[None]]
"""Copies records to dead.v1 and raises their findings; returns once both are safe."""


def place_of(record: Record) -> RecordPlace:
    return RecordPlace(topic=record.topic, partition=record.partition, offset=record.offset)


def read_record(record: Record) -> Received:
    """The event in a record; :class:`UnreadableEventError` where there is none."""
    for key, value in record.headers:
        if any("\udc80" <= letter <= "\udcff" for letter in key):
            raise UnreadableEventError(f"the name of a header is not UTF-8: {key!a}")
        try:
            (value or b"").decode()
        except UnicodeDecodeError as error:
            raise UnreadableEventError(f"the header {key!r} is not UTF-8: {error}") from error
    if record.value is not None and len(record.value) > LARGEST:
        raise UnreadableEventError(f"the value has {len(record.value)} bytes; an event has at most {LARGEST}")
    event, data = read(record.value)
    return Received(event, data)


@dataclass
class Delivery:
    """Brings batches of one subscription to its handler. A batch that :meth:`take` returned may be committed."""

    subscription: Subscription
    send_dead: SendDead
    machine: MachineClock
    metrics: Metrics
    log: "FilteringBoundLogger"
    trouble: str | None = None
    """What is failing right now; None while all goes well."""
    handled_at: float = field(default=0.0)
    """Machine seconds at the end of the last batch."""
    busy_since: float | None = None

    async def take(self, records: Sequence[Record]) -> None:
        """Handle a batch. Raises only what has to bring the whole batch back."""
        self.busy_since = started = self.machine.seconds()
        try:
            readable, unreadable = self._sort_out(records)
            if unreadable:
                await self._send_dead(unreadable)
            with about(received.event.correlationid for _, received in readable):
                if readable:
                    await self._deliver(readable)
                self.handled_at = self.machine.seconds()
                self._count(len(records), len(readable), len(unreadable), self.handled_at - started)
        finally:
            self.busy_since = None

    def _sort_out(self, records: Sequence[Record]) -> tuple[list[tuple[Record, Received]], list[Unreadable]]:
        readable: list[tuple[Record, Received]] = []
        unreadable: list[Unreadable] = []
        for record in records:
            try:
                received = read_record(record)
            except UnreadableEventError as error:
                unreadable.append(Unreadable(record, error.why))
            else:
                if isinstance(received.data, self.subscription.accepts):
                    readable.append((record, received))
        return readable, unreadable

    async def _deliver(self, batch: Sequence[tuple[Record, Received]]) -> None:
        """The whole batch a few times, then each record by itself, so that one bad record costs only itself."""
        why = await self._attempt([received for _, received in batch], ATTEMPTS)
        if why is not None and len(batch) == 1:
            await self._bury(batch[0][0], why)
        if why is not None and len(batch) > 1:
            await self._deliver_apart(batch)
        self.trouble = None

    async def _deliver_apart(self, batch: Sequence[tuple[Record, Received]]) -> None:
        end = self.machine.seconds() + APART_SECONDS
        for record, received in batch:
            with about([received.event.correlationid]):
                why = await self._attempt([received], ATTEMPTS if self.machine.seconds() < end else 1)
                if why is not None:
                    await self._bury(record, why)

    async def _attempt(self, events: Sequence[Received], attempts: int) -> str | None:
        """None once the handler has taken the events, else its last error."""
        why = ""
        for failures in range(1, attempts + 1):
            try:
                await self._insist(lambda: self.subscription.handle(events))
            except PASSING:
                raise
            except Exception as error:
                why = self.trouble = REDACTOR.clean(f"{type(error).__name__}: {error}")
                self.metrics.handler_failures.labels(self.subscription.topic.name).inc()
                self.log.warning(
                    "handler failed",
                    topic=self.subscription.topic.name,
                    events=len(events),
                    attempt=failures,
                    exc_info=True,
                )
                if failures < attempts:
                    await self.machine.sleep(pause(failures, first=0.2))
            else:
                return None
        return why

    async def _bury(self, record: Record, why: str) -> None:
        await self._send_dead([Unreadable(record, f"the handler failed: {why}")])

    async def _send_dead(self, unreadable: Sequence[Unreadable]) -> None:
        await self._insist(lambda: self.send_dead(unreadable))
        self.metrics.dead_letters.labels(self.subscription.topic.name).inc(len(unreadable))
        first = unreadable[0]
        self.log.warning(
            "records sent to dead.v1", records=len(unreadable), why=first.why, **place_of(first.record).model_dump()
        )

    async def _insist(self, call: Callable[[], Awaitable[None]]) -> None:
        await insist(call, self.machine, trouble=self._note, patience=PATIENCE)

    def _note(self, trouble: str | None) -> None:
        if trouble and trouble != self.trouble:
            self.log.warning("waiting", topic=self.subscription.topic.name, trouble=trouble)
        self.trouble = trouble

    def _count(self, records: int, events: int, dead: int, seconds: float) -> None:
        name = self.subscription.topic.name
        self.metrics.batches.labels(name).inc()
        self.metrics.events.labels(name).inc(events)
        self.metrics.batch_size.labels(name).observe(records)
        self.metrics.batch_seconds.labels(name).observe(seconds)
        if events or dead:
            self.metrics.last_progress.set(self.machine.now().timestamp())
            self.log.info("batch", topic=name, events=events, dead=dead, ms=round(seconds * 1000))

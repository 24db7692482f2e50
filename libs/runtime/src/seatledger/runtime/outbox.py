"""Publishes what documents carry in their outboxes, in order per document, and then takes it out of them.

Woken by each save in this process; a sweep finds what a dead process left behind.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from seatledger.runtime.backoff import PASSING, pause
from seatledger.runtime.bus import EventSink
from seatledger.runtime.chains import chains
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import D, Documents, Store
from seatledger.runtime.tasks import end_tasks
from seatledger.schemas.base import Json
from seatledger.schemas.documents import Outgoing

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

BATCH: Final = 300
"""Documents published and cleared together."""
SWEEP_SECONDS: Final = 2.0

BeforePublish = Callable[[Mapping[str, Sequence[Outgoing]]], Awaitable[Mapping[str, Exception]]]
"""Awaited with the entries of all documents that are about to be published, by document id. Answers which documents'
entries stay in the outbox for a later attempt, and why; what it raises keeps them all."""


class OutboxRelay:
    """Publishes the outboxes of one collection's documents."""

    def __init__(
        self,
        store: Store,
        name: str,
        sink: EventSink,
        machine: MachineClock,
        metrics: Metrics,
        log: "FilteringBoundLogger",
    ) -> None:
        self.name = name
        self.before_publish: BeforePublish | None = None
        self.trouble: str | None = None
        self._collection = store.collection(name)
        self._sink = sink
        self._machine = machine
        self._metrics = metrics
        self._log = log
        self._waiting: dict[str, Sequence[Outgoing] | None] = {}
        """Documents to publish, with what was saved in them; None where that has to be read."""
        self._wake = asyncio.Event()
        self._seen: dict[str, int] | None = None
        self._failures = 0

    def wake(self, document_id: str, outbox: Sequence[Outgoing]) -> None:
        """A document with this outbox was saved."""
        self._waiting[document_id] = outbox
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled; failures are retried for ever and shown in ``trouble``."""
        swept_at = -SWEEP_SECONDS
        indexed = False
        while True:
            try:
                if not indexed:
                    await self._collection.ensure_index("has_outbox")
                    indexed = True
                if self._machine.seconds() - swept_at >= SWEEP_SECONDS:
                    await self._sweep()
                    swept_at = self._machine.seconds()
                await self._flush()
                self._failures, self.trouble = 0, None
                await self._rest(SWEEP_SECONDS)
            except Exception as error:
                await self._note(error)

    async def drain(self) -> None:
        """Publish all that waits in this process; for a graceful stop."""
        await self._flush()

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _note(self, error: Exception) -> None:
        self._failures += 1
        self.trouble = f"outbox of {self.name}: {type(error).__name__}: {error}"
        self._log.warning(
            "outbox waits", collection=self.name, error=self.trouble, exc_info=not isinstance(error, PASSING)
        )
        await self._machine.sleep(pause(self._failures, cap=3.0))

    async def _sweep(self) -> None:
        """Take up documents that stood unchanged since the sweep before: another process may be at the newer ones. The
        first sweep takes all, as after a crash nobody else will."""
        found = await self._collection.find({"has_outbox": True}, fields=["rev"], limit=2000)
        self._metrics.outbox_waiting.labels(self.name).set(len(found))
        revisions = {document["_id"]: int(document.get("rev", 0)) for document in found}
        for document_id, revision in revisions.items():
            if self._seen is None or self._seen.get(document_id) == revision:
                self._waiting.setdefault(document_id, None)
        self._seen = revisions

    async def _flush(self) -> None:
        self._wake.clear()
        while self._waiting:
            ids = list(self._waiting)[:BATCH]
            taken = {document_id: self._waiting.pop(document_id) for document_id in ids}
            try:
                await self._publish({**await self._read(taken), **{key: one for key, one in taken.items() if one}})
            except BaseException:
                self._waiting = {**dict.fromkeys(ids), **self._waiting}
                raise

    async def _read(self, taken: Mapping[str, Sequence[Outgoing] | None]) -> Mapping[str, Sequence[Outgoing]]:
        unread = [document_id for document_id, outbox in taken.items() if not outbox]
        if not unread:
            return {}
        found = await self._collection.find({"_id": {"$in": unread}, "has_outbox": True}, fields=["outbox"])
        return {document["_id"]: _entries(document) for document in found}

    async def _publish(self, entries: Mapping[str, Sequence[Outgoing]]) -> None:
        kept = await self._kept({document_id: items for document_id, items in entries.items() if items})
        outgoing = [item for document_id, items in entries.items() if document_id not in kept for item in items]
        if outgoing:
            await self._sink.publish(outgoing)
            self._metrics.outbox_published.labels(self.name).inc(len(outgoing))
            self._metrics.last_progress.set(self._machine.now().timestamp())
            whose = chains(item.event.correlationid for item in outgoing)
            self._log.info("published", collection=self.name, events=len(outgoing), **whose)
        published = [(key, [item.event.id for item in items]) for key, items in entries.items() if key not in kept]
        await self._collection.clear_outboxes(published)
        if kept:
            self._waiting.update(dict.fromkeys(kept))
            raise next(iter(kept.values()))

    async def _kept(self, entries: Mapping[str, Sequence[Outgoing]]) -> Mapping[str, Exception]:
        """The documents that the hook does not let go, and why."""
        if self.before_publish is None or not entries:
            return {}
        return await self.before_publish(entries)


def _entries(document: Json) -> list[Outgoing]:
    return [Outgoing.model_validate(entry) for entry in document.get("outbox", ())]


class Outboxes:
    """All collections with outboxes of one process."""

    def __init__(
        self, store: Store, sink: EventSink, machine: MachineClock, metrics: Metrics, log: "FilteringBoundLogger"
    ) -> None:
        self._parts: tuple[Any, ...] = (sink, machine, metrics, log)
        self._store = store
        self._relays: dict[str, OutboxRelay] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._running = False

    def documents(self, name: str, model: type[D], *, before_publish: BeforePublish | None = None) -> Documents[D]:
        """The typed collection ``name``, whose outbox is published from now on."""
        relay = self._relays.get(name)
        if relay is None:
            relay = self._relays[name] = OutboxRelay(self._store, name, *self._parts)
            if self._running:
                self._tasks.append(asyncio.create_task(relay.run(), name=f"outbox {name}"))
        relay.before_publish = before_publish or relay.before_publish
        return Documents(self._store.collection(name), model, relay.wake)

    def start(self) -> None:
        self._running = True
        self._tasks = [asyncio.create_task(relay.run(), name=f"outbox {name}") for name, relay in self._relays.items()]

    async def check(self) -> str | None:
        """One line why an outbox is not published, or None."""
        return next((relay.trouble for relay in self._relays.values() if relay.trouble), None)

    async def stop(self) -> None:
        """Publish what waits, at most 2 s; the rest stays in its documents for the next process."""
        await end_tasks(self._tasks)
        try:
            async with asyncio.timeout(2):
                await asyncio.gather(*(relay.drain() for relay in self._relays.values()), return_exceptions=True)
        except TimeoutError:
            pass

"""Publishes what documents carry in their outboxes, in order per document, and then takes it out of them.

Woken by each save in this process; a sweep finds what a dead process left behind. A document that cannot be published
waits by itself: the others go on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from seatledger.runtime.backoff import PASSING, pause
from seatledger.runtime.bus import EventSink, EventTooLargeError
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
PASSING_CAP: Final = 3.0
LASTING_CAP: Final = 60.0
"""Seconds between attempts at what no waiting mends: somebody has to let larger events through, say."""

Say = Callable[[Mapping[str, Sequence[Outgoing]]], Awaitable[Mapping[str, Exception]]]
"""Publishes and clears documents' entries: answers which documents' entries did not go, and why."""
BeforePublish = Callable[[Mapping[str, Sequence[Outgoing]]], Awaitable[Mapping[str, Exception]]]
"""Awaited with the entries of all documents that are about to be published, by document id. Answers which documents'
entries stay in the outbox for a later attempt, and why; what it raises keeps them all."""


@dataclass(frozen=True)
class Held:
    """A document whose entries stay in its outbox for now."""

    error: Exception
    failures: int
    due: float
    """Machine seconds of the next attempt."""


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
        self._held: dict[str, Held] = {}
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
                await self._rest(self._idle())
            except Exception as error:
                await self._note(error)

    async def drain(self) -> None:
        """Publish all that waits in this process, but what is held back; for a graceful stop."""
        await self._flush()

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _idle(self) -> float:
        """Seconds until there is something to do, if nobody wakes us."""
        soonest = min((held.due for held in self._held.values()), default=float("inf"))
        return min(SWEEP_SECONDS, max(0.0, soonest - self._machine.seconds()))

    async def _note(self, error: Exception) -> None:
        self._failures += 1
        self.trouble = f"outbox of {self.name}: {type(error).__name__}: {error}"
        self._log.warning(
            "outbox waits", collection=self.name, error=self.trouble, exc_info=not isinstance(error, PASSING)
        )
        await self._machine.sleep(pause(self._failures, cap=PASSING_CAP))

    def _note_held(self, document_id: str, error: Exception | None) -> None:
        """A document that did not go comes after all others from now on, at growing intervals; one that went does not
        any more."""
        before = self._held.pop(document_id, None)
        if error is None:
            return
        failures = before.failures + 1 if before else 1
        cap = PASSING_CAP if isinstance(error, PASSING) else LASTING_CAP
        self._held[document_id] = Held(error, failures, self._machine.seconds() + pause(failures, cap=cap))
        self._log.warning(
            "outbox waits",
            collection=self.name,
            document=document_id,
            error=f"{type(error).__name__}: {error}",
            exc_info=False if isinstance(error, (*PASSING, EventTooLargeError)) else error,
        )

    def check(self) -> str | None:
        """One line why something stays in an outbox, or None."""
        if self.trouble:
            return self.trouble
        for document_id, held in self._held.items():
            more = f" (and {len(self._held) - 1} more)" if len(self._held) > 1 else ""
            return f"outbox of {self.name}: {document_id}{more}: {type(held.error).__name__}: {held.error}"
        return None

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
        """All that waits, then what is held back and due again."""
        self._wake.clear()
        while ids := list(islice((key for key in self._waiting if key not in self._held), BATCH)):
            await self._take(ids, self._together)
        now = self._machine.seconds()
        if due := list(islice((key for key, held in self._held.items() if held.due <= now), BATCH)):
            await self._take(due, self._apart)

    async def _take(self, ids: Sequence[str], say: Say) -> None:
        taken = {document_id: self._waiting.pop(document_id, None) for document_id in ids}
        try:
            entries = {**await self._read(taken), **{key: one for key, one in taken.items() if one}}
            kept = await self._kept({key: items for key, items in entries.items() if items})
            failed = await say({key: items for key, items in entries.items() if key not in kept})
        except BaseException:
            self._waiting = {**dict.fromkeys(ids), **self._waiting}
            raise
        for document_id in ids:
            self._note_held(document_id, kept.get(document_id) or failed.get(document_id))

    async def _read(self, taken: Mapping[str, Sequence[Outgoing] | None]) -> Mapping[str, Sequence[Outgoing]]:
        unread = [document_id for document_id, outbox in taken.items() if not outbox]
        if not unread:
            return {}
        found = await self._collection.find({"_id": {"$in": unread}, "has_outbox": True}, fields=["outbox"])
        return {document["_id"]: _entries(document) for document in found}

    async def _together(self, entries: Mapping[str, Sequence[Outgoing]]) -> Mapping[str, Exception]:
        """Publish and clear these documents at once; where that fails and the broker is not just away, one by one."""
        outgoing = [item for items in entries.values() for item in items]
        try:
            await self._publish(outgoing)
        except PASSING:
            raise
        except Exception as error:
            self._log.warning("published one by one", collection=self.name, events=len(outgoing), error=repr(error))
            return await self._apart(entries)
        self._forget_said(entries)
        await self._clear(entries)
        return {}

    async def _apart(self, entries: Mapping[str, Sequence[Outgoing]]) -> Mapping[str, Exception]:
        """Publish and clear one document after the other: which did not go, and why."""
        failed: dict[str, Exception] = {}
        for document_id, items in entries.items():
            try:
                await self._one_by_one(document_id, items)
            except PASSING:
                raise
            except Exception as error:
                failed[document_id] = error
        return failed

    async def _one_by_one(self, document_id: str, items: Sequence[Outgoing]) -> None:
        """Entry by entry: what comes after one that did not go stays behind it."""
        said = 0
        try:
            for item in items:
                await self._publish([item])
                said += 1
        finally:
            await self._clear({document_id: items[:said]}, but=items[said:])

    async def _publish(self, outgoing: Sequence[Outgoing]) -> None:
        if not outgoing:
            return
        await self._sink.publish(outgoing)
        self._metrics.outbox_published.labels(self.name).inc(len(outgoing))
        self._metrics.last_progress.set(self._machine.now().timestamp())
        whose = chains(item.event.correlationid for item in outgoing)
        self._log.info("published", collection=self.name, events=len(outgoing), **whose)

    def _forget_said(self, entries: Mapping[str, Sequence[Outgoing]]) -> None:
        """A document saved while it was being published carries along what was just said: that is not said again."""
        # Nothing is lost: a save that woke us before is stored before the clearing, and what is dropped was said by
        # a publishing that ended after it. Who says again asks no more: what is on its way is not put in again either.
        for document_id, items in entries.items():
            if waiting := self._waiting.get(document_id):
                left = [item for item in waiting if item not in items]
                self._waiting[document_id] = left
                if not left:
                    del self._waiting[document_id]

    async def _clear(self, said: Mapping[str, Sequence[Outgoing]], but: Sequence[Outgoing] = ()) -> None:
        """Take what was said out of its documents. ``but`` stays: one event may stand there under two keys."""
        kept = {item.event.id for item in but}
        await self._collection.clear_outboxes(
            [(key, [item.event.id for item in items if item.event.id not in kept]) for key, items in said.items()]
        )

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
        return next((why for relay in self._relays.values() if (why := relay.check())), None)

    async def stop(self) -> None:
        """Publish what waits, at most 2 s; the rest stays in its documents for the next process."""
        await end_tasks(self._tasks)
        try:
            async with asyncio.timeout(2):
                await asyncio.gather(*(relay.drain() for relay in self._relays.values()), return_exceptions=True)
        except TimeoutError:
            pass

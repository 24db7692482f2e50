"""The process of one stage: ``python -m bench.worker KIND …``, started by the benches so that its CPU time is its own.

``ours``: a whole process of the runtime (health server, readiness, metrics, logs, outboxes, epoch) that reads
``subscriptions.changed.v1`` and publishes ``subscriptions.mapped.v1``. ``bare``: the least that does so with aiokafka
and pydantic, under the same settings of consumer and producer. ``mapper``: the mapper. ``bulk``: its writes alone.
Each says on stdout what it has done.
"""

import asyncio
import gc
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.bare import bare
from bench.gauge import Gauge
from bench.planner import plan
from bench.samples import NOW, batched, mapped, mapped_documents
from seatledger.mapper.app import build as build_mapper
from seatledger.mapper.handlers.settle import CHUNK
from seatledger.runtime.bus import EventSink, Received, Subscription
from seatledger.runtime.config import Config
from seatledger.runtime.config_file import load_config
from seatledger.runtime.kafka_client import Connection
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.run import main as run_service
from seatledger.runtime.runfile import endpoints
from seatledger.runtime.service import Loop, Parts, Runtime
from seatledger.schemas.base import Json
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.heads import MAPPED as MAPPED_DOCUMENTS
from seatledger.schemas.ids import CompanyKey
from seatledger.schemas.subscriptions import SubscriptionChanged
from seatledger.schemas.topics import CHANGED, MAPPED


@dataclass(frozen=True)
class Forward:
    """The handler of our stage: one event out for each event in."""

    sink: EventSink
    gauge: Gauge

    async def __call__(self, batch: Sequence[Received]) -> None:
        self.gauge.arrived()
        await self.sink.publish(said(received) for received in batch)
        self.gauge.done(len(batch))


def said(received: Received) -> Outgoing:
    if not isinstance(received.data, SubscriptionChanged):
        raise TypeError(received.event.type)
    data = mapped(received.data)
    company = str(CompanyKey(connection=data.connection, company=data.company))
    event = Event.about(
        data,
        source="/mapper",
        subject=received.event.subject,
        revision=f"{data.revision}/{company}",
        time=NOW,
        cause=received.event,
    )
    return Outgoing(topic=MAPPED.name, key=company, event=event)


async def mapper(runtime: Runtime, gauge: Gauge) -> Parts:
    """The mapper itself; told is when every result is stored, published, and out of its outbox."""
    parts = await build_mapper(runtime)
    (changes,) = parts.subscriptions
    published = runtime.metrics.outbox_published.labels(MAPPED_DOCUMENTS)
    stored = runtime.store.collection(MAPPED_DOCUMENTS)

    async def take(batch: Sequence[Received]) -> None:
        gauge.arrived()
        await changes.handle(batch)

    async def look() -> None:
        if published._value.get() >= gauge.every > gauge.events and not await stored.count({"has_outbox": True}):
            gauge.done(gauge.every)

    return replace(
        parts, subscriptions=[replace(changes, handle=take)], loops=[*parts.loops, Loop("bench", look, every=0.05)]
    )


async def bulk(config: Config, gauge: Gauge) -> None:
    """The writes of :func:`mapper` and nothing else: the same documents in bulks of the same size under the same
    indexes, then their outboxes cleared."""
    store = MongoStore(endpoints(config).store, config.store.database)
    collection = store.collection(MAPPED_DOCUMENTS)
    for fields in (("source", "customer"), ("source", "lacking"), ("has_outbox",)):
        await collection.ensure_index(*fields)
    chunks = list(batched(mapped_documents(gauge.every), CHUNK))
    gauge.arrived()
    for chunk in chunks:
        await collection.replace_many([(document, 0) for document in chunk])
        await collection.clear_outboxes([(document["_id"], _said_ids(document)) for document in chunk])
    gauge.done(gauge.every)


def _said_ids(document: Json) -> list[str]:
    return [entry["event"]["id"] for entry in document["outbox"]]


def main(kind: str, configuration: str, every: str, word: str = "") -> None:
    """``word``: the bare loop's consumer group, or how many companies the planner plans."""
    gauge = Gauge(int(every))

    async def parts(runtime: Runtime) -> Parts:
        if kind == "mapper":
            return await mapper(runtime, gauge)
        forward = Subscription(CHANGED, Forward(runtime.sink, gauge), accepts=(SubscriptionChanged,))
        return Parts(subscriptions=[forward])

    if kind in {"ours", "mapper"}:
        run_service("mapper", parts, ["--config", configuration])
        return
    config = load_config(Path(configuration))
    if kind == "bulk":
        asyncio.run(bulk(config, gauge))
    elif kind == "planner":
        asyncio.run(plan(config, int(every), int(word)))
    else:
        gc.freeze()  # what this module imports for the others shall not cost the bare loop anything
        asyncio.run(bare(Connection.of(endpoints(config), config), word, gauge))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The collector's real process on the embedded stack: files in, events read from the broker."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seatledger.runtime.config import Config, FileDropConfig
from seatledger.runtime.config_file import load_config
from seatledger.runtime.epoch import raise_epoch
from seatledger.runtime.kafka_client import Connection, KafkaSink
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.progress import read_progress
from seatledger.runtime.runfile import Endpoints, endpoints
from seatledger.runtime.topics import apply_topics
from seatledger.schemas import heads
from seatledger.schemas.base import Json
from seatledger.schemas.commands import Collect, CommandIssued, Owner
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.ids import CommandId, SourceName, join
from seatledger.schemas.pending import pending
from seatledger.schemas.registry import decode
from seatledger.schemas.subscriptions import SubscriptionChanged
from seatledger.schemas.topics import CHANGED, COMMANDS
from services.collector.tests.collector_samples import NOW, csv_text

PATIENCE = 60.0


async def until(holds: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Wait for a condition, at most PATIENCE seconds; returns what it gave."""
    end = time.monotonic() + PATIENCE
    while not (found := await holds()):
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        await asyncio.sleep(0.05)
    return found


@dataclass
class Running:
    """A collector as a process, its drop, its store and the broker."""

    config: Config
    path: Path
    store: MongoStore
    sink: KafkaSink
    addresses: Endpoints
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def drop(self) -> Path:
        drop = self.config.sources[SourceName("drop")]
        assert isinstance(drop, FileDropConfig)
        return drop.folder

    async def start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "seatledger.collector", "--config", str(self.path)
        )
        self.processes.append(process)
        return process

    async def kill_all(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGKILL)
                await process.wait()

    async def collect(self, number: str) -> Json:
        """The command, and the answer that it gets."""
        command = CommandIssued(id=CommandId(number), owner=Owner.COLLECTOR, actor="ann", issued_at=NOW, body=Collect())
        event = Event.about(command, source="/cli", subject=number, revision=1, time=NOW)
        await self.sink.publish([Outgoing(topic=COMMANDS.name, key=join("collector", ""), event=event)])

        async def answer() -> Any:
            found = await self.store.collection("commands_collector").get(number)
            return found and found.get("answer")

        return dict(await until(answer, f"an answer to {number}"))

    async def said(self, wanted: int) -> list[SubscriptionChanged]:
        """The first ``wanted`` events on the broker and whatever stands beside them, by subscription and revision."""
        from aiokafka import AIOKafkaConsumer, TopicPartition

        connection = Connection.of(self.addresses, self.config)
        consumer = AIOKafkaConsumer(**connection.options(), group_id=None, auto_offset_reset="earliest")
        await consumer.start()
        topic = CHANGED.named(self.config.topics.prefix)
        consumer.assign([TopicPartition(topic, number) for number in range(self.config.topics.partitions)])
        values: list[bytes] = []

        async def enough() -> bool:
            batches = await consumer.getmany(timeout_ms=300)
            values.extend(record.value for records in batches.values() for record in records)
            return len(values) >= wanted and not batches

        try:
            await until(enough, f"{wanted} events")
        finally:
            await consumer.stop()
        data = [decode(value)[1] for value in values]
        events = [one for one in data if isinstance(one, SubscriptionChanged)]
        return sorted(events, key=lambda event: (event.key.subscription, event.revision))

    async def nothing_pending(self) -> bool:
        progress = await read_progress(self.store)
        return pending(progress, {})["collector"] == 0


@pytest.fixture
async def running(config_factory: Callable[..., Path], store: MongoStore) -> AsyncIterator[Running]:
    path = config_factory()
    config = load_config(path)
    addresses = endpoints(config)
    await apply_topics(addresses, config)
    await raise_epoch(store)
    sink = KafkaSink(Connection.of(addresses, config))
    await sink.start()
    running = Running(config, path, store, sink, addresses)
    running.drop.mkdir()
    yield running
    await running.kill_all()
    await sink.stop()


async def test_a_file_becomes_an_event_on_the_broker(running: Running) -> None:
    """Dropped, collected, answered, published and moved; a second file that changes one seat is one event more, with
    what was before."""
    (running.drop / "1.csv").write_text(csv_text({}, {"subscription_id": "S2", "quantity": "8.0"}))
    process = await running.start()
    answer = await running.collect("first")
    assert (answer["ok"], answer["result"]["sweeps"][0]["complete"]) == (True, True)
    assert (running.drop / "processed" / "1.csv").exists()
    (running.drop / "2.csv").write_text(csv_text({"quantity": "12", "observed_at": "2026-03-11T06:00:00Z"}))
    result = (await running.collect("second"))["result"]["sweeps"][0]
    assert (result["changed"], result["subscriptions"], result["bad_rows"]) == (1, 1, 0)
    events = await running.said(2)
    assert [(e.revision, e.quantity, e.previous_quantity) for e in events] == [(1, 10, None), (2, 12, 10)]
    await until(running.nothing_pending, "nothing pending at the collector")
    findings = await running.store.collection("findings_collector").find({"code": "source_row_bad"})
    assert [(f["subject"]["file"], f["subject"]["row"], f["subject"]["column"]) for f in findings] == [
        ("1.csv", 3, "quantity")
    ]
    process.terminate()
    assert await process.wait() == 0


async def test_killed_again_and_again_it_says_everything_once(running: Running) -> None:
    """SIGKILL while files are being taken, three times: each subscription has the events that a quiet run has."""
    names = [f"S{number:03}" for number in range(200)]
    for day in (1, 2):
        rows = [{"subscription_id": name, "quantity": str(day), "observed_at": ""} for name in names]
        (running.drop / f"{day}.csv").write_text(csv_text(*rows))
    for taken in (1, 100, 200):
        process = await running.start()

        async def so_many(number: int = taken) -> bool:
            return await running.store.collection(heads.SNAPSHOTS).count({}) >= number

        await until(so_many, f"{taken} snapshots")
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    await running.start()
    await running.collect("all")
    await until(running.nothing_pending, "nothing pending at the collector")
    distinct = {(e.key.subscription, e.revision): e.quantity for e in await running.said(400)}
    assert distinct == {(name, day): day for name in names for day in (1, 2)}

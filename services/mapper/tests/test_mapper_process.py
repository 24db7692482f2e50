"""The mapper's real process on the embedded stack, spoken to over the broker."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatledger.runtime.config_file import load_config
from seatledger.runtime.epoch import raise_epoch
from seatledger.runtime.kafka_client import Connection, KafkaSink
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.progress import read_progress
from seatledger.runtime.runfile import endpoints
from seatledger.runtime.topics import apply_topics
from seatledger.schemas.base import Json
from seatledger.schemas.commands import CommandIssued, MappingRow, Owner, SetMappings
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.ids import CommandId, join
from seatledger.schemas.pending import pending
from seatledger.schemas.subscriptions import SubscriptionChanged
from seatledger.schemas.topics import CHANGED, COMMANDS
from services.mapper.tests.mapper_bench import customer_row, offer_row
from services.mapper.tests.mapper_samples import MAIN, NOW, changed_event, snapshot

PATIENCE = 60.0


@dataclass
class World:
    """A configuration, and the broker and store that it names."""

    path: Path
    store: MongoStore
    sink: KafkaSink

    async def see(self, *snapshots: SubscriptionChanged) -> None:
        await self.sink.publish(
            [Outgoing(topic=CHANGED.name, key=data.key.bus_key, event=changed_event(data)) for data in snapshots]
        )

    async def map(self, number: str, *rows: MappingRow) -> None:
        command = CommandIssued(
            id=CommandId(number), owner=Owner.MAPPER, actor="ann", issued_at=NOW, body=SetMappings(rows=rows)
        )
        event = Event.about(command, source="/cli", subject=number, revision=1, time=NOW)
        await self.sink.publish([Outgoing(topic=COMMANDS.name, key=join("mapper", MAIN), event=event)])

    async def outcome(self, subscription: str) -> tuple[str, int] | None:
        """What stands, once it was published: outcome and snapshot revision."""
        found = await self.store.collection("mapped").get(f"drop/{subscription}//all")
        return None if found is None or found["has_outbox"] else (found["outcome"]["kind"], found["snapshot_revision"])

    async def answer(self, number: str) -> Json | None:
        found = await self.store.collection("commands_mapper").get(number)
        return None if found is None else found.get("answer")

    async def nothing_pending(self) -> bool:
        progress = await read_progress(self.store)
        return pending(progress, {})["mapper"] == 0

    async def run(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "seatledger.mapper", "--config", str(self.path)
        )


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for a condition, at most PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not await holds():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        await asyncio.sleep(0.1)


@pytest.fixture
async def world(store: MongoStore, config_factory: Callable[..., Path]) -> AsyncIterator[World]:
    """Topics of the test's own on the session's stack."""
    path = config_factory()
    config = load_config(path)
    addresses = endpoints(config)
    await apply_topics(addresses, config)
    await raise_epoch(store)
    sink = KafkaSink(Connection.of(addresses, config))
    await sink.start()
    yield World(path, store, sink)
    await sink.stop()


async def test_the_process_maps_what_it_sees_and_survives_a_kill(world: World) -> None:
    """Over the broker: a snapshot is parked, a command maps it, a refused command says no; killed and started again,
    the process takes up the next snapshot, and nothing is pending."""
    process = await world.run()
    try:
        await world.see(snapshot(), snapshot("S2", customer="c2", name="Fabrikam"))
        await until(lambda: _is(world.outcome("S1"), ("unmapped", 1)), "the first snapshot decided")
        await world.map("k1", customer_row(), offer_row(), customer_row("c2"))
        await until(lambda: _answered(world, "k1"), "the command answered")
        answer = await world.answer("k1")
        assert answer is not None
        assert [row["ok"] for row in answer["result"]["rows"]] == [True, True, False]
        await until(lambda: _is(world.outcome("S1"), ("mapped", 1)), "the mapping applied")

        process.kill()
        await process.wait()
        await world.see(snapshot(revision=2, units=9))
        process = await world.run()
        await until(lambda: _is(world.outcome("S1"), ("mapped", 2)), "the snapshot after the kill decided")
        assert await world.outcome("S2") == ("unmapped", 1)
        await until(world.nothing_pending, "nothing pending")

        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _is(found: Awaitable[tuple[str, int] | None], wanted: tuple[str, int]) -> bool:
    return await found == wanted


async def _answered(world: World, number: str) -> bool:
    return await world.answer(number) is not None

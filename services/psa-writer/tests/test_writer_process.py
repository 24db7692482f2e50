"""The writer's real process on the embedded stack, spoken to over the broker, against the sandbox's own process."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sandbox_process import CODE, SECRET, USER, Sandbox, sandbox, seed

from seatledger.devstack import Devstack
from seatledger.runtime.config import Config
from seatledger.runtime.config_file import load_config
from seatledger.runtime.epoch import raise_epoch
from seatledger.runtime.kafka_client import Connection, KafkaSink
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.runfile import Endpoints
from seatledger.runtime.store import Documents
from seatledger.runtime.topics import apply_topics
from seatledger.schemas.base import Json
from seatledger.schemas.book import INTENTS, LINES, IntentRecord, LineBook
from seatledger.schemas.commands import CommandIssued, Owner, ReadMirror
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.ids import CommandId, ConnectionName, IntentId, join
from seatledger.schemas.intents import IntentReleased
from seatledger.schemas.topics import COMMANDS, PLANNED

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
TODAY = date(2026, 3, 10)
PATIENCE = 100.0
Process = asyncio.subprocess.Process


@dataclass
class Installation:
    config: Config
    path: Path
    store: MongoStore
    sink: KafkaSink
    sandbox: Sandbox
    environment: dict[str, str]
    processes: list[Process] = field(default_factory=list)

    async def run(self, name: str = "psa-writer") -> Process:
        with (self.path.parent / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "seatledger.psa_writer", "--config", str(self.path), "--replica", name),
                env=self.environment,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
            )
        self.processes.append(process)
        return process

    async def books(self) -> list[LineBook]:
        return await Documents(self.store.collection(LINES), LineBook).find({})

    async def release(self, books: Sequence[LineBook], on: date | None, jump: int) -> list[IntentReleased]:
        """One intent for each book, over the broker."""
        intents = [_intent(book, on, jump) for book in books]
        await self.say(intents)
        return intents

    async def say(self, intents: Sequence[IntentReleased]) -> None:
        entries = []
        for intent in intents:
            event = Event.about(intent, source="/contract-planner", subject=intent.id, revision=1, time=NOW)
            entries.append(Outgoing(topic=PLANNED.name, key=join("main", intent.at.company), event=event))
        await self.sink.publish(entries)

    async def outcomes(self) -> dict[str, str]:
        records = await Documents(self.store.collection(INTENTS), IntentRecord).find({})
        return {record.id: record.outcome for record in records}

    async def mirror(self, number: str) -> Json:
        command = CommandIssued(
            id=CommandId(number),
            owner=Owner.WRITER,
            connection=ConnectionName("main"),
            actor="ann",
            issued_at=NOW,
            body=ReadMirror(),
        )
        event = Event.about(command, source="/cli", subject=number, revision=1, time=NOW)
        await self.sink.publish([Outgoing(topic=COMMANDS.name, key=join("psa-writer", "main"), event=event)])

        async def answered() -> bool:
            found = await self.store.collection("commands_psa-writer").get(number)
            return found is not None and found.get("answer") is not None

        await until(answered, f"command {number} answered")
        found = await self.store.collection("commands_psa-writer").get(number)
        assert found is not None
        answer: Json = found["answer"]
        return answer

    async def end(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _intent(book: LineBook, on: date | None, jump: int) -> IntentReleased:
    return IntentReleased(
        id=IntentId(f"{book.at.line}-{book.version}-{jump}"),
        at=book.at,
        version=book.version,
        on=on,
        before=book.agreed,
        after=book.agreed if on is None else book.agreed.shifted_from(on, jump),
        jump=jump,
        released_at=NOW,
    )


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for a condition, at most PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not await holds():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def installation(folder: Path, document: dict[str, Any], wait: float) -> AsyncIterator[Installation]:
    async with Devstack(folder / "stack", quick_stop=True) as stack:
        with sandbox(folder, document) as process, pytest.MonkeyPatch.context() as patch:
            patch.setenv("AT_SECRET", SECRET)
            patch.setenv("AT_CODE", CODE)
            path = _configured(folder, process.url, wait)
            config = load_config(path)
            endpoints = Endpoints(stack.addresses.broker, stack.addresses.store, embedded=True)
            store = MongoStore(stack.addresses.store, config.store.database)
            sink = KafkaSink(Connection.of(endpoints, config))
            await apply_topics(endpoints, config)
            await raise_epoch(store)
            await sink.start()
            environment = {
                **os.environ,
                "SEATLEDGER_BROKER": stack.addresses.broker,
                "SEATLEDGER_STORE": stack.addresses.store,
            }
            installed = Installation(config, path, store, sink, process, environment)
            try:
                yield installed
            finally:
                await installed.end()
                await sink.stop()
                await store.close()


def _configured(folder: Path, url: str, wait: float) -> Path:
    (folder / "clock").write_text(NOW.isoformat())
    main = {
        "kind": "autotask",
        "url": url,
        "username": USER,
        "secret": "${env:AT_SECRET}",
        "integration_code": "${env:AT_CODE}",
        "timezone": "Europe/Amsterdam",
        "currency": "EUR",
        "mode": "auto",
        "unknown_wait_seconds": wait,
    }
    path = folder / "seatledger.yaml"
    path.write_text(json.dumps({"state_dir": "st", "clock": {"file": "clock"}, "psa": {"main": main}}))
    return path


async def test_the_process_mirrors_posts_once_and_survives_a_kill(tmp_path: Path) -> None:
    """Over the broker: the mirror command, links, changes, a kill -9 in the middle, the same intents said again."""
    async with installation(tmp_path, seed(4, contracts=5), wait=6) as there:
        process = await there.run()
        answer = await there.mirror("m1")
        assert (answer["ok"], answer["result"]["lines"], answer["result"]["error"]) == (True, 20, None)
        links = await there.release(await there.books(), None, 0)
        await until(lambda: _all(there, links, {"in_place"}), "all lines linked")
        there.sandbox.fault("slow", seconds=0.2)
        intents = await there.release(await there.books(), TODAY, 2)
        await until(lambda: _effects(there, 3), "the first posts out")
        process.kill()
        await process.wait()
        there.sandbox.control("DELETE", "faults")
        process = await there.run()
        await until(lambda: _all(there, intents, {"posted", "not_seen"}), "all intents settled")
        writes = there.sandbox.counters()["writes"]
        await there.say(intents)
        assert (await there.mirror("m2"))["ok"]
        assert there.sandbox.counters()["writes"] == writes
        _once(there.sandbox)
        _agrees(there.sandbox, await there.outcomes(), intents)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_a_replica_paused_for_longer_than_its_lease_has_no_second_effect(tmp_path: Path) -> None:
    """SIGSTOP in the middle of a batch; another replica takes over; SIGCONT before W is over: each effect once."""
    async with installation(tmp_path, seed(10, contracts=6), wait=12) as there:
        first = await there.run("psa-writer")
        assert (await there.mirror("m1"))["ok"]
        links = await there.release(await there.books(), None, 0)
        await until(lambda: _all(there, links, {"in_place"}), "all lines linked")
        holder = await _holder(there)
        await there.run("psa-writer-2")
        there.sandbox.fault("slow", seconds=0.1)
        intents = await there.release(await there.books(), TODAY, 2)
        await until(lambda: _effects(there, 5), "the first posts out")
        os.kill(first.pid, signal.SIGSTOP)
        await until(lambda: _held_by_another(there, holder), "the lease taken by the other replica")
        before = len(there.sandbox.effects())
        await until(lambda: _effects(there, before + 1), "the other replica posting")
        os.kill(first.pid, signal.SIGCONT)
        await until(lambda: _all(there, intents, {"posted", "not_seen"}), "all intents settled")
        _once(there.sandbox)
        _agrees(there.sandbox, await there.outcomes(), intents)


async def _all(there: Installation, intents: Sequence[IntentReleased], wanted: set[str]) -> bool:
    outcomes = await there.outcomes()
    return all(outcomes.get(intent.id) in wanted for intent in intents)


async def _effects(there: Installation, count: int) -> bool:
    return len(there.sandbox.effects()) >= count


async def _holder(there: Installation) -> str:
    lease = await there.store.collection("leases_psa-writer").get("main")
    assert lease is not None
    return str(lease["token"])


async def _held_by_another(there: Installation, holder: str) -> bool:
    return await _holder(there) != holder


def _once(process: Sandbox) -> None:
    """No (line, date) had two effects."""
    places = [(effect["contractServiceID"], effect["effectiveDate"][:10]) for effect in process.effects()]
    assert len(places) == len(set(places))


def _agrees(process: Sandbox, outcomes: dict[str, str], intents: Sequence[IntentReleased]) -> None:
    """What was said is what is there: posted has its effect, not_seen has none."""
    there = {effect["contractServiceID"] for effect in process.effects()}
    assert {intent.at.line for intent in intents if outcomes[intent.id] == "posted"} == there

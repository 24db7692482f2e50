"""The planner's real process on the embedded stack, spoken to over the broker, with hand-made books and mirror rows."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from planner_stage import ID
from planner_world import LINE, MAIN, book, contract, day, key, line, mapped

from seatledger.runtime.config_file import load_config
from seatledger.runtime.epoch import raise_epoch
from seatledger.runtime.kafka_client import Connection, KafkaSink
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.progress import read_progress
from seatledger.runtime.runfile import endpoints
from seatledger.runtime.topics import apply_topics
from seatledger.schemas import heads
from seatledger.schemas.base import Json
from seatledger.schemas.book import LINES, LineBook, Trust
from seatledger.schemas.commands import ApprovePlan, CommandIssued, Owner
from seatledger.schemas.documents import Document, Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.ids import CommandId, PlanId, join
from seatledger.schemas.intents import AdjustmentSettled, IntentReleased, Outcome
from seatledger.schemas.mirror import PSA_CONTRACTS, PSA_LINES, PSA_MIRRORS, MirrorState
from seatledger.schemas.pending import pending
from seatledger.schemas.planning import PLANS
from seatledger.schemas.topics import COMMANDS, MAPPED, SETTLED

PATIENCE = 90.0
NOW = datetime(2026, 8, 10, 9, tzinfo=UTC)


@dataclass
class Office:
    """A configuration, the broker and store that it names, and the test as mapper, writer and person."""

    path: Path
    store: MongoStore
    sink: KafkaSink

    async def put(self, collection: str, document: Document) -> None:
        await self.store.collection(collection).upsert_many([document.model_dump(mode="json", by_alias=True)])

    async def furnish(self, units: int) -> None:
        await self.put(PSA_CONTRACTS, contract())
        await self.put(PSA_LINES, line())
        await self.put(LINES, book(units))
        await self.put(PSA_MIRRORS, MirrorState(id="main", connection=MAIN, generation=1, first_mirrored_at=NOW))

    async def sweep(self, revision: int) -> None:
        """The stores of collector and mapper after a sweep that found one subscription."""
        sweep = {"_id": "drop", "source": "drop", "connection": "main", "state": "ended", "ended": 1}
        row = {"_id": str(key()), "source": "drop", "revision": revision, "snapshot_revision": revision}
        await self.store.collection(heads.SNAPSHOTS).upsert_many([row])
        await self.store.collection(heads.MAPPED).upsert_many(
            [{**row, "told": [{"company": ID, "revision": revision}]}]
        )
        await self.store.collection(heads.SWEEPS).upsert_many([sweep])

    async def say(self, units: int, revision: int) -> None:
        said = mapped(key(), units, day(9 + revision), revision)
        event = Event.about(said, source="/mapper", subject=str(key()), revision=revision, time=NOW)
        await self.sink.publish([Outgoing(topic=MAPPED.name, key=ID, event=event)])

    async def settle(self, outcome: Outcome) -> None:
        """As the writer does: first the book, then the event."""
        intent = await self.intent()
        assert intent is not None
        row = await self.store.collection(LINES).get(f"main/{LINE}")
        stands = LineBook.model_validate(row)
        used = () if intent.on is None else (intent.on,)
        updates = {"version": stands.version + 1, "agreed": intent.after, "trust": Trust.LINKED}
        after = stands.model_copy(update={**updates, "dates_used": (*stands.dates_used, *used)})
        await self.put(LINES, after)
        said = AdjustmentSettled(
            intent=intent.id,
            sequence=1,
            at=intent.at,
            outcome=outcome,
            on=intent.on,
            before=intent.before,
            after=intent.after,
            jump=intent.jump,
            version=after.version,
            agreed=after.agreed,
            dates_used=after.dates_used,
            settled_at=NOW,
        )
        event = Event.about(said, source="/psa-writer", subject=intent.id, revision=1, time=NOW)
        await self.sink.publish([Outgoing(topic=SETTLED.name, key=ID, event=event)])

    async def approve(self, plan: Json, number: str) -> None:
        body = ApprovePlan(plan=PlanId(plan["_id"]), hash=plan["hash"])
        command = CommandIssued(id=CommandId(number), owner=Owner.PLANNER, actor="ann", issued_at=NOW, body=body)
        event = Event.about(command, source="/cli", subject=number, revision=1, time=NOW)
        await self.sink.publish([Outgoing(topic=COMMANDS.name, key=join("contract-planner", MAIN), event=event)])

    async def company(self) -> Json:
        return await self.store.collection(heads.COMPANIES).get(ID) or {}

    async def intent(self) -> IntentReleased | None:
        """What is out and was published: not while its plan is not projected, for then it was not even said."""
        found = await self.company()
        released = found.get("lines", {}).get(str(LINE), {}).get("released")
        if released is None or found["has_outbox"] or found["unprojected"]:
            return None
        return IntentReleased.model_validate(released["intent"])

    async def pending(self) -> int:
        return pending(await read_progress(self.store), {})["contract-planner"]

    async def run(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "seatledger.contract_planner", "--config", str(self.path)
        )


async def until(holds: Callable[[], Awaitable[object]], what: str) -> None:
    """Wait for a condition, at most PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not await holds():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        await asyncio.sleep(0.1)


@pytest.fixture
async def office(store: MongoStore, config_factory: Callable[..., Path], tmp_path: Path) -> AsyncIterator[Office]:
    """Topics of the test's own on the session's stack, and a calendar that stands on 10 August 2026."""
    clock = tmp_path / "clock"
    clock.write_text("2026-08-10T09:00:00Z")
    main = {
        "kind": "autotask",
        "url": "http://127.0.0.1:1",
        "username": "api@example.com",
        "secret": "${env:SEATLEDGER_TEST_SECRET}",
        "integration_code": "${env:SEATLEDGER_TEST_SECRET}",
        "timezone": "Europe/Amsterdam",
        "currency": "EUR",
        "mode": "auto",
        "settle_for_seconds": 0,
    }
    path = config_factory(psa={"main": main}, clock={"file": str(clock)})
    config = load_config(path)
    addresses = endpoints(config)
    await apply_topics(addresses, config)
    await raise_epoch(store)
    sink = KafkaSink(Connection.of(addresses, config))
    await sink.start()
    yield Office(path, store, sink)
    await sink.stop()


async def test_the_process_links_asks_releases_and_survives_a_kill(office: Office) -> None:
    """Over the broker: an account becomes ready, the first decrease asks, a person's yes releases it; killed while it
    is out, the next process takes its settlement and the next change, and nothing stays pending."""
    await office.furnish(10)
    process = await office.run()
    try:
        await office.say(7, revision=1)
        await until(office.company, "the company stored")
        await office.sweep(revision=1)
        await until(lambda: _plans(office, "proposed"), "the first decrease asks")
        [plan] = await _plans(office, "proposed")
        assert plan["asks"] == "first_decrease"
        await office.approve(plan, "k1")
        await until(office.intent, "the approved intent published")

        process.kill()
        await process.wait()
        await office.settle(Outcome.POSTED)
        await office.say(9, revision=2)
        process = await office.run()
        await until(lambda: _jump(office, 2, "2026-08-11"), "the settlement taken and the next change planned")
        await until(lambda: _plans(office, "done"), "the approved plan done")
        assert [one["items"][0]["state"] for one in await _plans(office, "done")] == ["posted"]
        await until(lambda: _quiet(office), "nothing due before its day")

        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _plans(office: Office, state: str) -> list[Json]:
    return await office.store.collection(PLANS).find({"state": state})


async def _jump(office: Office, jump: int, on: str) -> bool:
    wishes = (await office.company())["lines"][str(LINE)]["wishes"]
    return [(one["jump"], one["on"]) for one in wishes] == [(jump, on)]


async def _quiet(office: Office) -> bool:
    found = await office.company()
    return await office.pending() == 0 and found["waiting_day"] == 1

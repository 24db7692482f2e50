"""Hints from the independent sandbox to the snapshot: messages and audit records, forged, doubled, reordered."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seatledger.collector.app import build
from seatledger.runtime.bus import MemorySink
from seatledger.runtime.clock import FixedCalendar, SystemMachine
from seatledger.runtime.config_file import load_config
from seatledger.runtime.health import HealthServer, Readiness
from seatledger.runtime.loops import LoopRunner
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.service import Runtime
from seatledger.runtime.store import Documents
from seatledger.schemas.documents import Document
from services.collector.tests.collector_samples import NOW
from services.collector.tests.collector_world import GivenLease, OpenFindings
from services.collector.tests.partner_center_process import SECRET, Sandbox, sandbox, seed
from services.collector.tests.partner_center_tenant import logger

PATIENCE = 60.0


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Two customers with a subscription of 5 seats each."""
    with sandbox(tmp_path_factory.mktemp("partner_center"), seed(2)) as running:
        yield running


async def until(holds: Callable[[], Any], what: str) -> Any:
    """Wait for a condition, at most PATIENCE seconds; returns what it gave. The sandbox is asked in a thread."""
    end = time.monotonic() + PATIENCE
    while not (found := await asyncio.to_thread(holds)):
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        await asyncio.sleep(0.05)
    return found


@dataclass
class Running:
    """The collector as it is built, its loops and its HTTP address in this process; its books in memory."""

    sandbox: Sandbox
    server: HealthServer
    store: MemoryStore = field(default_factory=MemoryStore)
    findings: OpenFindings = field(default_factory=OpenFindings)
    metrics: Metrics = field(default_factory=Metrics)
    logged: list[dict[str, object]] = field(default_factory=list)

    def runtime(self, path: Path) -> Runtime:
        def documents(name: str, model: type[Document], **_more: object) -> Documents[Document]:
            return Documents(self.store.collection(name), model)

        return Runtime(
            name="collector",
            replica="r1",
            config=load_config(path),
            store=self.store,
            sink=MemorySink(),
            calendar=FixedCalendar(NOW),
            machine=SystemMachine(),
            log=logger(self.logged),
            metrics=self.metrics,
            findings=self.findings,
            documents=documents,
            lease=lambda _name, **_more: GivenLease(),
        )

    def seats(self, subscription: str = "S0") -> int | None:
        """What the snapshot says."""
        for document in self.store.collection("snapshots").documents.values():
            if document["state"]["key"]["subscription"] == subscription:
                return int(document["state"]["quantity"])
        return None

    def revisions(self, subscription: str = "S0") -> int:
        found = [
            one for one in self.store.collection("snapshots").documents.values() if f"/{subscription}/" in one["_id"]
        ]
        return int(found[0]["revision"])

    def change(self, seats: int) -> None:
        self.sandbox.control("PATCH", "customers/c0/subscriptions/S0", {"quantity": seats})

    def sweeps(self) -> int:
        """Walks over the customers."""
        return int(self.sandbox.calls()["by"].get("customers GET", 0))

    def answered(self) -> list[int | None]:
        """What we answered to each delivery, in order; empty while one is under way."""
        deliveries = self.sandbox.control("GET", "webhooks")["deliveries"]
        over = all(one["status"] is not None or one["error"] is not None for one in deliveries)
        return [one["status"] for one in deliveries] if over else []


@contextlib.asynccontextmanager
async def collecting(process: Sandbox, folder: Path, *, webhook: bool, **account: object) -> AsyncIterator[Running]:
    """A collector that has swept once, and will not again by itself."""
    process.again()
    metrics, logged = Metrics(), list[dict[str, object]]()
    server = HealthServer(
        "127.0.0.1:0",
        service="collector",
        replica="r1",
        readiness=Readiness(SystemMachine(), metrics),
        metrics=metrics,
        log=logger(logged),
    )
    server.start()
    running = Running(process, server, metrics=metrics, logged=logged)
    if webhook:
        account["webhook"] = {"public_url": f"http://{server.address}/hooks/of/ours"}
    path = folder / "seatledger.yaml"
    path.write_text(json.dumps(_configuration(process.url, **account)))
    parts = await build(running.runtime(path))
    server.serve(parts.routes)
    loops = [LoopRunner(loop, SystemMachine(), metrics, logger(logged)) for loop in parts.loops]
    tasks = [asyncio.create_task(loop.run()) for loop in loops]
    try:
        await until(lambda: running.seats("S0") and running.seats("S1"), "swept")
        if webhook:
            await until(lambda: process.control("GET", "webhooks")["registration"], "registered")
        yield running
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.stop()
        assert parts.close is not None
        await parts.close()


def _configuration(url: str, **account: object) -> dict[str, object]:
    main = {
        **{"kind": "autotask", "url": "http://127.0.0.1:1", "username": "u", "secret": "${env:PC_SECRET}"},
        **{"integration_code": "${env:PC_SECRET}", "timezone": "Europe/Amsterdam", "currency": "EUR"},
    }
    pc = {
        **{"kind": "partner-center", "psa": "main", "url": url, "authority_url": url, "tenant": "t1"},
        **{"client_id": "app", "client_secret": "${env:PC_SECRET}", "poll_seconds": 3600, "audit_seconds": None},
        **account,
    }
    return {"psa": {"main": main}, "sources": {"pc": pc}}


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PC_SECRET", SECRET)


async def test_a_change_is_known_by_its_message(process: Sandbox, tmp_path: Path) -> None:
    """Registered by itself, told, checked, read: 9 seats without a second sweep, and how long it took is measured."""
    async with collecting(process, tmp_path, webhook=True) as running:
        registration = process.control("GET", "webhooks")["registration"]
        assert registration["WebhookUrl"].endswith("/hooks/of/ours")
        await asyncio.to_thread(running.change, 9)
        await until(lambda: running.seats() == 9, "the message led to a read")
        assert running.sweeps() == 1
        labels = {"source": "pc"}
        assert running.metrics.registry.get_sample_value("seatledger_hint_seconds_count", labels) == 1


async def test_the_test_event_is_answered(process: Sandbox, tmp_path: Path) -> None:
    """``test-created``: 200, and nobody is read for it."""
    async with collecting(process, tmp_path, webhook=True) as running:
        process.control("POST", "webhooks", {"event": "test-created"})
        assert await until(running.answered, "delivered") == [200]


async def test_forged_messages_are_refused_and_nothing_of_them_is_called(process: Sandbox, tmp_path: Path) -> None:
    """Each part that can be forged: 401, counted, told once a kind; an authentic one with a foreign address, of nobody
    or without sense is answered, and its address is not called."""
    forged = (
        "bad_signature",
        "no_signature",
        "untrusted_certificate",
        "wrong_organisation",
        "foreign_certificate_host",
    )
    authentic = ("foreign_resource", "unknown_subscription", "garbage")
    async with collecting(process, tmp_path, webhook=True) as running:
        for kind in (*forged, *forged, *authentic):
            process.control("POST", "webhooks", {"kind": kind})
            await until(running.answered, "delivered")
        assert running.answered() == [401] * 10 + [200] * 3
        assert (process.control("GET", "webhooks")["trapped"], running.revisions()) == ([], 1)
        told = [entry["why"] for entry in running.logged if entry["event"] == "webhook refused"]
        assert (len(told), len(set(told))) == (5, 5)
        assert 'status="401"} 10.0' in running.metrics.text().decode()
        assert running.findings.codes() == []


async def test_doubled_and_reordered_messages_end_in_the_newest_state(process: Sandbox, tmp_path: Path) -> None:
    """Two changes held back and told in the wrong order, one of them three times: the state is the one that is read."""
    async with collecting(process, tmp_path, webhook=True) as running:
        process.control("POST", "webhooks/hold")
        running.change(9)
        running.change(7)
        process.control("POST", "webhooks", {"customer": "c0", "subscription": "S0", "times": 3})
        process.control("POST", "webhooks/release", {"order": "reversed"})
        await until(lambda: running.seats() == 7, "read")
        await until(lambda: len(running.answered()) == 5, "all delivered")
        assert (running.revisions(), set(running.answered())) == (2, {200})


async def test_audit_records_lead_to_a_read(process: Sandbox, tmp_path: Path) -> None:
    """No message comes: the list of what was done says where to look."""
    async with collecting(process, tmp_path, webhook=False, audit_seconds=0.2) as running:
        await asyncio.to_thread(running.change, 9)
        await until(lambda: running.seats() == 9, "the record led to a read")
        assert running.sweeps() == 1

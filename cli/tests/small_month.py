"""All four services in one process over a store and a bus in memory: what a test tells of a month comes from them."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from seatledger import collector, contract_planner, mapper, psa_writer  # noqa: F401  # each is a wheel of its own
from seatledger.collector.app import build as build_collector
from seatledger.contract_planner.app import build as build_planner
from seatledger.mapper.app import build as build_mapper
from seatledger.psa_writer import app as writer
from seatledger.psa_writer.adapters.memory import MemoryPsa
from seatledger.runtime.bus import Received, Subscription
from seatledger.runtime.clock import FixedCalendar
from seatledger.runtime.config import Config, config_from
from seatledger.runtime.findings_store import FindingDocument, StoredFindings
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.outbox import BeforePublish
from seatledger.runtime.service import Answer, Build, Documents, Loop, Parts, Runtime
from seatledger.runtime.testing import JumpingMachine
from seatledger.schemas.base import Strict
from seatledger.schemas.commands import CommandIssued, MappingRow, Owner, SetMappings
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.ids import CommandId
from seatledger.schemas.registry import decode_data

HEADER = (
    "source_system,record_type,observed_at,customer_id,customer_name,customer_email,subscription_id,offer_id,"
    "offer_name,billing_cycle,status,quantity\n"
)
LINES = {1001: (1, 101, 9), 1002: (2, 102, 9)}
"""Line → contract, company, service."""


def row(at: str, customer: str, subscription: str, quantity: int, status: str = "active") -> str:
    """One row of a drop, with a person's address in a column that nobody knows."""
    head = f"distri,snapshot,{at},{customer},Customer {customer},ann@{customer.lower()}.example,{subscription}"
    return f"{head},E3,Office E3,monthly,{status},{quantity}\n"


def rows(at: str, seats: int) -> list[str]:
    """The whole list: the first customer's seats vary."""
    return [row(at, "C-1", "SUB-1", seats), row(at, "C-2", "SUB-2", 5), row(at, "C-9", "SUB-9", 3)]


@dataclass
class HeldLease:
    token: str = "lease"

    async def run(self) -> None:
        return None

    def held(self) -> bool:
        return True

    async def release(self) -> None:
        return None


@dataclass
class Month:
    """``drop`` a file, ``settle`` until nothing moves any more, look."""

    folder: Path
    mode: str = "auto"
    store: MemoryStore = field(default_factory=MemoryStore)
    calendar: FixedCalendar = field(default_factory=lambda: FixedCalendar(datetime(2026, 3, 10, 9, tzinfo=UTC)))
    machine: JumpingMachine = field(default_factory=JumpingMachine)
    said: list[Outgoing] = field(default_factory=list)
    parts: dict[str, Parts] = field(default_factory=dict)
    shelves: dict[str, BeforePublish | None] = field(default_factory=dict)
    heard: int = 0

    def __post_init__(self) -> None:
        main = {
            "kind": "autotask", "url": "http://127.0.0.1:1", "username": "u", "secret": "s", "integration_code": "c",
            "timezone": "Europe/Amsterdam", "currency": "EUR", "mode": self.mode, "first_link": "auto",
            "settle_for_seconds": 0, "mirror_seconds": 1,
        }  # fmt: skip
        drop = {"kind": "file-drop", "psa": "main", "folder": "drop", "poll_seconds": 1, "complete": True}
        self.config: Config = config_from({"psa": {"main": main}, "sources": {"drop": drop}}, self.folder)
        self.psa = MemoryPsa(self.machine)
        for line, (contract, company, service) in LINES.items():
            self.psa.add_line(line, 0, contract=contract, company=company, service=service)
        (self.folder / "drop").mkdir()

    async def begin(self, monkeypatch: pytest.MonkeyPatch) -> "Month":
        """Start the services; both customers are mapped."""
        monkeypatch.setattr(writer, "_psa", lambda *_: self.psa)
        monkeypatch.setattr(writer, "_checking", lambda *_: Loop("check", HeldLease().run, 1.0))
        builds: dict[str, Build] = {
            "collector": build_collector,
            "mapper": build_mapper,
            "contract-planner": build_planner,
            "psa-writer": writer.build,
        }
        for name, build in builds.items():
            self.parts[name] = await build(self._runtime(name))
        rows = [_mapping("company", "C-1", 101), _mapping("company", "C-2", 102), _mapping("offer", "E3", 9)]
        assert (await self.command(Owner.MAPPER, SetMappings(rows=tuple(rows)))).ok
        return self

    async def command(self, owner: Owner, body: Any) -> Answer:
        command = CommandIssued(id=CommandId("k"), owner=owner, actor="ann", issued_at=self.calendar.now(), body=body)
        kind: type[Strict] = type(body)
        return await self.parts[owner.value].commands[kind](command)

    def drop(self, name: str, *rows: str) -> None:
        (self.folder / "drop" / name).write_text(HEADER + "".join(rows) + f"# complete rows={len(rows)}\n")

    async def on(self, day: date) -> None:
        self.calendar.at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        await self.settle()

    async def settle(self, rounds: int = 25) -> None:
        """Rounds of every loop and of the bus: more than any chain needs."""
        for _ in range(rounds):
            self.machine.at += 2.0
            for parts in self.parts.values():
                for loop in parts.loops:
                    await loop.run()
            await self._flush()
            await self._hear()

    async def _flush(self) -> None:
        for name, hook in self.shelves.items():
            collection = self.store.collection(name)
            for document in await collection.find({"has_outbox": True}):
                outgoing = [Outgoing.model_validate(entry) for entry in document["outbox"]]
                if hook is not None:
                    assert not await hook({document["_id"]: outgoing})
                self.said += outgoing
                await collection.clear_outbox(document["_id"], [entry.event.id for entry in outgoing])

    async def _hear(self) -> None:
        fresh, self.heard = self.said[self.heard :], len(self.said)
        subscriptions: list[Subscription] = [one for parts in self.parts.values() for one in parts.subscriptions]
        for item in fresh:
            received = Received(item.event, decode_data(item.event))
            for one in subscriptions:
                if one.topic.name == item.topic and isinstance(received.data, one.accepts):
                    await one.handle([received])

    async def publish(self, outgoing: Iterable[Outgoing]) -> None:
        """The services' sink, for what they say beside their outboxes."""
        self.said += outgoing

    def event(self, event_id: str) -> Event:
        return next(item.event for item in self.said if item.event.id == event_id)

    def _runtime(self, name: str) -> Runtime:
        found = f"findings_{name}"
        self.shelves[found] = None
        findings = StoredFindings(name, Documents(self.store.collection(found), FindingDocument), self.calendar)

        def documents(collection: str, model: Any, before_publish: Any = None) -> Any:
            self.shelves[collection] = before_publish or self.shelves.get(collection)
            return Documents(self.store.collection(collection), model)

        return Runtime(
            name=name,
            replica="r1",
            config=self.config,
            store=self.store,
            sink=self,
            calendar=self.calendar,
            machine=self.machine,
            log=structlog.get_logger(),
            metrics=Metrics(),
            findings=findings,
            documents=documents,
            lease=lambda *_, **__: HeldLease(),
        )


def _mapping(kind: Any, key: str, target: int) -> MappingRow:
    return MappingRow.model_validate({"kind": kind, "source": "drop", "key": key, "target": target})


def march(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    """Two customers are mapped, the first one's seats go 10 → 12 → 11, the second one has 5; nobody mapped a third."""

    async def live() -> Month:
        month = await Month(folder).begin(monkeypatch)
        await month.settle(3)
        month.drop("a.csv", *rows("2026-03-10T06:00:00Z", 10))
        await month.settle()
        for day, seats in ((12, 12), (17, 11)):
            at = f"2026-03-{day}T06:00:00Z"
            month.drop(f"{day}.csv", *rows(at, seats))
            await month.on(date(2026, 3, day))
        return month

    return asyncio.run(live())


def first_day(folder: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> Month:
    """The first day in ``propose``, where plans wait for a person, or in ``observe``."""

    async def live() -> Month:
        month = await Month(folder, mode).begin(monkeypatch)
        await month.settle(3)
        month.drop("a.csv", *rows("2026-03-10T06:00:00Z", 10))
        await month.settle()
        return month

    return asyncio.run(live())


def gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    """A subscription that two complete lists in a row do not have any more."""

    async def live() -> Month:
        month = await Month(folder).begin(monkeypatch)
        await month.settle(3)
        for day in (10, 12, 14):
            at = f"2026-03-{day}T06:00:00Z"
            everybody = [row(at, f"C-{n}", f"SUB-{n}", 5 if n < 9 else 90) for n in (1, 2, 9)]
            month.drop(f"{day}.csv", *(everybody if day == 10 else everybody[1:]))
            await month.on(date(2026, 3, day))
        return month

    return asyncio.run(live())

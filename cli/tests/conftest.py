"""A command line in this process: a store in memory, a bus on which a scripted owner answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seatledger.cli import session as session_module
from seatledger.cli import wiring
from seatledger.cli.app import build_app, run
from seatledger.cli.context import Context
from seatledger.cli.session import Session
from seatledger.runtime.clock import FixedCalendar
from seatledger.runtime.config import Config, config_from
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.runfile import Endpoints
from seatledger.schemas.commands import CommandAnswered, CommandIssued
from seatledger.schemas.documents import Outgoing

NOW = datetime(2026, 3, 2, 11, tzinfo=UTC)
Reply = tuple[bool, str, dict[str, Any]]
Owner = Callable[[CommandIssued], Reply | None]
"""What a scripted owner says to a command; None: nothing at all."""


def configuration() -> dict[str, Any]:
    """The values of a small configuration."""
    main = {
        "kind": "autotask", "url": "http://127.0.0.1:1", "username": "u", "secret": "s", "integration_code": "c",
        "timezone": "Europe/Amsterdam", "currency": "EUR",
    }  # fmt: skip
    return {
        "psa": {"main": main},
        "sources": {
            "north": {"kind": "file-drop", "psa": "main", "rank": 1, "folder": "north"},
            "south": {"kind": "file-drop", "psa": "main", "rank": 2, "folder": "south"},
        },
    }


@dataclass
class Bus:
    """The sink of the command line under test. Every published command is kept and answered by ``owner``."""

    store: MemoryStore
    owner: Owner = lambda _: (True, "", {})
    published: list[Outgoing] = field(default_factory=list)
    noted: list[list[dict[str, Any]]] = field(default_factory=list)
    """What stood in ``commands_sent`` at each publication."""

    async def publish(self, outgoing: Iterable[Outgoing]) -> None:
        for item in outgoing:
            self.published.append(item)
            self.noted.append(await self.store.collection("commands_sent").find({}))
            command = CommandIssued.model_validate(item.event.data)
            said = self.owner(command)
            if said is not None:
                await self._answer(command, *said)

    async def _answer(self, command: CommandIssued, ok: bool, message: str, result: dict[str, Any]) -> None:
        answer = CommandAnswered(
            id=command.id, owner=command.owner, ok=ok, message=message, result=result, answered_at=NOW
        )
        row = {"_id": command.id, "rev": 1, "answer": answer.model_dump(mode="json")}
        await self.store.collection(f"commands_{command.owner.value}").upsert_many([row])

    @property
    def commands(self) -> list[CommandIssued]:
        return [CommandIssued.model_validate(item.event.data) for item in self.published]


@dataclass
class Said:
    """What a command ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Desk:
    """A person at the command line."""

    store: MemoryStore
    bus: Bus
    config: Config
    calendar: FixedCalendar
    capture: pytest.CaptureFixture[str]

    def run(self, *words: str) -> Said:
        self.capture.readouterr()
        code = run(build_app(), list(words))
        taken = self.capture.readouterr()
        return Said(code, taken.out, taken.err)

    def put(self, collection: str, *rows: dict[str, Any]) -> None:
        asyncio.run(self.store.collection(collection).upsert_many(rows))

    def rows(self, collection: str) -> list[dict[str, Any]]:
        return asyncio.run(self.store.collection(collection).find({}))


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Commands of this process see a store in memory and a scripted bus instead of real ones."""
    store = MemoryStore()
    bus = Bus(store)
    config = config_from({**configuration(), "state_dir": "st"}, tmp_path)
    calendar = FixedCalendar(NOW)

    @asynccontextmanager
    async def opened(context: Context) -> AsyncIterator[Session]:
        yield Session(context, config, Endpoints("127.0.0.1:1", "mongodb://127.0.0.1:2", True), store, calendar)

    @asynccontextmanager
    async def sink(_opened: Session) -> AsyncIterator[Bus]:
        yield bus

    monkeypatch.setattr(session_module, "session", opened)
    monkeypatch.setattr(wiring, "open_sink", sink)
    monkeypatch.setenv("COLUMNS", "200")
    return Desk(store, bus, config, calendar, capsys)


@pytest.fixture
def desk_config(tmp_path: Path) -> Config:
    """The configuration of :func:`desk`: the sources north and south."""
    return config_from(configuration(), tmp_path)

"""The example in each command's help is carried out, word for word, in an installation that has what it names."""

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.tests.help_examples import STARTS_A_PROCESS, examples
from seatledger.cli import session, wiring
from seatledger.cli.bus_reading import Span
from seatledger.cli.commands import tailing
from seatledger.cli.context import Context
from seatledger.cli.letters import Met
from seatledger.cli.session import Session
from seatledger.runtime.config import Config, config_from
from seatledger.runtime.runfile import Endpoints
from seatledger.schemas.commands import CommandIssued
from seatledger.schemas.dead import DeadLetter, RecordPlace
from seatledger.schemas.envelope import Event

NOW = "2026-03-02T11:00:00Z"
HERE = examples(lambda command: command not in STARTS_A_PROCESS)
"""The others are carried out as processes, in test_examples_started and tests/conformance."""


def plan() -> dict[str, Any]:
    return {
        "_id": "plan-8521d66daf8ab819", "rev": 1, "hash": "1c00ac15a8df5ae8", "connection": "main", "company": 101,
        "state": "proposed", "items": [], "created_at": NOW, "basis_at": NOW, "asks": "propose",
    }  # fmt: skip


def finding() -> dict[str, Any]:
    return {
        "_id": "not_seen-4f0c11d2a9b3", "rev": 1, "code": "not_seen", "subject": {"connection": "main", "line": 71},
        "message": "it did not arrive", "do": "Retry it", "count": 1, "opened_at": NOW, "closed_at": None,
    }  # fmt: skip


def snapshot() -> dict[str, Any]:
    key = {"source": "drop", "subscription": "SUB-77", "resource": "", "part": "all"}
    state = {
        "key": key, "connection": "main", "revision": 1, "change": "seen", "billing_cycle": "monthly", "complete": True,
        "customer": {"id": "C-1042", "name": "Alder"}, "offer": {"offer": "O365-E3"}, "offer_name": "Office",
        "status": "active", "raw_status": "active", "quantity": 3, "asks": None, "observed_at": NOW,
    }  # fmt: skip
    return {"_id": "drop/SUB-77//all", "rev": 1, "source": "drop", "revision": 1, "state": state, "said_at": NOW}


def undecided() -> dict[str, Any]:
    """The mapper's word on it: nobody mapped the customer yet."""
    return {
        "_id": "drop/SUB-77//all", "rev": 1, "source": "drop", "connection": "main", "snapshot_revision": 1,
        "sighting": {"snapshot": snapshot()["state"]}, "outcome": {"kind": "unmapped", "missing": "company"},
        "lacks": [{"what": "company"}], "revision": 1, "mapping_revision": 1, "said": [], "told": [],
    }  # fmt: skip


def letter() -> Met:
    place = RecordPlace(topic="commands.v1", partition=0, offset=1)
    said = DeadLetter(reader="mapper.commands.v1", place=place, why="not UTF-8", bytes_base64="/w==")
    at = datetime.fromisoformat(NOW)
    event = Event.about(said, source="/mapper", subject="commands.v1/0/1", revision=1, time=at)
    whole = event.model_copy(update={"id": "3c13c9fa87d6192bb0038c72bc2ac7e6"})
    return Met(RecordPlace(topic="dead.v1", partition=0, offset=0), whole, said)


@pytest.fixture
def installation(desk: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A source ``drop``, a PSA ``main``, and what the examples name: a plan, a finding, a subscription, a letter."""
    main = {
        "kind": "autotask", "url": "http://127.0.0.1:1", "username": "u", "secret": "s", "integration_code": "c",
        "timezone": "UTC", "currency": "EUR",
    }  # fmt: skip
    drop = {"kind": "file-drop", "psa": "main", "folder": "drop"}
    config = config_from({"psa": {"main": main}, "sources": {"drop": drop}}, tmp_path)
    where = Endpoints("127.0.0.1:1", "mongodb://127.0.0.1:2", embedded=True)

    @asynccontextmanager
    async def opened(context: Context) -> AsyncIterator[Session]:
        yield Session(context, config, where, desk.store, desk.calendar)

    async def nothing(_connection: object, _span: Span) -> AsyncIterator[list[Any]]:
        for _ in range(0):
            yield []

    async def made(_endpoints: Endpoints, _config: Config) -> dict[str, bool]:
        return {"dead.v1": True}

    async def well(_endpoints: Endpoints, _config: Config) -> dict[str, Any]:
        return {"hello": {"isWritablePrimary": True, "localTime": datetime.now(UTC)}}

    async def letters(_opened: Session) -> list[Met]:
        return [letter()]

    monkeypatch.setattr(session, "session", opened)
    monkeypatch.setattr(session, "read_config", lambda _context: config)
    monkeypatch.setattr(session, "find_endpoints", lambda _config: where)
    monkeypatch.setattr(tailing, "records", nothing)
    for name, stands in (("prepare_bus", made), ("verified_topics", made), ("store_answers", well)):
        monkeypatch.setattr(wiring, name, stands)
    monkeypatch.setattr(wiring, "dead_letters", letters)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mappings.csv").write_text("kind,source,key,target\ncompany,drop,C-1042,101\n")
    desk.put("plans", plan())
    desk.put("findings_psa-writer", finding())
    desk.put("findings_mapper", {**finding(), "_id": "dead_letter-4f0c11d2a9b3", "code": "dead_letter"})
    desk.put("lines", {"_id": "main/71", "rev": 1, "open": {"state": "not_seen"}})
    desk.put("snapshots", snapshot())
    desk.put("mapped", undecided())
    desk.bus.owner = answer
    return desk


def answer(command: CommandIssued) -> tuple[bool, str, dict[str, Any]]:
    """Each owner says yes."""
    if command.body.do == "set_mappings":
        return True, "", {"rows": [{"row": n, "ok": True, "message": ""} for n, _ in enumerate(command.body.rows)]}
    return True, "", {}


@pytest.mark.parametrize("example", HERE)
def test_an_example_is_carried_out(installation: Any, example: str) -> None:
    """It ends with 0, or with 1 where it shows something that needs a person; nobody has to change a word of it."""
    words = shlex.split(example.partition(" > ")[0])
    said = installation.run(*words)
    assert said.code in (0, 1), said.err
    assert "error:" not in said.err
    shows_what_is_open = words[0] in ("drain", "findings", "status", "check")
    assert said.code == 0 or shows_what_is_open, f"{said.out}{said.err}"

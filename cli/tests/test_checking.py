"""``check``: every red line says what to do, whoever found it, and one red line makes the answer no."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seatledger.cli import health, session, wiring
from seatledger.cli.app import build_app, run
from seatledger.cli.checks import green, no_way, services, settings, store_checks, unasked
from seatledger.cli.checks import red as red_row
from seatledger.cli.errors import unreachable
from seatledger.runtime.bus import BusUnavailableError
from seatledger.runtime.config import Config, config_from
from seatledger.runtime.runfile import Endpoints, RunFile, ServiceRun
from seatledger.runtime.store import StoreUnavailableError
from seatledger.runtime.topics import TopicError, TopicsMissingError
from seatledger.schemas.commands import Check, CommandIssued

NOW = datetime(2026, 3, 2, 11, tzinfo=UTC)
HELLO = {"isWritablePrimary": True, "localTime": NOW}
ENGINE = {"storageEngine": {"name": "wiredTiger", "persistent": True}}
WELL: dict[str, Any] = {"hello": HELLO, "serverStatus": ENGINE, "getCmdLineOpts": {"parsed": {"storage": {}}}}
RUNNING = {name: ServiceRun(http="127.0.0.1:1") for name in ("collector", "mapper", "contract-planner", "psa-writer")}


def answered(command: CommandIssued) -> tuple[bool, str, dict[str, Any]]:
    what = f"psa {command.connection}: zone" if command.connection else "source north: folder"
    return True, "", {"checks": [{"name": what, "ok": True, "message": "fine", "do": ""}]}


@pytest.fixture
def ground(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Everything below the command is well; a test spoils one thing."""

    async def verified(_endpoints: Endpoints, _config: Config) -> None:
        return None

    async def answers(_endpoints: Endpoints, _config: Config) -> dict[str, Any]:
        return {**WELL, "hello": {**HELLO, "localTime": datetime.now(UTC)}}

    async def fetch(_address: str | None, _path: str) -> health.Reply:
        return health.Reply(200)

    monkeypatch.setattr(session, "read_config", lambda _context: desk.config)
    monkeypatch.setattr(session, "find_endpoints", lambda _config: Endpoints("b:1", "mongodb://s:1", True))
    monkeypatch.setattr(session, "running", lambda _config: RunFile(pid=1, broker="b:1", store="s", services=RUNNING))
    monkeypatch.setattr(wiring, "verified_topics", verified)
    monkeypatch.setattr(wiring, "store_answers", answers)
    monkeypatch.setattr(health, "fetch", fetch)
    desk.bus.owner = answered
    return desk


def failing(error: Exception) -> Callable[..., Any]:
    async def fail(*_: object) -> None:
        raise error

    return fail


def red(said: Any) -> dict[str, dict[str, Any]]:
    found = {row["name"]: row for row in said.json if not row["ok"]}
    assert all(row["do"] and row["message"] for row in found.values())
    assert all(set(row) == {"name", "ok", "message", "do"} for row in said.json)
    assert said.code == (1 if found else 0)
    return found


def test_all_well_is_0(ground: Any) -> None:
    """Ground, services, each PSA and the sources, in this order; the owners were asked once each."""
    said = ground.run("check", "--json")
    assert red(said) == {}
    assert [row["name"] for row in said.json] == [
        "settings", "broker", "topics", "store", "journaling", "clock", "service collector", "service mapper",
        "service contract-planner", "service psa-writer", "psa main: zone", "source north: folder",
    ]  # fmt: skip
    assert sorted((one.owner.value, one.connection) for one in ground.bus.commands) == [
        ("collector", None),
        ("psa-writer", "main"),
    ]


def test_one_is_not_told_as_many(ground: Any) -> None:
    """The settings' line counts in words."""
    settings = ground.run("check", "--json").json[0]
    assert settings["message"] == "1 PSA connection, 2 sources"


def test_people_see_what_is_red_and_what_to_do(ground: Any) -> None:
    """A line a check, the remedy below the red ones, the count at the end."""
    bad = {"name": "psa main: credentials", "ok": False, "message": "refused", "do": "Correct it"}
    ground.bus.owner = lambda _: (False, "", {"checks": [bad]})
    said = ground.run("check")
    assert said.code == 1
    assert "RED  psa main: credentials: refused\n       → Correct it\n" in said.out
    assert said.out.endswith("2 of 12 checks are red.\n")


@pytest.mark.parametrize(
    ("error", "name", "told"),
    [
        (BusUnavailableError("no broker answers"), "broker", "broker.url"),
        (TopicsMissingError("topics", "missing: dead.v1", "Run `seatledger topics apply`"), "topics", "topics apply"),
        (
            TopicError("topic dead.v1", "it has 3 partitions and not 12", "Set it"),
            "topics",
            "Set it",
        ),
    ],
    ids=["broker", "missing", "partitions"],
)
def test_a_broker_or_topic_that_is_wrong_is_red(
    ground: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, name: str, told: str
) -> None:
    """No broker, no topics, other partitions; nobody is asked over such a bus, and that is said."""
    monkeypatch.setattr(wiring, "verified_topics", failing(error))
    found = red(ground.run("check", "--json"))
    assert told in found[name]["do"]
    for who in ("psa main", "sources"):
        assert found[who]["message"] == f"not tried: {name} above is red, and services are asked that way"
        assert "Start" not in found[who]["do"], "everything runs"
    assert ground.bus.commands == []


@pytest.mark.parametrize(
    ("name", "spoiled"),
    [
        ("clock", {"hello": {**HELLO, "localTime": NOW}}),
        ("journaling", {"serverStatus": {"storageEngine": {"name": "inMemory", "persistent": False}}}),
    ],
    ids=["clock", "journaling"],
)
def test_what_hinders_no_question_does_not_end_the_check(
    ground: Any, monkeypatch: pytest.MonkeyPatch, name: str, spoiled: dict[str, Any]
) -> None:
    """A store whose clock is off or that keeps no journal is red alone: writer and collector are asked all the same."""

    async def answers(_endpoints: Endpoints, _config: Config) -> dict[str, Any]:
        return {**WELL, "hello": {**HELLO, "localTime": datetime.now(UTC)}, **spoiled}

    monkeypatch.setattr(wiring, "store_answers", answers)
    said = ground.run("check", "--json")
    assert list(red(said)) == [name]
    assert [row["name"] for row in said.json][-2:] == ["psa main: zone", "source north: folder"]
    assert sorted(one.owner.value for one in ground.bus.commands) == ["collector", "psa-writer"]


def test_a_store_that_is_away_is_red(ground: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the address that was tried, without what is secret in it."""
    monkeypatch.setattr(wiring, "store_answers", failing(StoreUnavailableError("no answer")))
    found = red(ground.run("check", "--json"))
    assert "store.url" in found["store"]["do"]


@pytest.mark.parametrize(
    ("answers", "name", "told"),
    [
        ({"hello": {"isWritablePrimary": False}}, "store", "primary"),
        ({"serverStatus": {"storageEngine": {"name": "inMemory", "persistent": False}}}, "journaling", "on disk"),
        ({"getCmdLineOpts": {"parsed": {"storage": {"journal": {"enabled": False}}}}}, "journaling", "journal"),
        ({"hello": {**HELLO, "localTime": NOW - timedelta(hours=1)}}, "clock", "3600 s ahead of the store's"),
        ({"hello": {**HELLO, "localTime": NOW.replace(tzinfo=None) + timedelta(hours=1)}}, "clock", "3600 s behind"),
    ],
    ids=["secondary", "in memory", "no journal", "clock ahead", "clock behind"],
)
def test_a_store_that_would_lose_or_misdate_is_red(answers: dict[str, Any], name: str, told: str) -> None:
    """No primary, no disk, no journal, a clock an hour off in either direction."""
    found = {check.name: check for check in store_checks("s:1", {**WELL, **answers}, NOW) if not check.ok}
    assert list(found) == [name]
    assert told in found[name].message
    assert found[name].do


def test_an_engine_that_cannot_be_asked_for_is_no_green_line() -> None:
    """MongoDB's engine that keeps all in memory acknowledges journaled writes: who may not ask for it, cannot know."""
    (journaling,) = red_of_the_store({"serverStatus": None, "getCmdLineOpts": None})
    assert journaling.name == "journaling"
    assert journaling.message.startswith("it cannot be told: our user may not ask")
    assert "serverStatus on the cluster" in journaling.do


def test_the_narrow_role_is_enough() -> None:
    """serverStatus alone tells the engine; what stands on the store's command line need not be shown to us."""
    assert red_of_the_store({"getCmdLineOpts": None}) == []


def red_of_the_store(answers: dict[str, Any]) -> list[Check]:
    return [check for check in store_checks("s:1", {**WELL, **answers}, NOW) if not check.ok]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (health.Reply(), "does not answer"),
        (health.Reply(503, json.dumps({"reasons": {"bus": "not on the bus"}}).encode()), "not on the bus"),
        (health.Reply(503, b"?"), "it answers 503"),
    ],
    ids=["silent", "not ready", "strange"],
)
def test_a_service_that_is_not_up_is_red(
    ground: Any, monkeypatch: pytest.MonkeyPatch, reply: health.Reply, told: str
) -> None:
    """With its own reason where it gives one."""

    async def fetch(_address: str | None, _path: str) -> health.Reply:
        return reply

    monkeypatch.setattr(health, "fetch", fetch)
    found = red(ground.run("check", "--json"))
    assert told in found["service mapper"]["message"]
    if reply.status == 0:
        assert list(found)[-3:] == ["psa main: address", "psa main", "sources"]
        assert found["sources"]["message"] == "not tried: collector does not answer, and nobody else may ask there"
    asked = {one.owner.value for one in ground.bus.commands}
    assert asked == (set() if reply.status == 0 else {"psa-writer", "collector"}), "who is silent is not waited for"


def test_an_owner_that_does_not_answer_is_red_and_the_other_is_told(ground: Any) -> None:
    """The wait has an end. That service may run and wait for Autotask itself: it is not sent away to be started."""
    ground.bus.owner = lambda command: answered(command) if command.connection is None else None
    found = red(ground.run("check", "--json", "--timeout", "0.2"))
    assert list(found) == ["psa main"]
    assert found["psa main"]["do"].startswith("Give a longer --timeout or look at the log of psa-writer; where")


def test_an_owner_of_an_earlier_release_is_red(ground: Any) -> None:
    """A service that does not know the command says so; that is no green line."""
    ground.bus.owner = lambda _: (False, "psa-writer does not handle 'check_connection'", {})
    assert set(red(ground.run("check", "--json"))) == {"psa main", "sources"}


def test_before_anything_runs_each_part_is_told(
    desk: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the first day: how to start it, and whether Autotask's host can be reached at all; exit 1, not 4."""

    def nothing_runs(_config: Config) -> None:
        raise unreachable("st", "no broker and store run on this folder", "Start `seatledger up` in another terminal")

    monkeypatch.setattr(session, "read_config", lambda _context: desk.config)
    monkeypatch.setattr(session, "find_endpoints", nothing_runs)
    found = red(desk.run("check", "--json"))
    assert list(found) == ["broker", "store", "psa main: address", "psa main", "sources"]
    assert found["sources"]["message"].startswith("not tried: broker and store above are red")
    assert "seatledger up" in found["broker"]["do"]
    assert "127.0.0.1:1" in found["psa main: address"]["message"]


async def test_a_host_that_can_be_reached_is_told_so(desk_config: Config) -> None:
    """Without a bus to ask the writer over no more than that can be known; without sources nothing is said of them."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    psa = desk_config.psa["main"].model_copy(update={"url": f"http://127.0.0.1:{port}"})  # type: ignore[index]  # a name
    config = desk_config.model_copy(update={"psa": {"main": psa}, "sources": {}})
    address, asked = await unasked(config, no_way([green("store", "s"), red_row("broker", "away", "start it")]))
    server.close()
    assert address.ok
    assert not asked.ok


def test_a_set_calendar_without_an_instant_is_red(tmp_path: Path) -> None:
    """Tests set it by a file; one that holds none would date nothing."""
    clock = tmp_path / "clock"
    clock.write_text("soon")
    psa = {
        "kind": "autotask", "url": "http://127.0.0.1:1", "username": "u", "secret": "s", "integration_code": "c",
        "timezone": "UTC", "currency": "EUR",
    }  # fmt: skip
    config = config_from({"psa": {"main": psa}, "clock": {"file": str(clock)}}, tmp_path)
    assert not settings(config).ok
    clock.write_text("2026-03-01T08:00:00Z")
    assert settings(config).ok


def test_a_configuration_that_cannot_be_read_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As for every command: the key's path, its line, and the nearest valid key."""
    (tmp_path / "seatledger.yaml").write_text("stat_dir: st\npsa: {}\n")
    assert run(build_app(), ["check", "--json", "--config", str(tmp_path / "seatledger.yaml")]) == 2
    assert "state_dir" in json.loads(capsys.readouterr().out)["error"]["do"]


async def test_services_elsewhere_are_not_called_silent(desk_config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `up` on this machine nobody knows where they listen: they are asked over the bus all the same."""
    monkeypatch.setattr(session, "running", lambda _config: None)
    health = await services(desk_config)
    assert (health.checks, health.silent) == ((), frozenset())

"""What commands read from the stores, and the JSON that they make of it."""

import asyncio
import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from seatledger.cli import sweeping
from seatledger.cli.context import Progress
from seatledger.cli.health import Reply, addresses, fetch
from seatledger.runtime.config import ServiceConfig, ServicesConfig
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.runfile import RunFile, ServiceRun

DAY = "2026-03-02"


def finding(number: int, **changes: Any) -> dict[str, Any]:
    """A stored finding of the writer."""
    row: dict[str, Any] = {
        "_id": f"refused-{number}",
        "rev": 1,
        "code": "refused",
        "subject": {"connection": "main", "company": 101, "contract": 7, "line": 70 + number, "detail": "i-1"},
        "message": "Autotask refused it",
        "do": "Retry it",
        "money_per_month": {"amount": "12.30", "currency": "EUR"},
        "count": 2,
        "opened_at": f"2026-03-0{number}T08:00:00Z",
        "closed_at": None,
    }
    return {**row, **changes}


DOUBTFUL = ((1, "held"), (2, "not_seen"))


def company(**changes: Any) -> dict[str, Any]:
    """The head of a company that has been planned for today."""
    row: dict[str, Any] = {
        "_id": "main/101", "rev": 1, "connection": "main", "seen": {}, "dirty": False, "planned_for": DAY,
        "unanswered": 0, "due": 0, "waiting_approval": 0, "waiting_day": 0, "not_needed": 0, "has_outbox": False,
    }  # fmt: skip
    return {**row, **changes}


def test_findings_are_flat_and_complete(desk: Any) -> None:
    """A finding has exactly the fields of interface.md; what its subject does not know is null, money too."""
    desk.put("findings_psa-writer", finding(2))
    desk.put("findings_mapper", finding(1, _id="m-1", money_per_month=None, subject={"source": "north"}))
    said = desk.run("findings", "--json")
    assert said.code == 1
    older, newer = said.json
    assert list(older) == [
        "id", "code", "source", "subscription", "company", "contract", "line", "file", "row", "column", "message",
        "do", "money_per_month", "count", "opened_at", "closed_at",
    ]  # fmt: skip
    assert (older["id"], older["source"], older["line"], older["money_per_month"]) == ("m-1", "north", None, None)
    assert (newer["company"], newer["contract"], newer["line"]) == (101, 7, 72)
    assert newer["money_per_month"] == {"amount": "12.30", "currency": "EUR"}


def test_closed_findings_are_shown_on_request_and_well(desk: Any) -> None:
    """Without an open finding the exit code is 0; --all lists closed ones all the same."""
    desk.put("findings_collector", finding(1, closed_at="2026-03-02T08:00:00Z"))
    assert (desk.run("findings", "--json").code, desk.run("findings", "--json").json) == (0, [])
    everything = desk.run("findings", "--all", "--json")
    assert everything.code == 0
    assert [row["closed_at"] for row in everything.json] == ["2026-03-02T08:00:00Z"]


def test_findings_for_people_say_what_it_is_about(desk: Any) -> None:
    """Each finding is a paragraph with message, place and remedy unbroken, and money with its currency."""
    desk.put("findings_psa-writer", finding(1))
    said = desk.run("findings")
    assert said.code == 1
    for words in ("company 101", "Autotask refused it", "Retry it", "12.30 EUR"):
        assert words in said.out


def test_drain_of_nothing_is_well(desk: Any) -> None:
    """Where nothing was ever said, drain ends at once with 0 and the JSON of interface.md."""
    said = desk.run("drain", "--timeout", "5", "--json")
    assert said.code == 0
    assert said.json == {
        "posted": 0, "in_place": 0, "not_needed": 0, "refused": 0, "held": 0, "findings": 0, "waiting_approval": 0,
        "waiting_day": 0, "pending": {"collector": 0, "mapper": 0, "contract-planner": 0, "psa-writer": 0},
    }  # fmt: skip


def test_drain_counts_outcomes_and_what_waits(desk: Any) -> None:
    """posted, in_place and refused come from the history, held from the books, the rest from the companies."""
    outcomes = ("posted", "posted", "in_place", "refused", "withdrawn")
    desk.put("intents", *({"_id": f"i{n}", "outcome": outcome} for n, outcome in enumerate(outcomes)))
    desk.put("lines", {"_id": "main/71", "open": {"state": "held"}}, {"_id": "main/72", "open": {"state": "not_seen"}})
    desk.put("companies", company(waiting_approval=2, waiting_day=3, not_needed=4))
    desk.put("findings_psa-writer", *(finding(n, _id=f"{code}-{n}", code=code) for n, code in DOUBTFUL))
    said = desk.run("drain", "--timeout", "5", "--json")
    assert said.code == 1
    assert {name: said.json[name] for name in said.json if name != "pending"} == {
        "posted": 2, "in_place": 1, "not_needed": 4, "refused": 1, "held": 2, "findings": 2, "waiting_approval": 2,
        "waiting_day": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("waits", "code"), [({"waiting_day": 1}, 0), ({"waiting_approval": 1}, 1)], ids=["a day", "an approval"]
)
def test_waiting_for_a_day_is_neither_but_for_approval_is_no(desk: Any, waits: dict[str, int], code: int) -> None:
    """What waits for its day leaves drain at 0, what waits for a person makes it 1."""
    desk.put("companies", company(**waits))
    assert desk.run("drain", "--timeout", "5", "--json").code == code


@pytest.mark.parametrize(
    ("collection", "row", "service"),
    [
        ("sweeps", {"_id": "north", "source": "north", "connection": "main", "state": "running"}, "collector"),
        ("hints", {"_id": "north/c/1", "source": "north", "wanted": 3, "answered": 2}, "collector"),
        ("snapshots", {"_id": "north/1//all", "source": "north", "revision": 1}, "mapper"),
        ("companies", company(dirty=True), "contract-planner"),
        ("companies", company(planned_for="2026-03-01"), "contract-planner"),
        ("lines", {"_id": "main/1", "open": {"state": "unknown"}}, "psa-writer"),
        ("commands_sent", {"_id": "c", "owner": "mapper", "noted_at": 9e12}, "mapper"),
    ],
    ids=["sweep", "hint", "undecided", "dirty", "yesterday's plan", "unknown", "command"],
)
def test_drain_ends_with_3_while_something_is_pending(
    desk: Any, collection: str, row: dict[str, Any], service: str
) -> None:
    """Each kind of unfinished work keeps drain waiting, and is counted at its service when the time is over."""
    desk.put(collection, row)
    said = desk.run("drain", "--timeout", "0.1", "--json")
    assert said.code == 3
    assert said.json["pending"][service] == 1


def test_drain_sees_the_work_end(desk: Any) -> None:
    """Drain goes on looking and ends once the work has ended, well before its time-out."""
    desk.put("companies", company(dirty=True))
    done = threading.Timer(0.5, lambda: desk.put("companies", company()))
    done.start()
    said = desk.run("drain", "--timeout", "20", "--json")
    done.join()
    assert said.code == 0


def test_drain_reads_the_business_day_itself(desk: Any) -> None:
    """On a new day of the calendar a company that was planned yesterday is pending, whatever services know."""
    desk.put("companies", company())
    assert desk.run("drain", "--timeout", "1", "--json").code == 0
    desk.calendar.at = datetime(2026, 3, 3, 11, tzinfo=UTC)
    assert desk.run("drain", "--timeout", "0.1", "--json").code == 3


def test_drain_forgets_commands_of_a_killed_command_line(desk: Any) -> None:
    """A command noted by a process that was killed, and renewed by nobody, does not keep drain waiting for ever."""
    desk.put("commands_sent", {"_id": "c", "owner": "mapper", "noted_at": 1.0})
    assert desk.run("drain", "--timeout", "5", "--json").code == 0
    assert desk.rows("commands_sent") == []


def test_status_has_its_four_parts(desk: Any) -> None:
    """status is one document of services, sources, outcomes, findings and PSA connections; no service up is exit 1."""
    sweep = {
        "_id": "north", "source": "north", "connection": "main", "state": "ended", "ended": 1, "held": 2,
        "last_complete_at": "2026-03-02T08:00:00Z", "next_at": "2026-03-02T09:00:00Z",
    }  # fmt: skip
    desk.put("sweeps", sweep)
    desk.put("snapshots", {"_id": "north/1//all", "source": "north", "revision": 1})
    desk.put("findings_mapper", finding(1))
    desk.put(
        "psa_mirrors", {"_id": "main", "connection": "main", "generation": 3, "mirrored_at": "2026-03-02T08:00:00Z"}
    )
    said = desk.run("status", "--json")
    assert said.code == 1
    assert set(said.json) == {"services", "sources", "outcomes", "findings", "psa"}
    assert [service["name"] for service in said.json["services"]] == [
        "collector", "mapper", "contract-planner", "psa-writer",
    ]  # fmt: skip
    assert said.json["services"][0] == {"name": "collector", "up": False, "lag": None, "last_progress_at": None}
    assert said.json["sources"][0] == {
        "name": "north", "last_complete_sweep_at": "2026-03-02T08:00:00Z", "next_sweep_at": "2026-03-02T09:00:00Z",
        "subscriptions": 1, "held": 2,
    }  # fmt: skip
    assert said.json["sources"][1]["last_complete_sweep_at"] is None
    assert said.json["findings"] == {"refused": 1}
    assert said.json["psa"] == [
        {"name": "main", "calls_last_hour": 0, "budget": 5000, "in_flight": 0, "mirrored_at": "2026-03-02T08:00:00Z"}
    ]


def test_an_account_that_nothing_was_read_of_is_named_to_whoever_misses_a_plan(desk: Any) -> None:
    """New lines wait for every required account: status, drain and an empty plan list say which, until it is ready."""
    for words in (("status",), ("drain", "--timeout", "5"), ("plan", "list")):
        assert "Not read yet: north (counts from its first file), south (counts from its first file)." in (
            desk.run(*words).out
        )
    ready = {"source": "north", "noted_at": "2026-03-02T08:00:00Z", "ready_at": "2026-03-02T08:00:00Z"}
    desk.put("readiness", {"_id": "north", "rev": 1, **ready}, {"_id": "south", "rev": 1, **ready, "ready_at": None})
    assert "Not read yet: south (" in desk.run("drain", "--timeout", "5").out
    desk.put("readiness", {"_id": "south", "rev": 1, **ready, "source": "south"})
    assert "Not read yet" not in desk.run("status").out


WALKING = {
    "_id": "north", "source": "north", "connection": "main", "state": "running", "walked": 120, "to_walk": 400,
}  # fmt: skip


def test_status_says_how_far_a_long_sweep_is(desk: Any) -> None:
    """A sweep under way is told by its customers; one that ended, or is over in a moment, is not."""
    desk.put("sweeps", WALKING, {**WALKING, "_id": "south", "source": "south", "walked": None, "to_walk": None})
    assert "under way: north: 120 of 400 customers read" in desk.run("status").out
    desk.put("sweeps", {**WALKING, "state": "ended"})
    assert "under way" not in desk.run("status").out


async def test_who_waits_for_a_sweep_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that moves says it as soon as the sweep does; where nobody looks, nothing is read."""
    monkeypatch.setattr(sweeping, "LOOK_SECONDS", 0.0)
    store, said = MemoryStore(), asyncio.Queue[str]()
    await store.collection("sweeps").upsert_many([WALKING])
    opened: Any = SimpleNamespace(store=store, config=SimpleNamespace(sources={}))
    async with sweeping.told(opened, Progress(said.put_nowait)):
        assert await asyncio.wait_for(said.get(), 30) == "north: 120 of 400 customers read"
    unseen: Any = None
    async with sweeping.told(unseen, Progress()):
        await asyncio.sleep(0)


def test_health_is_asked_where_the_run_file_says(desk: Any) -> None:
    """Replicas have names of their own; without `up` only a configured port can be asked, or where it is reached."""
    run = RunFile(pid=1, broker="b", store="s", services={"mapper-2": ServiceRun(http="127.0.0.1:9")})
    assert addresses(desk.config, run) == {"mapper-2": "127.0.0.1:9"}
    assert addresses(desk.config, None)["mapper"] is None
    services = ServicesConfig(mapper=ServiceConfig(http="0.0.0.0:8080", reached_at="mapper:8080"))
    contained = desk.config.model_copy(update={"services": services})
    assert addresses(contained, None)["mapper"] == "mapper:8080"


async def test_a_health_port_is_read_and_a_dead_one_is_no_answer() -> None:
    """fetch gives status and body of a live port, and status 0 where nobody listens."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 503 Service Unavailable\r\ncontent-type: text/plain\r\n\r\nwhy")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await fetch(f"127.0.0.1:{port}", "/readyz") == Reply(503, b"why")
    assert (await fetch(f"127.0.0.1:{port}", "/readyz")).status == 0
    assert (await fetch(None, "/readyz")).status == 0


def test_plans_are_listed_with_the_number_of_items_and_shown_with_all(desk: Any) -> None:
    """plan list has the fields of interface.md, plan show also basis, expiry and each item whole."""
    item = {
        "hash": "h1", "group": "g", "state": "proposed", "contract": 7, "line": 70, "service": 9, "effective_on": DAY,
        "before": 3, "after": 5, "unit_price": {"amount": "10.00", "currency": "EUR"},
    }  # fmt: skip
    plan = {
        "_id": "p1", "rev": 1, "hash": "h", "connection": "main", "company": 101, "state": "proposed",
        "items": [item], "created_at": "2026-03-02T08:00:00Z", "basis_at": "2026-03-02T08:00:00Z", "asks": "first link",
    }  # fmt: skip
    desk.put("plans", plan, {**plan, "_id": "p2", "company": 102, "items": []})
    head = {
        "id": "p1", "hash": "h", "connection": "main", "company": 101, "state": "proposed", "items": 1,
        "created_at": "2026-03-02T08:00:00Z",
    }  # fmt: skip
    assert desk.run("plan", "list", "--company", "101", "--json").json == [head]
    assert len(desk.run("plan", "list", "--json").json) == 2
    shown = desk.run("plan", "show", "p1", "--json").json
    assert shown | {"items": 1} == shown | head
    assert shown["basis_at"] == "2026-03-02T08:00:00Z"
    assert shown["expires_at"] is None
    nothing: dict[str, Any] = {"this_period": None, "each_period": None, "causes": [], "warnings": [], "moves": []}
    assert shown["items"] == [{**item, **nothing}]
    assert desk.run("plan", "show", "p9", "--json").code == 2
    assert "first link" in desk.run("plan", "show", "p1").out


def test_a_list_of_plans_shows_whose_they_are_and_what_they_cost(desk: Any) -> None:
    """The company's name, units that come and units that go, and the money of each period: decreases are seen there."""
    item = {
        "hash": "h1", "group": "g", "state": "proposed", "contract": 7, "line": 70, "service": 9, "effective_on": DAY,
        "before": 10, "after": 12, "each_period": {"amount": "41.20", "currency": "EUR"},
    }  # fmt: skip
    less = {**item, "hash": "h2", "before": 5, "after": 2, "each_period": {"amount": "-30.00", "currency": "EUR"}}
    desk.put("plans", {**PLAN, "state": "proposed", "items": [item, less]})
    company = {"_id": "main/101", "connection": "main", "company": 101, "name": "Alder Dental"}
    desk.put("psa_companies", {**company, "rev": 1, "company_type": 1, "is_active": True})
    out = desk.run("plan", "list").out
    assert "101 Alder Dental" in out
    assert "+2 -3" in out
    assert "11.20 EUR" in out


PLAN = {
    "_id": "p1", "rev": 1, "hash": "h", "connection": "main", "company": 101, "items": [], "asks": "first_link",
    "created_at": "2026-03-02T08:00:00Z", "basis_at": "2026-03-02T08:00:00Z", "expires_at": "2026-03-16T08:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("proposed", ["asks again for p0, which nobody answered", "expires on 2026-03-16, and then asks again"]),
        ("expired", ["expired on 2026-03-16 without an answer", "seatledger plan list --company 101"]),
        ("rejected", ["rejected: first_link", "To post it after all: seatledger plan approve p1 --hash h"]),
    ],
)
def test_a_plan_says_how_long_it_waits_and_what_to_do_when_it_does_not(desk: Any, state: str, told: list[str]) -> None:
    """Expiry and a no are explained where people look, with the command that goes on; the list has the day too."""
    desk.put("plans", {**PLAN, "state": state, "again_for": "p0" if state == "proposed" else None})
    out = desk.run("plan", "show", "p1").out
    assert all(one in out for one in told)
    assert ("2026-03-16" in desk.run("plan", "list").out) == (state == "proposed")


def test_items_that_belong_together_are_shown_together(desk: Any) -> None:
    """The group stands beside each of them, and beside nobody who is alone."""
    item = {
        "hash": "h1", "group": "70+71", "state": "proposed", "contract": 7, "line": 70, "service": 9,
        "effective_on": DAY, "before": 3, "after": 0,
    }  # fmt: skip
    items = [item, {**item, "line": 71, "before": 0, "after": 3}, {**item, "line": 72, "group": "72"}]
    desk.put("plans", {**PLAN, "state": "proposed", "items": items})
    words = desk.run("plan", "show", "p1").out.split()
    assert ("together" in words, words.count("70+71"), words.count("72")) == (True, 2, 1)

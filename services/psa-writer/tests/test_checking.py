"""``check``: each thing that a tenant can lack is red, says what to do, and was found out without a write."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sandbox_process import CODE, SECRET, USER, Sandbox, sandbox, seed
from writer_world import MAIN, FreeLease, HandClock

from seatledger.psa_writer.adapters.autotask.client import Client, Credentials
from seatledger.psa_writer.adapters.autotask.http import Http
from seatledger.psa_writer.adapters.autotask.probing import READ, AutotaskProber
from seatledger.psa_writer.adapters.autotask.quota import Unlimited
from seatledger.psa_writer.handlers.check_connection import CheckDocument, CheckHandler, CheckLoop
from seatledger.psa_writer.ports import PsaBudgetSpentError
from seatledger.runtime.clock import MachineClock, SystemMachine
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.store import Documents
from seatledger.schemas.commands import Check, CheckConnection, CommandIssued, Owner
from seatledger.schemas.ids import CommandId, ConnectionName

NOTHING, LIMITED, SOME = "nothing@msp.example", "limited@msp.example", "some@msp.example"
CONTRACTS = {"Contracts", "ContractServices", "ContractServiceUnits"}
TENANT = {
    "users": [
        {"username": user, "secret": SECRET, "integrationCode": CODE, "resourceID": 5 + n, "rights": rights}
        for n, (user, rights) in enumerate(
            {
                USER: {"contracts": "all"},
                NOTHING: {"contracts": "none"},
                LIMITED: {"contracts": "limited"},
                SOME: {"contracts": "all", "linesOfBusiness": [7]},
            }.items()
        )
    ],
}


@pytest.fixture(scope="module")
def tenant() -> Iterator[Sandbox]:
    """One tenant with users of different rights."""
    with tempfile.TemporaryDirectory() as folder, sandbox(Path(folder), {**seed(), **TENANT}) as process:
        yield process


@dataclass
class Ahead(SystemMachine):
    """A machine whose clock is wrong."""

    by: timedelta = timedelta()

    def now(self) -> datetime:
        return super().now() + self.by


def prober(
    url: str,
    user: str = USER,
    *,
    secret: str = SECRET,
    code: str = CODE,
    machine: MachineClock | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    budget: Any = None,
    refused: str | None = None,
) -> AutotaskProber:
    credentials = Credentials(username=user, secret=secret, integration_code=code)
    http = Http(write_timeout=5, transport=transport)
    client = Client(url, credentials, http, budget or Unlimited(), lambda _zone: refused)
    return AutotaskProber("main", user, client, machine or SystemMachine())


async def tried(one: AutotaskProber) -> dict[str, Check]:
    """Checks by the name behind the connection's."""
    checks = await one.checks()
    await one.client.http.close()
    return {check.name.removeprefix("psa main: "): check for check in checks}


def red(checks: dict[str, Check]) -> dict[str, Check]:
    found = {name: check for name, check in checks.items() if not check.ok}
    assert all(check.do and check.message for check in found.values())
    assert not any(SECRET in str(check) or CODE in str(check) for check in checks.values())
    return found


async def test_a_tenant_with_everything_is_green_and_nothing_is_written(tenant: Sandbox) -> None:
    """Zone, clock, sign-in, calls, API user and each right are told, and no call had an effect."""
    tenant.control("DELETE", "counters")
    checks = await tried(prober(tenant.url))
    assert red(checks) == {}
    rights = [f"right to read {entity}" for entity in READ]
    assert list(checks) == [
        "zone", "clock", "credentials", "calls", "API user", *rights, "right to add ContractServiceAdjustments",
    ]  # fmt: skip
    assert all(check.do == "" for check in checks.values())
    assert checks["API user"].message == "it is an API user"
    assert tenant.counters()["writes"] == 0


@pytest.mark.parametrize(
    ("who", "name", "key"),
    [
        ({"user": "nobody@msp.example"}, "zone", "psa.main.username"),
        ({"secret": "wrong"}, "credentials", "psa.main.secret"),
        ({"code": "WRONG"}, "credentials", "psa.main.integration_code"),
        ({"refused": "that host is refused"}, "zone", "psa.main.url"),
    ],
    ids=["user", "secret", "code", "host"],
)
async def test_a_refused_sign_in_names_the_key_to_correct(
    tenant: Sandbox, who: dict[str, Any], name: str, key: str
) -> None:
    """Unknown user, wrong secret, wrong code and a forbidden host are told apart; nothing goes on behind them."""
    checks = await tried(prober(tenant.url, **who))
    found = red(checks)
    assert list(found) == [name]
    assert list(checks)[-1] == name
    assert key in found[name].do


@pytest.mark.parametrize("answer", ["403", "500", "empty"])
async def test_a_missing_right_is_red_however_autotask_says_it(tenant: Sandbox, answer: str) -> None:
    """An error 403, an error 500, or a list that is merely empty: each contract entity is red, the others green."""
    tenant.control("PUT", "switches", {"permission": answer})
    try:
        found = red(await tried(prober(tenant.url, NOTHING)))
    finally:
        tenant.control("PUT", "switches", {"permission": "403"})
    assert set(found) == {f"right to read {one}" for one in CONTRACTS} | {"right to add ContractServiceAdjustments"}
    assert all("security level" in check.do for check in found.values())


@pytest.mark.parametrize("user", [LIMITED, SOME])
async def test_limited_visibility_is_red(tenant: Sandbox, user: str) -> None:
    """Who sees a part only gets lists without the rest, never an error: that is a missing right too."""
    found = red(await tried(prober(tenant.url, user)))
    assert {f"right to read {one}" for one in CONTRACTS} <= set(found)


class Answers(httpx2.AsyncBaseTransport):
    """Autotask by hand: full answers, but for those that are given."""

    def __init__(self, **given: tuple[int, Any]) -> None:
        self.given = given

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.rpartition("/V1.0/")[2]
        status, body = self.given.get(path.replace("/", "_"), (200, self._usual(path)))
        return httpx2.Response(status, json=body)

    def _usual(self, path: str) -> dict[str, Any]:
        if path == "zoneInformation":
            return {"url": "http://127.0.0.1:1/ATServicesRest/"}
        if path.endswith("/entityInformation"):
            return {"info": {"userAccessForQuery": "All", "userAccessForCreate": "All"}}
        if path.endswith("/query"):
            return {"items": [{"id": 1, "userType": 17}]}
        return {}


FORBIDDEN = {"errors": ["The logged in Resource does not have the adequate permissions"]}


@pytest.mark.parametrize("entity", READ)
@pytest.mark.parametrize(
    "answer", [(403, FORBIDDEN), (500, FORBIDDEN), (200, {"items": []})], ids=["403", "500", "empty"]
)
async def test_each_right_shows_by_its_rows_where_its_description_says_nothing(
    entity: str, answer: tuple[int, Any]
) -> None:
    """A tenant that describes every right as given, and then refuses the rows of one entity, is red for that entity."""
    given = {f"{entity}_query": answer}
    found = red(await tried(prober("http://127.0.0.1:1", transport=Answers(**given))))
    assert list(found) == [f"right to read {entity}"]
    assert entity in found[f"right to read {entity}"].do


@pytest.mark.parametrize(
    "given", [(403, FORBIDDEN), (500, FORBIDDEN), (200, {"info": {"userAccessForCreate": "None"}})]
)
async def test_the_right_to_add_is_read_from_its_description(given: tuple[int, Any]) -> None:
    """Trying would be a write, so the entity's description alone is asked."""
    transport = Answers(ContractServiceAdjustments_entityInformation=given)
    found = red(await tried(prober("http://127.0.0.1:1", transport=transport)))
    assert list(found) == ["right to add ContractServiceAdjustments"]


async def test_a_person_instead_of_an_api_user_is_red() -> None:
    """The type is told by its label, else by its number; where the user does not see itself, nothing is claimed."""
    picks = {"name": "userType", "picklistValues": [{"value": "3", "label": "Administrator"}]}
    person = {"Resources_query": (200, {"items": [{"id": 4, "userType": 3}]})}
    labelled = person | {"Resources_entityInformation_fields": (200, {"fields": [picks]})}
    for given, told in ((person, "of type 3"), (labelled, "Administrator")):
        found = red(await tried(prober("http://127.0.0.1:1", transport=Answers(**given))))
        assert list(found) == ["API user"]
        assert told in found["API user"].message
    hidden = await tried(prober("http://127.0.0.1:1", transport=Answers(Resources_query=(403, FORBIDDEN))))
    assert red(hidden) == {}
    assert "cannot be told" in hidden["API user"].message


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_an_hour_off_is_red(tenant: Sandbox, hours: int) -> None:
    """Against the stamp of Autotask's answers, in both directions; everything else is still tried."""
    found = red(await tried(prober(tenant.url, machine=Ahead(timedelta(hours=hours)))))
    assert list(found) == ["clock"]
    assert ("ahead of" if hours > 0 else "behind") in found["clock"].message


async def test_a_tenant_whose_calls_are_nearly_used_up_is_red() -> None:
    """From three quarters on Autotask slows every integration down."""
    body = {"externalRequestThreshold": 10000, "currentTimeframeRequestCount": 7500}
    found = red(await tried(prober("http://127.0.0.1:1", transport=Answers(ThresholdInformation=(200, body)))))
    assert list(found) == ["calls"]
    assert "7500 of 10000" in found["calls"].message


async def test_an_autotask_that_does_not_answer_is_red() -> None:
    """A refused connection is told with the address to look at, and nothing else is tried."""
    checks = await tried(prober("http://127.0.0.1:1"))
    assert list(red(checks)) == list(checks) == ["zone"]
    assert "psa.main.url" in checks["zone"].do


class Spent:
    """An hourly budget without a call left."""

    async def take(self) -> None:
        raise PsaBudgetSpentError(60.0)

    async def prepare(self, calls: int) -> int:
        return 0


async def test_a_spent_budget_is_red_and_no_call_is_made(tenant: Sandbox) -> None:
    """A check counts like every call, and stops like every call."""
    tenant.control("DELETE", "counters")
    found = red(await tried(prober(tenant.url, budget=Spent())))
    assert "psa.main.budget_per_hour" in found["zone"].do
    assert tenant.counters()["calls"] == 0


@dataclass
class Counting:
    tries: int = 0

    async def checks(self) -> list[Check]:
        self.tries += 1
        return [Check(name="psa main: zone", ok=False, message=f"try {self.tries}", do="wait")]


def issued(connection: str | None) -> CommandIssued:
    return CommandIssued(
        id=CommandId("k"),
        owner=Owner.WRITER,
        connection=None if connection is None else ConnectionName(connection),
        actor="a person",
        issued_at=datetime.fromisoformat("2026-03-10T09:00:00Z"),
        body=CheckConnection(),
    )


async def test_only_the_holder_of_the_lease_tries_and_whoever_was_asked_answers() -> None:
    """The command waits at its replica for the other one's result; two at once may share one try."""
    documents = Documents(MemoryStore().collection("psa_checks"), CheckDocument)
    prober_, holder, other = Counting(), FreeLease(), FreeLease(mine=False)
    loops = [CheckLoop(MAIN, prober_, documents, lease) for lease in (other, holder)]
    handler = CheckHandler([MAIN], documents, SystemMachine())
    asking = asyncio.gather(handler.handle(issued("main")), handler.handle(issued(None)))
    while not asking.done():
        for loop in loops:
            await loop.run()
        await asyncio.sleep(0)
    for answer in await asking:
        assert not answer.ok
        assert answer.result["checks"][0]["do"] == "wait"
    assert 1 <= prober_.tries <= 2
    await loops[1].run()
    assert prober_.tries <= 2, "nobody asked again"


async def test_a_check_that_nobody_answers_is_a_red_line_and_an_unknown_psa_a_no() -> None:
    """The person is told which service to look at."""
    handler = CheckHandler([MAIN], Documents(MemoryStore().collection("psa_checks"), CheckDocument), HandClock())
    answer = await handler.handle(issued("main"))
    assert "no replica" in answer.result["checks"][0]["message"]
    assert (await handler.handle(issued("other"))).message == "psa other is not in this configuration"

"""Partner Center: one call after the other, token, headers, pages, pace, and what is tried again."""

import asyncio
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import httpx2
import pytest

from seatledger.collector.adapters.partner_center.answers import Fault, fault_of, retry_after
from seatledger.collector.adapters.partner_center.http import Answer
from seatledger.collector.adapters.partner_center.pace import Lane, Pace
from seatledger.collector.domain.reading import Reading
from seatledger.collector.ports import SourceUnreachableError, Walked
from seatledger.schemas.findings import FindingCode
from services.collector.tests.collector_world import FakeMachine
from services.collector.tests.partner_center_tenant import (
    AZURE_PLAN,
    SECRET,
    Account,
    account,
    always,
    answering,
    error,
    licence,
)


async def read(one: Account) -> Reading:
    (parcel,) = await one.distributor.waiting()
    return await one.distributor.read(parcel)


async def turn(pace: Pace, lane: Lane) -> None:
    """One call that takes no time."""
    async with pace.call(lane, 600) as may:
        assert may


def many(customers: int) -> dict[str, list[dict[str, Any]]]:
    return {f"c{number}": [licence(f"S{number}", number)] for number in range(customers)}


async def test_customers_are_walked_by_their_continuation_header() -> None:
    """Five customers on three pages, each read once; a hand-made second page would be a 400."""
    one = account(customers=many(5))
    reading = await read(one)
    assert sorted(row.customer.id for row in reading.rows) == ["c0", "c1", "c2", "c3", "c4"]
    assert (one.tenant.paths.count("/v1/customers"), reading.customers) == (3, frozenset(one.tenant.customers))
    assert (reading.full, reading.live, reading.incomplete) == (True, True, None)


async def test_every_call_has_the_vendors_headers() -> None:
    """Bearer, contract version, a request id and a correlation id of its own."""
    one = account(customers=many(3))
    await read(one)
    calls = [request.headers for request in one.tenant.requests if request.method == "GET"]
    assert all(headers["Authorization"].startswith("Bearer jwt-") for headers in calls)
    assert {headers["MS-Contract-Version"] for headers in calls} == {"v1"}
    for name in ("MS-RequestId", "MS-CorrelationId"):
        assert len({headers[name] for headers in calls}) == len(calls)


async def test_a_retry_keeps_its_request_id() -> None:
    """Two 503 and then an answer: one request id, three correlation ids."""
    one = account(customers=many(1))
    one.tenant.rules = [answering("/subscriptions", error(503), error(503))]
    assert len((await read(one)).rows) == 1
    tries = [request.headers for request in one.tenant.requests if request.url.path.endswith("/subscriptions")]
    assert len(tries) == 3
    assert len({headers["MS-RequestId"] for headers in tries}) == 1
    assert len({headers["MS-CorrelationId"] for headers in tries}) == 3


async def test_the_token_is_fetched_once_and_renewed_before_its_end() -> None:
    """Many customers at the same time share one sign-in; a minute before the end there is another."""
    one = account(customers=many(9))
    await read(one)
    assert len(one.tenant.tokens) == 1
    one.machine.at += 3599 - 60
    await read(one)
    assert len(one.tenant.tokens) == 2


async def test_a_token_that_ends_in_mid_sweep_is_renewed_on_the_spot() -> None:
    """The source takes a token back between two calls: a 401, another sign-in, and nothing is missing."""
    one = account(customers=many(5))

    def take_back(request: httpx2.Request) -> None:
        if request.url.path == "/v1/customers/c2/subscriptions" and len(one.tenant.tokens) == 1:
            one.tenant.tokens["jwt-0"] = 0.0

    one.tenant.rules = [take_back]
    reading = await read(one)
    assert (len(reading.rows), reading.incomplete, len(one.tenant.tokens)) == (5, None, 2)


async def test_many_who_were_refused_with_one_token_make_one_sign_in() -> None:
    """Four calls under way when the token dies: the first renews it, the others take what it got."""
    one = account(customers=many(1))
    tokens = one.distributor.api.client.tokens
    dead = await tokens.token()
    renewed = await asyncio.gather(*(tokens.renew(dead) for _ in range(4)))
    assert (set(renewed), len(one.tenant.tokens)) == ({"jwt-1"}, 2)


async def test_refused_credentials_are_the_finding_of_that_name() -> None:
    """A wrong secret: no call to the API, a finding that a person can act on, and no secret or address in it."""
    one = account(customers=many(2), secret="wrong-secret")
    with pytest.raises(SourceUnreachableError) as caught:
        await read(one)
    assert caught.value.code is FindingCode.CREDENTIALS
    assert one.tenant.paths == []
    assert "wrong-secret" not in caught.value.message
    assert "ops@msp.example" not in caught.value.message


async def test_a_token_that_is_never_taken_is_a_matter_of_credentials() -> None:
    """401 with a fresh token: asked twice, then told, not asked for ever."""
    one = account(customers=many(1))
    one.tenant.rules = [always("/v1/", 401, code=900420, description="audience")]
    with pytest.raises(SourceUnreachableError, match="audience") as caught:
        await read(one)
    assert (caught.value.code, len(one.tenant.paths)) == (FindingCode.CREDENTIALS, 2)


async def test_a_list_of_customers_that_is_refused_is_a_matter_of_permission() -> None:
    """403 to the first call of all: the application lacks its permissions."""
    one = account(customers=many(1))
    one.tenant.rules = [always("/v1/customers", 403, code=900329, description="wrong mode")]
    with pytest.raises(SourceUnreachableError, match="900329") as caught:
        await read(one)
    assert caught.value.code is FindingCode.PERMISSION


async def test_nobody_calls_inside_a_pause() -> None:
    """429 with Retry-After while four customers are read at once: not one call of the account comes before its end."""
    one = account(customers=many(8))
    rule = answering("/subscriptions", error(429, {"Retry-After": "57"}, statusCode=429, message="Try again."))
    one.tenant.rules = [rule]
    reading = await read(one)
    calls = list(zip(one.tenant.answered_at, one.tenant.requests, strict=True))
    refused = next(at for at, request in calls if request.url.path.endswith("/subscriptions"))
    assert not [at for at, _ in calls if refused < at < refused + 57]
    assert (len(reading.rows), reading.incomplete) == (8, None)


async def test_a_sign_in_that_outlasts_a_429_waits_for_another_turn() -> None:
    """One call has its turn and signs in; meanwhile another meets the limit: the first comes after the pause."""
    one = account(customers=many(1))
    pace = one.distributor.api.client.pace

    def sign_in(request: httpx2.Request) -> httpx2.Response | None:
        if request.method == "POST" and pace.paused_for() == 0:
            pace.pause(57)
        return None

    one.tenant.rules = [sign_in]
    began = one.machine.at
    await read(one)
    first = next(
        at for at, asked in zip(one.tenant.answered_at, one.tenant.requests, strict=True) if asked.method == "GET"
    )
    assert first >= began + 57


async def test_after_a_pause_calls_come_more_slowly() -> None:
    """No burst at the end of a pause: the next calls flow at half the pace."""
    machine = FakeMachine()
    pace = Pace(machine, 480)
    pace.pause(10)
    times = []
    for _ in range(4):
        await turn(pace, Lane.SWEEP)
        times.append(machine.at)
    assert times[0] > 1010
    assert all(later - sooner > 0.3 for sooner, later in pairwise(times))


async def test_a_pause_beyond_all_patience_ends_the_read() -> None:
    """Retry-After of an hour: the sweep does not sit there, and the next one makes no call while it lasts."""
    one = account(customers=many(2))
    one.tenant.rules = [answering("/v1/customers", error(429, {"Retry-After": "3600"}))]
    with pytest.raises(SourceUnreachableError, match="60 minutes"):
        await read(one)
    with pytest.raises(SourceUnreachableError):
        await read(one)
    assert len(one.tenant.paths) == 1


async def test_no_minute_has_more_calls_than_the_budget() -> None:
    """400 tenants: never more than 490 calls in any 60 seconds, hints beside it, and done within two minutes."""
    machine = FakeMachine()
    pace, made, began = Pace(machine, 490), list[float](), machine.at
    assert 0.5 < pace.minutes_for(404) < 2
    for number in range(404):
        await turn(pace, Lane.SWEEP)
        made.append(machine.at)
        if number % 10 == 0:
            await turn(pace, Lane.REREAD)
            made.append(machine.at)
    assert machine.at - began < 120
    assert max(sum(at <= other < at + 60 for other in made) for at in made) <= 490


async def test_a_sweep_under_way_does_not_make_a_hint_wait() -> None:
    """The sweep has spent its part; a direct read goes out at once."""
    machine = FakeMachine()
    pace = Pace(machine, 490)
    for _ in range(300):
        await turn(pace, Lane.SWEEP)
    at = machine.at
    await turn(pace, Lane.REREAD)
    assert machine.at == at


async def test_the_sweeps_plan_is_told_before_it_begins() -> None:
    """Calls and minutes in the log, then how far it has come, and to whoever asked for progress."""
    one = account(customers=many(30), per_minute=20)
    (parcel,) = await one.distributor.waiting()
    told: list[Walked] = []

    async def progress(walked: Walked) -> None:
        told.append(walked)

    await one.distributor.read(parcel, progress)
    events = [entry["event"] for entry in one.logged]
    planned = one.logged[events.index("sweep planned")]
    assert (planned["customers"], planned["calls"]) == (30, 30)
    assert planned["minutes"] > 0
    assert "sweep under way" in events
    assert told[-1] == Walked(30, 30)


async def test_the_plan_counts_what_the_last_walk_called_beside() -> None:
    """Every second customer has an Azure plan, whose cost is a call more: from the second sweep on the plan knows."""
    customers = many(10)
    for number in range(0, 10, 2):
        customers[f"c{number}"].append(licence(f"P{number}", 1, **AZURE_PLAN))
    one = account(customers=customers)
    for _ in range(2):
        await read(one)
    assert [entry["calls"] for entry in one.logged if entry["event"] == "sweep planned"] == [10, 15]


@pytest.mark.parametrize("lost", ["500", "timeout", "no json"])
async def test_what_fails_again_and_again_is_unread(lost: str) -> None:
    """A customer that fails after all attempts: named, the others read, the reading incomplete."""
    one = account(customers=many(3))

    def fail(request: httpx2.Request) -> httpx2.Response | None:
        if not request.url.path.startswith("/v1/customers/c1/"):
            return None
        if lost == "timeout":
            raise httpx2.ReadTimeout("slow", request=request)
        return httpx2.Response(200, text="<html>") if lost == "no json" else error(500)

    one.tenant.rules = [fail]
    reading = await read(one)
    assert [trouble.customer for trouble in reading.unread] == ["c1"]
    assert sorted(row.subscription for row in reading.rows) == ["S0", "S2"]
    assert reading.incomplete
    assert "c1" not in reading.customers


async def test_a_third_page_that_fails_cuts_the_walk_short() -> None:
    """Page 3 of 5: what the first two pages list is read, and the reading proves nothing."""
    one = account(customers=many(10))
    one.tenant.rules = [_third_page_fails]
    reading = await read(one)
    assert (len(reading.rows), len(reading.customers)) == (4, 4)
    assert reading.cut_short
    assert "after 4" in reading.cut_short


def _third_page_fails(request: httpx2.Request) -> httpx2.Response | None:
    return error(502) if request.headers.get("MS-ContinuationToken") == "page-4" else None


async def test_a_source_that_breaks_down_is_not_asked_a_thousand_times() -> None:
    """After a few customers that fail one after another the walk is given up; what was not asked for is unread."""
    one = account(customers=many(200), page=200)
    one.tenant.rules = [always("/subscriptions", 500)]
    reading = await read(one)
    assert (len(reading.unread), len(reading.rows)) == (200, 0)
    assert reading.incomplete
    assert len(one.tenant.paths) < 60


async def test_customers_that_fail_for_good_do_not_keep_the_others_unread() -> None:
    """Nine broken customers in the middle of forty: the first walk gives up there, and a few walks later all others are
    read, whichever they are; once they answer, so are they."""
    one = account(customers=many(40), page=40)
    broken = [f"c{number}" for number in range(10, 19)]
    one.tenant.rules = [always(f"/v1/customers/{customer}/", 500) for customer in broken]
    first = await read(one)
    assert len(first.rows) < 31
    for _ in range(3):
        reading = await read(one)
    assert (len(reading.rows), sorted(trouble.customer for trouble in reading.unread)) == (31, broken)
    one.tenant.rules = []
    assert (len((await read(one)).rows), (await read(one)).incomplete) == (40, None)


async def test_a_page_that_is_refused_cuts_the_walk_short() -> None:
    """400 to a continuation: no missing permission, and what the first page lists is read."""
    one = account(customers=many(4))
    one.tenant.rules = [lambda request: error(400) if request.headers.get("MS-ContinuationToken") else None]
    reading = await read(one)
    assert len(reading.rows) == 2
    assert "after 2" in str(reading.cut_short)


async def test_a_customer_that_refuses_is_silent() -> None:
    """403: the relation is lost; the others are read and the reading is complete."""
    one = account(customers=many(4))
    one.tenant.rules = [always("/c1/", 403, code=403, description="no relation")]
    reading = await read(one)
    assert [trouble.customer for trouble in reading.silent] == ["c1"]
    assert (len(reading.rows), reading.incomplete) == (3, None)


async def test_all_customers_refusing_is_our_own_permission() -> None:
    """Nobody loses all relations at once."""
    one = account(customers=many(4))
    one.tenant.rules = [always("/subscriptions", 403, code=403, description="no")]
    with pytest.raises(SourceUnreachableError, match="all 4 customers") as caught:
        await read(one)
    assert caught.value.code is FindingCode.PERMISSION


async def test_whom_we_never_resold_to_is_no_customer_of_ours() -> None:
    """An advisor's customer answers 403: named, and as one whose refusal is no news."""
    one = account(customers=many(3), relations={"c1": "advisor"})
    one.tenant.rules = [always("/c1/", 403, code=403, description="no")]
    reading = await read(one)
    assert [(trouble.customer, trouble.foreign) for trouble in reading.silent] == [("c1", True)]
    assert reading.customers == frozenset({"c0", "c2"})


async def test_after_a_429_calls_go_out_one_by_one() -> None:
    """Four at the same time until then, one at a time for a while after it."""
    pace, under_way, most = Pace(FakeMachine(), 490), 0, list[int]()

    async def call() -> None:
        nonlocal under_way
        async with pace.call(Lane.SWEEP, 600):
            under_way += 1
            most.append(under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(call() for _ in range(4)))
    assert max(most) == 4
    pace.pause(1)
    most.clear()
    await asyncio.gather(*(call() for _ in range(4)))
    assert most == [1, 1, 1, 1]


async def test_a_list_that_leads_in_circles_ends() -> None:
    """The same next page again and again is a fault of the source, not a walk without end."""
    one = account(customers=many(4))
    circle = {"next": {"uri": "/v1/customers?again", "headers": []}}
    body = {"items": [{"id": "c0"}], "links": circle}

    def rule(request: httpx2.Request) -> httpx2.Response | None:
        return httpx2.Response(200, json=body) if request.url.path == "/v1/customers" else None

    one.tenant.rules = [rule]
    assert (await read(one)).cut_short


async def test_our_token_goes_to_our_host_alone() -> None:
    """A next page at another host is not followed."""
    one = account(customers=many(1))
    body = {"items": [{"id": "c0"}], "links": {"next": {"uri": "https://evil.example/v1/customers", "headers": []}}}
    one.tenant.rules = [answering("/v1/customers", httpx2.Response(200, json=body))]
    assert (await read(one)).cut_short
    assert {request.url.host for request in one.tenant.requests} == {"login.example", "pc.example"}


async def test_neither_secret_nor_token_is_logged_or_shown() -> None:
    """Through refusals and renewals: no log line and no error has one."""
    one = account(customers=many(3))
    one.tenant.rules = [answering("/subscriptions", error(401), error(429, {"Retry-After": "1"}), error(500))]
    await read(one)
    assert one.logged
    shown = f"{one.logged} {one.distributor!r}"
    assert SECRET not in shown
    assert "jwt-" not in shown


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (
            {"code": 2055, "description": "Etag is no longer valid.", "data": [], "source": "PartnerFD"},
            Fault(400, "2055", "Etag is no longer valid."),
        ),
        (
            {"code": "900278", "message": "Pending.", "errorName": "Pending", "isRetryable": True, "parameters": {}},
            Fault(400, "900278", "Pending.", retryable=True),
        ),
        ({"statusCode": 429, "message": "Rate limit is exceeded."}, Fault(400, "", "Rate limit is exceeded.")),
        (
            {"error": "invalid_client", "error_description": "no secret for a@b.example"},
            Fault(400, "invalid_client", "no secret for [address]"),
        ),
        (["no", "object"], Fault(400)),
        (None, Fault(400)),
        ({"code": {"deep": 1}, "message": None}, Fault(400)),
    ],
)
def test_every_error_envelope_is_read(body: Any, fault: Fault) -> None:
    """The three of the vendor, that of the token endpoint, and none at all."""
    assert fault_of(Answer(400, body)) == fault


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("57", 57.0), ("0", 0.0), ("Tue, 10 Mar 2026 08:00:30 GMT", 30.0), ("soon", None), ("", None), ("-5", None)],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    """Both forms of the header; anything else says nothing."""
    assert retry_after({"retry-after": text}, datetime(2026, 3, 10, 8, tzinfo=UTC)) == seconds


async def test_a_refusal_that_says_it_may_be_repeated_is() -> None:
    """409 with isRetryable: once more, under the same request id."""
    one = account(customers=many(1))
    busy = error(409, code="900278", message="pending", errorName="x", isRetryable=True, parameters={})
    one.tenant.rules = [answering("/subscriptions", busy)]
    assert len((await read(one)).rows) == 1

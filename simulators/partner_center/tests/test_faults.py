"""Faults on a real connection, and what a read is shown under them."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest

Client = httpx2.AsyncClient
BROKEN = (httpx2.RemoteProtocolError, httpx2.ReadError)
PREMIUM = "/v1/customers/kestrel/subscriptions/premium"


async def _order(client: Client, **fault: Any) -> None:
    answer = await client.post("/_sandbox/faults", json=fault)
    assert answer.status_code == 200, answer.text


async def _hits(client: Client) -> list[int]:
    return [fault["hits"] for fault in (await client.get("/_sandbox/faults")).json()]


async def _patch(client: Client) -> httpx2.Response:
    etag = (await client.get(PREMIUM)).json()["attributes"]["etag"]
    return await client.patch(PREMIUM, json={"quantity": 29}, headers={"If-Match": etag})


async def _true_quantity(client: Client) -> int:
    found = (await client.get("/_sandbox/subscriptions")).json()
    return next(int(one["quantity"]) for one in found if one["id"] == "premium")


@pytest.mark.parametrize(("do", "quantity"), [("drop_before", 27), ("drop_after", 29), ("reset_mid", 29)])
async def test_connections_that_break(live: Client, do: str, quantity: int) -> None:
    """No whole answer comes; what was asked for took effect or not, as the fault says."""
    await _order(live, do=do, match={"method": "PATCH"}, times=1)
    with pytest.raises(BROKEN):
        await _patch(live)
    assert await _true_quantity(live) == quantity
    assert await _hits(live) == [1]
    assert (await live.get(PREMIUM)).status_code == 200


async def test_a_change_that_comes_late(live: Client) -> None:
    """The caller is gone at once; the change comes later, unless a reset was quicker."""
    await _order(live, do="apply_late", seconds=0.2, match={"method": "PATCH"}, times=1)
    with pytest.raises(BROKEN):
        await _patch(live)
    assert await _true_quantity(live) == 27
    until = time.monotonic() + 20
    while await _true_quantity(live) != 29:
        assert time.monotonic() < until


async def test_a_reset_forgets_a_change_on_its_way(live: Client) -> None:
    """A late change never reaches the books of the next test."""
    await _order(live, do="apply_late", seconds=0.2, match={"method": "PATCH"}, times=1)
    with pytest.raises(BROKEN):
        await _patch(live)
    await live.post("/_sandbox/reset")
    await _order(live, do="slow", seconds=0.5, times=1)
    await live.post("/tenant/oauth2/token")  # takes longer than the change would have
    assert await _true_quantity(live) == 27


async def test_twice(sandbox: Client) -> None:
    """Delivered twice, the second finds a stale etag; the caller hears the first answer."""
    await _order(sandbox, do="twice", match={"method": "PATCH"}, times=1)
    assert (await _patch(sandbox)).json()["quantity"] == 29
    assert await _true_quantity(sandbox) == 29


async def test_slow_and_given_up(live: Client) -> None:
    """A caller with less patience gives up; one with more is answered."""
    await _order(live, do="slow", seconds=0.6)
    with pytest.raises(httpx2.ReadTimeout):
        await live.get(PREMIUM, timeout=0.2)
    began = time.monotonic()
    assert (await live.get(PREMIUM)).status_code == 200
    assert time.monotonic() - began >= 0.6


async def test_slow_shows_what_was_there_before_the_wait(sandbox: Client) -> None:
    """With ``apply`` the answer is made before the wait, else after it; both are whole."""
    await _order(sandbox, do="slow", seconds=0.01, apply=True)
    assert (await sandbox.get(PREMIUM)).json()["quantity"] == 27


async def test_a_status_on_order(sandbox: Client) -> None:
    """Any status with any body; a 429 with its pause is counted as throttled, what comes too early as over limit."""
    await _order(sandbox, do="status", status=503, body="<html>down</html>", times=1)
    await _order(sandbox, do="status", status=429, retry_after=30, body={"statusCode": 429}, times=1)
    down, throttled, after = [await sandbox.get(PREMIUM) for _ in range(3)]
    assert (down.status_code, down.text) == (503, "<html>down</html>")
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "30")
    assert after.status_code == 200
    counters = (await sandbox.get("/_sandbox/counters")).json()
    assert (counters["throttled"], counters["over_limit"]) == (1, 1)


async def test_a_status_that_took_effect(sandbox: Client) -> None:
    """With ``apply`` the change is there though the caller heard of a failure."""
    await _order(sandbox, do="status", status=500, match={"method": "PATCH"}, apply=True)
    assert (await _patch(sandbox)).status_code == 500
    assert await _true_quantity(sandbox) == 29


async def test_the_nth_page(sandbox: Client) -> None:
    """The match counts calls by what their address contains, its query included: page two fails, once."""
    await _order(sandbox, do="status", status=500, match={"path_contains": "seekOperation=Next", "nth": 1})
    first = (await sandbox.get("/v1/customers?size=1")).json()["links"]["next"]
    headers = {one["key"]: one["value"] for one in first["headers"]}
    answers = [(await sandbox.get(first["uri"], headers=headers)).status_code for _ in range(2)]
    assert answers == [500, 200]


async def test_the_token_endpoint_fails_too(sandbox: Client, seed: dict[str, Any]) -> None:
    """Faults strike the token endpoint as any other call."""
    await _order(sandbox, do="status", status=503, match={"path_contains": "oauth2/token"}, times=1)
    assert (await sandbox.post(f"/{seed['tenant']}/oauth2/token")).status_code == 503


async def test_empty_lists(sandbox: Client) -> None:
    """An account answers as if nobody were there; a single row is no list and is shown."""
    await _order(sandbox, do="empty", times=4)
    for path in ("/v1/customers", "/v1/customers/kestrel/subscriptions"):
        answer = (await sandbox.get(path)).json()
        assert (answer["totalCount"], answer["items"], "links" in answer) == (0, [], False)
    assert (await sandbox.get(PREMIUM)).json()["quantity"] == 27
    assert (await sandbox.get("/v1/customers/nobody/subscriptions")).status_code == 404
    assert (await sandbox.get("/v1/customers")).json()["totalCount"] == 2


async def test_stale_reads(sandbox: Client) -> None:
    """For some seconds a read shows now or a state of the last seconds, by the fault's seed; then the truth."""
    await _order(sandbox, do="stale_reads", seconds=600, match={"seed": 7})
    for quantity in (28, 29, 30):
        await sandbox.patch("/_sandbox/customers/kestrel/subscriptions/premium", json={"quantity": quantity})
    shown = {(await sandbox.get(PREMIUM)).json()["quantity"] for _ in range(60)}
    assert shown == {27, 28, 29, 30}
    assert (await _hits(sandbox))[0] > 0
    await sandbox.delete("/_sandbox/faults")
    assert (await sandbox.get(PREMIUM)).json()["quantity"] == 30


async def test_refused_calls_meet_no_fault(sandbox: Client) -> None:
    """What is refused at the door does not use a fault up."""
    await _order(sandbox, do="status", status=500, times=1)
    assert (await sandbox.get(PREMIUM, headers={"Authorization": ""})).status_code == 401
    assert await _hits(sandbox) == [0]


async def test_probability_is_repeatable(sandbox: Client) -> None:
    """The same seed strikes the same calls."""
    runs = []
    for _ in range(2):
        await sandbox.delete("/_sandbox/faults")
        await _order(sandbox, do="status", status=500, match={"probability": 0.5, "seed": 3})
        runs.append([(await sandbox.get(PREMIUM)).status_code for _ in range(12)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"do": "explode"}, "do:"),
        ({"do": "slow"}, "do: slow needs seconds"),
        ({"do": "status"}, "do: status needs status"),
        ({"do": "status", "status": 500, "match": {"pathcontains": "x"}}, "Nearest valid key: path_contains"),
        ({"do": "drop_before", "time": 1}, "Nearest valid key: times"),
    ],
)
async def test_orders_that_cannot_be_understood(sandbox: Client, fault: dict[str, Any], text: str) -> None:
    """A bad order is refused with the place of the mistake."""
    answer = await sandbox.post("/_sandbox/faults", json=fault)
    assert answer.status_code == 400
    assert text in answer.json()["error"]

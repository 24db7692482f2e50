"""The control API besides faults and webhooks."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from partner_center_sandbox.switches import Switches

Client = httpx2.AsyncClient
PREMIUM = "customers/kestrel/subscriptions/premium"


async def _control(client: Client, method: str, path: str, body: Any = None) -> Any:
    answer = await client.request(method, f"/_sandbox/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_reset_brings_back_the_seed(sandbox: Client) -> None:
    """Books, audit, switches, faults, tokens, counters and clock start anew."""
    await _control(sandbox, "PATCH", PREMIUM, {"quantity": 29})
    await _control(sandbox, "POST", "customers", {"companyName": "Newcomer"})
    await _control(sandbox, "PUT", "switches", {"lost_relation": "404"})
    await _control(sandbox, "POST", "faults", {"do": "drop_before"})
    await _control(sandbox, "PUT", "clock", {"now": "2020-01-01T00:00:00Z"})
    await _control(sandbox, "POST", "reset")
    assert await _control(sandbox, "GET", "faults") == []
    assert await _control(sandbox, "GET", "switches") == Switches().model_dump()
    assert (await _control(sandbox, "GET", "counters"))["calls"] == 0
    assert not (await _control(sandbox, "GET", "clock"))["now"].startswith("2020")
    assert (await sandbox.get("/v1/customers")).status_code == 401
    found = await _control(sandbox, "GET", "subscriptions")
    assert len(found) == 10
    assert (found[0]["customer"], found[0]["id"], found[0]["quantity"]) == ("kestrel", "premium", 27)


async def test_clock_stands_still_and_can_be_given_back(sandbox: Client) -> None:
    """A put instant stays until null gives real time back; nonsense is refused."""
    assert await _control(sandbox, "PUT", "clock", {"now": "2026-03-01T08:00:00+01:00"}) == {
        "now": "2026-03-01T07:00:00Z"
    }
    assert await _control(sandbox, "GET", "clock") == {"now": "2026-03-01T07:00:00Z"}
    await _control(sandbox, "PUT", "clock", {"now": None})
    assert (await _control(sandbox, "GET", "clock"))["now"] != "2026-03-01T07:00:00Z"
    assert (await sandbox.put("/_sandbox/clock", json={"now": "tomorrow"})).status_code == 400


async def test_a_new_customer_is_there_at_once(sandbox: Client) -> None:
    """With subscriptions as in a seed; without an id one is given."""
    body = {"companyName": "Newcomer", "subscriptions": [{"offerId": "A:B:C", "quantity": 3}]}
    customer = (await _control(sandbox, "POST", "customers", body))["id"]
    found = (await sandbox.get(f"/v1/customers/{customer}/subscriptions")).json()
    assert [(one["quantity"], one["commitmentEndDate"]) for one in found["items"]] == [(3, "2027-03-14T00:00:00Z")]
    assert (await sandbox.get(f"/v1/customers/{customer}/subscriptions/{found['items'][0]['id']}")).status_code == 200


async def test_a_customer_has_another_name(sandbox: Client) -> None:
    """Names are not stable; the id is."""
    await _control(sandbox, "PATCH", "customers/kestrel", {"companyName": "Kestrel Group NV"})
    assert (await sandbox.get("/v1/customers/kestrel")).json()["companyProfile"]["companyName"] == "Kestrel Group NV"


async def test_null_takes_a_field_away(sandbox: Client) -> None:
    """A field that is put to null is missing, but for the two that the vendor shows as null."""
    await _control(sandbox, "PATCH", PREMIUM, {"commitmentEndDate": None, "scheduledNextTermInstructions": None})
    found = (await sandbox.get(f"/v1/{PREMIUM}")).json()
    assert "commitmentEndDate" not in found
    assert found["scheduledNextTermInstructions"] is None


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("PATCH", PREMIUM, {"quantity": "many"}, 400, "quantity"),
        ("PATCH", PREMIUM, {"quantitty": 3}, 400, "Nearest valid key: quantity"),
        ("PATCH", PREMIUM, {"commitmentEndDate": "soon"}, 400, "commitmentEndDate"),
        ("PATCH", "customers/kestrel/subscriptions/nothing", {}, 404, "no subscription nothing"),
        ("PATCH", "customers/nobody", {}, 404, "no customer nobody"),
        ("POST", "customers/kestrel/subscriptions", {"quantity": 3}, 400, "offerId: is missing"),
        ("POST", "customers/kestrel/subscriptions", {"id": "premium", "offerId": "A:B:C"}, 409, "there already"),
        ("POST", "customers", {"id": "kestrel", "companyName": "x"}, 409, "there already"),
        ("PUT", "switches", {"lost_relation": "410"}, 400, "Valid: 403, 404"),
        ("PUT", "switches", {"lost_relations": "403"}, 400, "Nearest valid key: lost_relation"),
        ("PUT", "switches", [], 400, "the body"),
        ("POST", f"{PREMIUM}/upgrade", {}, 400, "offerId: is missing"),
        ("POST", f"{PREMIUM}/upgrade", {"offerId": "A:B:C", "quantity": 28}, 400, "has 27 seats"),
        ("POST", f"{PREMIUM}/upgrade", {"offerId": "A:B:C", "quantity": 2, "toSubscriptionId": "silent"}, 409, "there"),
        ("GET", "webhook-cert/nobody", None, 404, "no nobody"),
    ],
)
async def test_what_cannot_be_done(sandbox: Client, method: str, path: str, body: Any, status: int, text: str) -> None:
    """A bad command says where it is bad, and changes nothing."""
    before = await _control(sandbox, "GET", "subscriptions")
    answer = await sandbox.request(method, f"/_sandbox/{path}", json=body)
    assert (answer.status_code, text in answer.json()["error"]) == (status, True), answer.text
    assert await _control(sandbox, "GET", "subscriptions") == before


async def test_control_calls_are_not_counted(sandbox: Client) -> None:
    """The control API neither counts nor needs a sign-in."""
    answer = await sandbox.get("/_sandbox/health", headers={"Authorization": ""})
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert (await _control(sandbox, "GET", "counters"))["calls"] == 0

"""What happens without anybody's act, or is seen later than it happened: real seconds, so waits are short."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import httpx2

Client = httpx2.AsyncClient
BASE = "/v1/customers/meridian/subscriptions"
NEW = {"id": "new", "offerId": "CFQ7TTC0LCHC:0002:CFQ7TTC0X001", "quantity": 9}
DEADLINE = 20.0


async def _buy(client: Client, **more: Any) -> None:
    answer = await client.post("/_sandbox/customers/meridian/subscriptions", json={**NEW, **more})
    assert answer.status_code == 200, answer.text


async def _read(client: Client) -> dict[str, Any]:
    answer = await client.get(f"{BASE}/new")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def version(subscription: dict[str, Any]) -> int:
    decoded = json.loads(base64.b64decode(subscription["attributes"]["etag"]))
    assert decoded["id"] == subscription["id"]
    return int(decoded["version"])


async def _wait_for(client: Client, key: str, value: Any) -> dict[str, Any]:
    """Reads until a field has that value."""
    until = time.monotonic() + DEADLINE
    while (found := await _read(client)).get(key) != value:
        assert time.monotonic() < until, found
        await asyncio.sleep(0.01)
    return found


async def test_the_end_date_arrives_late(sandbox: Client) -> None:
    """The field is missing, not null, until its delay is over; the arrival is a new version."""
    await _buy(sandbox, end_date_delay_s=0.4)
    early = await _read(sandbox)
    assert early["status"] == "active"
    assert not {"commitmentEndDate", "billingCycleEndDate", "cancellationAllowedUntilDate"} & set(early)
    late = await _wait_for(sandbox, "commitmentEndDate", "2027-03-14T00:00:00Z")
    assert version(late) == version(early) + 1
    assert late["quantity"] == early["quantity"] == 9


async def test_a_change_does_not_bring_the_end_date_forward(sandbox: Client) -> None:
    """Seats changed while the end date is still on its way: the new quantity, and no end date."""
    await _buy(sandbox, end_date_delay_s=60)
    await sandbox.patch("/_sandbox/customers/meridian/subscriptions/new", json={"quantity": 12})
    found = await _read(sandbox)
    assert (found["quantity"], version(found)) == (12, 2)
    assert "commitmentEndDate" not in found


async def test_a_change_that_names_the_end_date_ends_the_wait(sandbox: Client) -> None:
    """By control a late end date can arrive at a moment of the caller's choice."""
    await _buy(sandbox, end_date_delay_s=60)
    await sandbox.patch(
        "/_sandbox/customers/meridian/subscriptions/new", json={"commitmentEndDate": "2027-05-01T00:00:00Z"}
    )
    assert (await _read(sandbox))["commitmentEndDate"] == "2027-05-01T00:00:00Z"


async def test_pending_then_active(sandbox: Client) -> None:
    """Pending without end date, provisioning status pending, order pending; then all of it is there."""
    await sandbox.put("/_sandbox/switches", json={"provisioning_status": "app_only"})
    await _buy(sandbox, pending_s=0.4, orderId="order1")
    early = await _read(sandbox)
    assert (early["status"], "commitmentEndDate" in early) == ("pending", False)
    assert (await sandbox.get(f"{BASE}/new/provisioningstatus")).json()["status"] == "pending"
    assert (await sandbox.get("/v1/customers/meridian/orders/order1")).json()["status"] == "pending"
    late = await _wait_for(sandbox, "status", "active")
    assert late["commitmentEndDate"] == "2027-03-14T00:00:00Z"
    assert version(late) > version(early)
    assert (await sandbox.get(f"{BASE}/new/provisioningstatus")).json()["status"] == "success"
    assert (await sandbox.get("/v1/customers/meridian/orders/order1")).json()["status"] == "completed"


async def test_provisioning_that_fails(sandbox: Client) -> None:
    """Pending first, then gone from the list, and its order is cancelled."""
    await _buy(sandbox, pending_s=0.4, provisioning="failed", orderId="order1")
    assert (await _read(sandbox))["status"] == "pending"
    until = time.monotonic() + DEADLINE
    while (await sandbox.get(f"{BASE}/new")).status_code != 404:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)
    assert (await sandbox.get(BASE)).json()["items"] == []
    assert (await sandbox.get("/v1/customers/meridian/orders/order1")).json()["status"] == "cancelled"


async def test_a_pending_status_in_the_seed_stays(sandbox: Client) -> None:
    """Without a time a pending subscription stays so until it is changed."""
    await _buy(sandbox, status="pending")
    assert "commitmentEndDate" not in await _read(sandbox)
    await sandbox.patch("/_sandbox/customers/meridian/subscriptions/new", json={"status": "active"})
    assert (await _read(sandbox))["commitmentEndDate"] == "2027-03-14T00:00:00Z"


async def test_reads_return_the_old_state_after_202(sandbox: Client) -> None:
    """202 with Location, the old quantity under the old etag, 409 for another change; then the new state."""
    await _buy(sandbox)
    await sandbox.put("/_sandbox/switches", json={"change_window_s": 0.5, "provisioning_status": "app_only"})
    old = await _read(sandbox)
    headers = {"If-Match": old["attributes"]["etag"]}
    answer = await sandbox.patch(f"{BASE}/new", json={"quantity": 10}, headers=headers)
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["location"] == "/customers/meridian/subscriptions/new"
    assert await _read(sandbox) == old
    again = await sandbox.patch(f"{BASE}/new", json={"quantity": 11}, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, 900278)
    assert (await sandbox.get(f"{BASE}/new/provisioningstatus")).json()["status"] == "pending"
    new = await _wait_for(sandbox, "quantity", 10)
    assert version(new) == version(old) + 1
    assert (await sandbox.get("/_sandbox/counters")).json()["writes"] == 2

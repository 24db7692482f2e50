"""Threads, the hourly window and the counters."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from autotask_sandbox.meter import Window
from autotask_sandbox.seed import Limits

V1 = "/ATServicesRest/V1.0"
ALL = {"filter": [{"op": "exist", "field": "id"}]}
Client = httpx2.AsyncClient
Open = Callable[[dict[str, Any]], Client]


async def _slow(client: Client, path: str, seconds: float = 30) -> None:
    await client.post("/_sandbox/faults", json={"do": "slow", "seconds": seconds, "match": {"path_contains": path}})


async def _until_in_flight(client: Client, entity: str, number: int) -> None:
    """Waits until that many calls are in the server's hands."""
    for _ in range(10_000):
        if (await client.get("/_sandbox/counters")).json()["in_flight_max"].get(entity, 0) >= number:
            return
        await asyncio.sleep(0)  # in process nothing else gives the held calls their turn
    pytest.fail(f"never {number} calls of {entity} in flight")


async def _hold(client: Client, entity: str, paths: list[str]) -> list[asyncio.Task[httpx2.Response]]:
    held = [asyncio.create_task(client.get(V1 + path)) for path in paths]
    await _until_in_flight(client, entity, len(paths))
    return held


async def _release(held: list[asyncio.Task[httpx2.Response]]) -> None:
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)


async def test_a_fourth_call_in_flight_is_429(sandbox: Client) -> None:
    """Three calls of one integration on one entity may run, the fourth is refused, another entity is free."""
    await _slow(sandbox, "/contracts")
    held = await _hold(sandbox, "Contracts", ["/Contracts/501"] * 3)
    fourth = await sandbox.get(f"{V1}/Contracts/502")
    other = await sandbox.get(f"{V1}/Companies/101")
    await _release(held)
    assert fourth.status_code == 429
    assert fourth.json() == {"errors": ["The Autotask API thread threshold of 3 threads has been exceeded."]}
    assert "retry-after" not in fourth.headers
    assert other.status_code == 200
    counters = (await sandbox.get("/_sandbox/counters")).json()
    assert (counters["throttled"], counters["in_flight_max"]["Contracts"]) == (1, 4)


async def test_all_addresses_of_an_entity_share_one_bucket(sandbox: Client) -> None:
    """Child route, root route and metadata of ContractServiceUnits compete for the same three places."""
    await _slow(sandbox, "units")
    paths = ["/Contracts/501/ServiceUnits", "/ContractServiceUnits/1", "/ContractServiceUnits/entityInformation"]
    held = await _hold(sandbox, "ContractServiceUnits", paths)
    fourth = await sandbox.post(f"{V1}/ContractServiceUnits/query", json=ALL)
    await _release(held)
    assert fourth.status_code == 429


async def test_another_integration_has_its_own_threads(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """The limit is per integration code: a second integration is not slowed by the first."""
    seed["users"].append({"username": "other@msp.example", "secret": "x", "integrationCode": "OTHERCODE"})
    sandbox = open_sandbox(seed)
    await _slow(sandbox, "/contracts/501")
    held = await _hold(sandbox, "Contracts", ["/Contracts/501"] * 3)
    other = {"UserName": "other@msp.example", "Secret": "x", "ApiIntegrationCode": "OTHERCODE"}
    answer = await sandbox.get(f"{V1}/Contracts/502", headers=other)
    await _release(held)
    assert answer.status_code == 200


def test_latency_steps() -> None:
    """Nothing below half of the limit, 0.5 s from half, 1 s from three quarters."""
    window = Window(Limits(threshold=8, latency_ms=0))
    seen = []
    for _ in range(8):
        window.enter(429)
        seen.append(window.latency())
    assert seen == [0, 0, 0, 0.5, 0.5, 1, 1, 1]


def test_the_window_rolls() -> None:
    """A call counts for 60 minutes of real time and no longer."""
    now = [0.0]
    window = Window(Limits(threshold=2), lambda: now[0])
    window.enter(429)
    now[0] = 3599
    assert window.used() == 1
    now[0] = 3600
    assert window.used() == 0


async def test_the_hourly_stop(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """A second integration can eat the budget; the stop is 429, by the switch with Retry-After or 500."""
    sandbox = open_sandbox(seed)
    await sandbox.post("/_sandbox/faults", json={"do": "foreign_calls", "per_hour": 10000})
    seen = []
    for overrun in ("429", "429_retry_after", "500"):
        await sandbox.put("/_sandbox/switches", json={"overrun": overrun})
        answer = await sandbox.get(f"{V1}/Contracts/501")
        seen.append((answer.status_code, "retry-after" in answer.headers, "errors" in answer.json()))
    assert seen == [(429, False, True), (429, True, True), (500, False, True)]
    assert (await sandbox.get("/_sandbox/counters")).json()["over_limit"] == 3
    await sandbox.delete("/_sandbox/faults")
    information = (await sandbox.get(f"{V1}/ThresholdInformation")).json()
    assert information["currentTimeframeRequestCount"] == 1


async def test_slow_down_is_real(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """From half of the limit on a call takes half a second of real time."""
    seed["limits"] = {"threshold": 2, "latency_ms": 0}
    sandbox = open_sandbox(seed)
    began = time.monotonic()
    await sandbox.get(f"{V1}/Contracts/501")
    assert time.monotonic() - began >= 0.5


async def test_counters_by_entity_and_method(sandbox: Client) -> None:
    """Child and root posts of one entity share a key, queries count as POST, and only attempts to change as writes."""
    body = {"contractServiceID": 8001, "unitChange": 1, "effectiveDate": "2026-03-10"}
    await sandbox.post(f"{V1}/Contracts/501/ServiceAdjustments", json=body)
    await sandbox.post(f"{V1}/contractserviceadjustments", json=body)
    await sandbox.post(f"{V1}/ContractServiceUnits/query", json=ALL)
    await sandbox.get(f"{V1}/zoneInformation?user=api@msp.example")
    counters = (await sandbox.get("/_sandbox/counters")).json()
    assert (counters["calls"], counters["writes"]) == (4, 2)
    assert counters["by"]["ContractServiceAdjustments POST"] == 2
    assert counters["by"]["ContractServiceUnits POST"] == 1
    cleared = (await sandbox.delete("/_sandbox/counters")).json()
    assert (cleared["calls"], cleared["by"], cleared["in_flight_max"]) == (0, {}, {})

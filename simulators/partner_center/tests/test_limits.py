"""Counters, the calls a minute, and the life of a token: real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from partner_center_sandbox.errors import ThrottledError
from partner_center_sandbox.meter import Counters, Pace

Client = httpx2.AsyncClient
Open = Callable[[dict[str, Any]], Awaitable[Client]]


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _refused(pace: Pace) -> int | None:
    """The seconds to wait, None for a call that is let through."""
    try:
        pace.enter()
    except ThrottledError as error:
        return error.seconds
    return None


def test_calls_inside_the_pause_prolong_it() -> None:
    """Three a minute: the fourth call waits for the first to leave the window; calling on moves that away."""
    clock, counters = Clock(), Counters()
    pace = Pace(3, 60, counters, clock)
    assert [_refused(pace) for _ in range(3)] == [None, None, None]
    clock.now += 10
    assert _refused(pace) == 50
    clock.now += 10
    assert _refused(pace) == 40  # the first three leave together; two refused ones are then still inside
    assert _refused(pace) == 50
    assert (counters.throttled, counters.over_limit) == (3, 2)
    clock.now += 50
    assert _refused(pace) is None


def test_a_pause_that_a_fault_ordered_counts_what_comes_too_early() -> None:
    """Calls inside the Retry-After of an ordered 429 are over the limit, later ones are not."""
    clock, counters = Clock(), Counters()
    pace = Pace(100, 60, counters, clock)
    pace.pause(5)
    pace.enter()
    clock.now += 5
    pace.enter()
    assert (counters.throttled, counters.over_limit) == (1, 1)


async def test_calls_a_minute(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """Customers, subscriptions and orders share one limit; other calls are neither counted nor refused."""
    client = await open_sandbox({**seed, "limits": {"per_minute": 3}})
    paths = ("/v1/customers", "/v1/customers/kestrel/subscriptions", "/v1/customers/kestrel/orders")
    assert [(await client.get(path)).status_code for path in paths] == [200, 200, 200]
    refused = await client.get("/v1/customers/kestrel")
    seconds = refused.headers["retry-after"]
    assert (refused.status_code, 1 <= int(seconds) <= 60) == (429, True)
    message = f"Rate limit is exceeded. Try again in {seconds} seconds."
    assert refused.json() == {"statusCode": 429, "message": message}
    for path in ("/v1/auditrecords", "/webhooks/v1/registration/events"):
        assert (await client.get(path)).status_code == 200
    found = (await client.get("/_sandbox/counters")).json()
    assert found["by"] == {
        "customers GET": 1,
        "subscriptions GET": 1,
        "orders GET": 1,
        "customer GET": 1,
        "auditrecords GET": 1,
        "events GET": 1,
    }
    assert (found["calls"], found["throttled"], found["over_limit"], found["writes"]) == (6, 1, 0, 0)


async def test_a_caller_who_waits_is_served(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """After Retry-After the next call is answered, and nothing was over the limit."""
    client = await open_sandbox({**seed, "limits": {"per_minute": 1, "window_s": 0.5}})
    assert (await client.get("/v1/customers")).status_code == 200
    refused = await client.get("/v1/customers")
    if refused.status_code == 429:  # a machine that slept between the two calls has left the window already
        await asyncio.sleep(int(refused.headers["retry-after"]))
    assert (await client.get("/v1/customers")).status_code == 200
    assert (await client.get("/_sandbox/counters")).json()["over_limit"] == 0


async def test_most_in_flight(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """The counters tell how many calls of a kind were on their way at once."""
    client = await open_sandbox({**seed, "limits": {"latency_ms": 200}})
    await asyncio.gather(*(client.get("/v1/customers") for _ in range(3)))
    assert (await client.get("/_sandbox/counters")).json()["in_flight_max"] == {"customers": 3}


async def test_a_token_dies_in_real_time(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """After its seconds every call is 401, though the calendar stands still."""
    client = await open_sandbox({**seed, "token_seconds": 1})
    until = time.monotonic() + 20
    while (await client.get("/v1/customers")).status_code != 401:
        assert time.monotonic() < until
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_counters_are_shown_and_cleared(sandbox: Client, method: str) -> None:
    """DELETE starts the count anew; control calls are in no count."""
    await sandbox.get("/v1/customers")
    found = (await sandbox.request(method, "/_sandbox/counters")).json()
    assert found["calls"] == (1 if method == "GET" else 0)

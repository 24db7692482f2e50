"""Faults on a real connection: what the caller sees, and what took effect all the same."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

V1 = "/ATServicesRest/V1.0"
PLUS_TWO = {"contractServiceID": 8001, "unitChange": 2, "effectiveDate": "2026-03-10"}
LATER = {"contractServiceID": 8001, "unitChange": 2, "effectiveDate": "2026-04-01"}
Client = httpx2.AsyncClient
BROKEN = (httpx2.RemoteProtocolError, httpx2.ReadError)


async def _order(client: Client, **fault: Any) -> None:
    answer = await client.post("/_sandbox/faults", json=fault)
    assert answer.status_code == 200, answer.text


async def _adjust(client: Client, body: dict[str, Any] = PLUS_TWO) -> httpx2.Response:
    return await client.post(f"{V1}/Contracts/501/ServiceAdjustments", json=body)


async def _effects(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/_sandbox/effects?after=0")).json()
    return found


async def _first_effect(client: Client) -> None:
    """Looks until something took effect; every look is a call of its own, pytest's time limit ends it."""
    while not await _effects(client):
        continue


async def _march(client: Client) -> list[int]:
    """The quantities of the rows that start in March, as the API shows them."""
    leaves = [
        {"op": "eq", "field": "contractServiceID", "value": 8001},
        {"op": "gte", "field": "startDate", "value": "2026-03-01"},
        {"op": "lt", "field": "startDate", "value": "2026-04-01"},
    ]
    answer = await client.post(f"{V1}/ContractServiceUnits/query", json={"filter": leaves})
    return [row["units"] for row in answer.json()["items"]]


async def _hits(client: Client) -> list[int]:
    return [fault["hits"] for fault in (await client.get("/_sandbox/faults")).json()]


async def test_drop_before(live: Client) -> None:
    """The connection closes without an answer and nothing took effect."""
    await _order(live, do="drop_before", match={"method": "POST"}, times=1)
    with pytest.raises(BROKEN):
        await _adjust(live)
    assert await _effects(live) == []
    assert await _hits(live) == [1]
    assert (await _adjust(live)).status_code == 200


async def test_drop_after(live: Client) -> None:
    """The connection closes without an answer, the effect is there and is marked as unanswered."""
    await _order(live, do="drop_after", match={"path_contains": "ServiceAdjustments"}, times=1)
    with pytest.raises(BROKEN):
        await _adjust(live)
    assert [(e["unitsAfter"], e["answered"]) for e in await _effects(live)] == [(12, False)]
    assert "duplicate" in (await _adjust(live)).text


async def test_reset_mid(live: Client) -> None:
    """Half of the answer comes, then a TCP reset; the effect is there."""
    await _order(live, do="reset_mid", times=1)
    with pytest.raises(BROKEN):
        await _adjust(live)
    assert [e["answered"] for e in await _effects(live)] == [False]


async def test_apply_late(live: Client) -> None:
    """The caller is gone at once; the effect comes later and a read before it does not show it."""
    await _order(live, do="apply_late", seconds=0.3, times=1)
    with pytest.raises(BROKEN):
        await _adjust(live)
    assert await _effects(live) == []
    await _first_effect(live)
    assert await _march(live) == [10, 12]


async def test_reset_forgets_what_is_on_its_way(live: Client) -> None:
    """A late effect never reaches the books of the next test."""
    await _order(live, do="apply_late", seconds=0.2, times=1)
    with pytest.raises(BROKEN):
        await _adjust(live)
    await live.post("/_sandbox/reset")
    await _order(live, do="slow", seconds=0.4, times=1)
    await live.get(f"{V1}/Contracts/501")
    assert await _effects(live) == []


async def test_twice(live: Client) -> None:
    """A request delivered twice: at a period start both count, the caller hears the first answer."""
    await _order(live, do="twice", match={"path_contains": "adjust"}, times=1)
    answer = await _adjust(live, LATER)
    assert answer.json() == {"itemId": None}
    assert [(e["unitsAfter"], e["answered"]) for e in await _effects(live)] == [(12, True), (14, False)]


async def test_twice_mid_period(live: Client) -> None:
    """In the middle of a period the second delivery is a duplicate and only one effect remains."""
    await _order(live, do="twice", times=1)
    assert (await _adjust(live)).status_code == 200
    assert len(await _effects(live)) == 1


@pytest.mark.parametrize("effect_first", [True, False])
async def test_slow_and_given_up(live: Client, effect_first: bool) -> None:
    """A caller who gives up does not stop the server: the effect comes, before or after the waiting."""
    await _order(live, do="slow", seconds=0.5, apply=effect_first, times=1)
    with pytest.raises(httpx2.ReadTimeout):
        await live.post(f"{V1}/Contracts/501/ServiceAdjustments", json=PLUS_TWO, timeout=0.2)
    assert len(await _effects(live)) == int(effect_first)
    await _first_effect(live)
    assert [e["answered"] for e in await _effects(live)] == [False]


async def test_slow_answers_in_the_end(live: Client) -> None:
    """A patient caller gets the true answer."""
    await _order(live, do="slow", seconds=0.2)
    assert (await _adjust(live)).json() == {"itemId": None}
    assert [e["answered"] for e in await _effects(live)] == [True]


@pytest.mark.parametrize("applied", [True, False])
async def test_status(live: Client, applied: bool) -> None:
    """A status on order comes with body and Retry-After, with or without the effect."""
    await _order(live, do="status", status=503, body="<html>busy</html>", retry_after=7, apply=applied, times=1)
    answer = await _adjust(live)
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (503, "<html>busy</html>", "7")
    assert [e["answered"] for e in await _effects(live)] == [False] * applied


async def test_status_without_body(live: Client) -> None:
    """Without a body the answer is empty, with an object it is JSON."""
    await _order(live, do="status", status=500, match={"nth": 1})
    await _order(live, do="status", status=500, body={"errors": ["x"]}, match={"nth": 2})
    first, second, third = [await live.get(f"{V1}/Contracts/501") for _ in range(3)]
    assert (first.status_code, first.content) == (500, b"")
    assert second.json() == {"errors": ["x"]}
    assert third.status_code == 200


async def test_nth_with_times(sandbox: Client) -> None:
    """nth is the first call to be struck, times how many are."""
    await _order(sandbox, do="status", status=503, match={"nth": 2, "path_contains": "contracts"}, times=2)
    codes = [(await sandbox.get(f"{V1}/Contracts/501")).status_code for _ in range(5)]
    assert codes == [200, 503, 503, 200, 200]


async def test_match_by_method_and_entity(sandbox: Client) -> None:
    """path_contains finds the entity by its name on the child route too; the method must fit."""
    await _order(
        sandbox, do="status", status=503, match={"path_contains": "ContractServiceAdjustments", "method": "POST"}
    )
    assert (await sandbox.get(f"{V1}/ContractServiceAdjustments/entityInformation")).status_code == 200
    assert (await _adjust(sandbox)).status_code == 503


async def test_probability_repeats(sandbox: Client) -> None:
    """The same seed strikes the same calls, another seed others."""
    runs = []
    for number in (7, 7, 8):
        await sandbox.post("/_sandbox/reset")
        await _order(sandbox, do="status", status=503, match={"probability": 0.5, "seed": number})
        runs.append([(await sandbox.get(f"{V1}/Contracts/501")).status_code for _ in range(20)])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {200, 503}


async def test_unit_lag(sandbox: Client) -> None:
    """Reads of unit rows show the truth of some seconds ago; the control API shows the truth."""
    await _order(sandbox, do="unit_lag", seconds=60)
    await _adjust(sandbox)
    assert await _march(sandbox) == [10]
    truth = (await sandbox.get("/_sandbox/units?on=2026-03-10")).json()
    assert truth[0]["units"] == 12
    await sandbox.delete("/_sandbox/faults")
    assert await _march(sandbox) == [10, 12]


async def test_stale_reads(sandbox: Client) -> None:
    """For some seconds reads go back in time, repeatably by the seed."""
    runs = []
    for _ in range(2):
        await sandbox.post("/_sandbox/reset")
        await _order(sandbox, do="stale_reads", seconds=60, match={"seed": 3})
        await _adjust(sandbox)
        runs.append([await _march(sandbox) for _ in range(12)])
    assert runs[0] == runs[1]
    assert sorted(map(str, runs[0]))[:: len(runs[0]) - 1] == ["[10, 12]", "[10]"]


async def test_stale_reads_end(sandbox: Client) -> None:
    """After their seconds reads tell the truth again."""
    await _order(sandbox, do="stale_reads", seconds=0)
    await _adjust(sandbox)
    assert [await _march(sandbox) for _ in range(5)] == [[10, 12]] * 5


async def test_stale_zone(live: Client) -> None:
    """The old address is 401 with good credentials; a new zone lookup names another address, which works."""
    await _order(live, do="stale_zone")
    assert (await live.get(f"{V1}/Contracts/501")).status_code == 401
    zone = (await live.get(f"{V1}/zoneInformation?user=api@msp.example")).json()
    assert zone["url"].startswith(str(live.base_url).rstrip("/"))
    answer = await live.post(f"{zone['url']}V1.0/Contracts/query", json={"filter": [], "maxRecords": 1})
    assert answer.status_code == 200
    assert answer.json()["pageDetails"]["nextPageUrl"].startswith(zone["url"])
    assert await _hits(live) == [1]


async def test_foreign_calls_count(sandbox: Client) -> None:
    """Calls of another integration show in ThresholdInformation."""
    await _order(sandbox, do="foreign_calls", per_hour=4000)
    information = (await sandbox.get(f"{V1}/ThresholdInformation")).json()
    assert information["currentTimeframeRequestCount"] == 4001


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"do": "drop_befor"}, "do"),
        ({"do": "slow"}, "needs seconds"),
        ({"do": "status"}, "needs status"),
        ({"do": "slow", "second": 1}, "Nearest valid key: seconds"),
        ({"do": "slow", "seconds": 1, "match": {"path": "x"}}, "Nearest valid key: path_contains"),
    ],
)
async def test_bad_orders_are_refused(sandbox: Client, fault: dict[str, Any], text: str) -> None:
    """A fault that cannot be meant is refused with its place and the nearest key."""
    answer = await sandbox.post("/_sandbox/faults", json=fault)
    assert answer.status_code == 400
    assert text in answer.json()["error"]

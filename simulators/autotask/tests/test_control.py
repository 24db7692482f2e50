"""The control API besides faults."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

V1 = "/ATServicesRest/V1.0"
Client = httpx2.AsyncClient


async def _control(client: Client, method: str, path: str, body: Any = None) -> Any:
    answer = await client.request(method, f"/_sandbox/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_effects_entry(sandbox: Client) -> None:
    """An adjustment leaves one entry with all that the interface names."""
    await _control(sandbox, "PUT", "clock", {"now": "2026-03-01T08:00:00Z"})
    body = {"contractServiceID": 8001, "unitChange": 2, "effectiveDate": "2026-03-10", "adjustedUnitPrice": 22}
    await sandbox.post(f"{V1}/Contracts/501/ServiceAdjustments", json=body)
    entries = await _control(sandbox, "GET", "effects?after=0")
    assert len(entries) == 1
    assert entries[0].pop("realAt")
    assert entries[0] == {
        "seq": 1,
        "at": "2026-03-01T08:00:00Z",
        "by": "api",
        "contractID": 501,
        "contractServiceID": 8001,
        "serviceID": 9001,
        "effectiveDate": "2026-03-10",
        "unitChange": 2,
        "adjustedUnitPrice": 22,
        "adjustedUnitCost": None,
        "unitsBefore": 10,
        "unitsAfter": 12,
        "answered": True,
    }
    assert await _control(sandbox, "GET", "effects?after=1") == []


async def test_units_outside_a_contract_are_zero(sandbox: Client) -> None:
    """The truth names every line on every day; before and after its contract it is 0."""
    lines = await _control(sandbox, "GET", "units?on=2026-12-31")
    assert {line["contractServiceID"]: line["units"] for line in lines}[8002] == 0
    first = {"companyID": 101, "contractID": 501, "contractServiceID": 8001, "serviceID": 9001}
    assert lines[0] == {**first, "units": 10, "unitPrice": 23.1}


async def test_edit_by_hand(sandbox: Client) -> None:
    """A person changes units and price; the effect is his and a note says so."""
    edit = {"contractServiceID": 8001, "effectiveDate": "2026-03-10", "unitChange": -2, "unitPrice": 20, "user": "Eve"}
    effect = await _control(sandbox, "POST", "edit", edit)
    assert (effect["by"], effect["unitsBefore"], effect["unitsAfter"]) == ("ui", 10, 8)
    notes = (await sandbox.get(f"{V1}/Contracts/501/Notes")).json()["items"]
    assert "User [Eve] decreased [Business Premium] units by [2]" in notes[0]["title"]
    assert notes[0]["creatorResourceID"] != 5


async def test_a_person_undoes_our_change_on_its_own_day(sandbox: Client) -> None:
    """By hand the row of a date can be changed again; for the API the date stays used."""
    body = {"contractServiceID": 8001, "unitChange": 2, "effectiveDate": "2026-03-10"}
    await sandbox.post(f"{V1}/ContractServiceAdjustments", json=body)
    await _control(sandbox, "POST", "edit", {**body, "unitChange": -2})
    assert (await _control(sandbox, "GET", "units?on=2026-03-10"))[0]["units"] == 10
    assert "duplicate" in (await sandbox.post(f"{V1}/ContractServiceAdjustments", json=body)).text


@pytest.mark.parametrize("edit", [{"effectiveDate": "2027-03-10"}, {"effectiveDate": "2026-03-10", "unitChange": -11}])
async def test_an_impossible_edit_is_refused(sandbox: Client, edit: dict[str, Any]) -> None:
    """The contract's rules hold for a person too: 409 with the text of the rule."""
    answer = await sandbox.post("/_sandbox/edit", json={"contractServiceID": 8001, **edit})
    assert answer.status_code == 409
    assert answer.json()["errors"]


async def test_posting_again_bills_what_came_later(sandbox: Client) -> None:
    """A change in a posted span is billed by the next posting, once."""
    post = {"contractID": 501, "through": "2026-03-31"}
    first = await _control(sandbox, "POST", "post", post)
    body = {"contractServiceID": 8001, "unitChange": 6, "effectiveDate": "2026-02-10"}
    await sandbox.post(f"{V1}/ContractServiceAdjustments", json=body)
    second = await _control(sandbox, "POST", "post", post)
    assert first == {"periods": 3, "billing_items": 3, "total": 693}
    # 19 of 28 days of February and all of March, for six units
    assert second == {"periods": 1, "billing_items": 2, "total": round(6 * 15.675 + 6 * 23.1, 2)}


async def test_posting_is_an_effect(sandbox: Client) -> None:
    """Every row that closes has an entry by post."""
    await _control(sandbox, "POST", "post", {"contractID": 504, "through": "2026-04-01"})
    entries = await _control(sandbox, "GET", "effects?after=0")
    assert [(e["by"], e["effectiveDate"], e["unitChange"]) for e in entries] == [
        ("post", "2026-01-01", 0),
        ("post", "2026-04-01", 0),
    ]


async def test_reset_brings_back_the_seed(sandbox: Client) -> None:
    """Books, effects, faults, switches, counters and clock start anew."""
    body = {"contractServiceID": 8001, "unitChange": 2, "effectiveDate": "2026-03-10"}
    await sandbox.post(f"{V1}/ContractServiceAdjustments", json=body)
    await _control(sandbox, "PUT", "switches", {"first_row": "kept"})
    await _control(sandbox, "PUT", "clock", {"now": "2020-01-01T00:00:00Z"})
    await _control(sandbox, "POST", "faults", {"do": "unit_lag", "seconds": 1})
    await _control(sandbox, "POST", "reset")
    assert await _control(sandbox, "GET", "effects?after=0") == []
    assert await _control(sandbox, "GET", "faults") == []
    assert (await _control(sandbox, "GET", "switches"))["first_row"] == "cut"
    assert (await _control(sandbox, "GET", "counters"))["calls"] == 0
    assert not (await _control(sandbox, "GET", "clock"))["now"].startswith("2020")
    assert (await _control(sandbox, "GET", "units?on=2026-03-10"))[0]["units"] == 10


async def test_default_switches(sandbox: Client) -> None:
    """Unset switches have the first value that the interface names."""
    assert await _control(sandbox, "GET", "switches") == {
        "split_units": "total",
        "first_row": "cut",
        "rows": "eager",
        "zero_row": "row",
        "duplicate_date_mid": "error",
        "duplicate_date_start": "merge",
        "below_zero": "refuse",
        "posted_span": "extra_row",
        "adjustment_note": "write",
        "price_by_adjustment": "apply",
        "proration": "daily",
        "grid": "anchored",
        "overrun": "429",
        "permission": "403",
        "next_post_without_body": "refuse",
        "internal_description": "accept",
    }


@pytest.mark.parametrize(
    ("switches", "text"),
    [
        ({"rows": "none"}, "Valid: eager, rolling"),
        ({"grid": "round"}, "Valid: anchored, drifting"),
        ({"gird": "drifting"}, "Nearest valid key: grid"),
    ],
)
async def test_switches_that_do_not_exist(sandbox: Client, switches: dict[str, str], text: str) -> None:
    """An unknown switch or value is refused and changes nothing."""
    answer = await sandbox.put("/_sandbox/switches", json=switches)
    assert answer.status_code == 400
    assert text in answer.json()["error"]


async def test_clock_stands_still_and_can_be_given_back(sandbox: Client) -> None:
    """A put instant stays until null gives real time back; nonsense is refused."""
    await _control(sandbox, "PUT", "clock", {"now": "2026-03-01T08:00:00+01:00"})
    assert await _control(sandbox, "GET", "clock") == {"now": "2026-03-01T07:00:00Z"}
    await _control(sandbox, "PUT", "clock", {"now": None})
    assert (await _control(sandbox, "GET", "clock"))["now"] != "2026-03-01T07:00:00Z"
    assert (await sandbox.put("/_sandbox/clock", json={"now": "tomorrow"})).status_code == 400


async def test_control_calls_are_not_counted(sandbox: Client) -> None:
    """The control API neither counts nor needs a sign-in."""
    answer = await sandbox.get("/_sandbox/health", headers={"UserName": "", "Secret": ""})
    assert answer.status_code == 200
    assert (await _control(sandbox, "GET", "counters"))["calls"] == 0

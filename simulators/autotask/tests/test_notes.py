"""Notes that come late."""

from __future__ import annotations

from typing import Any

import httpx2

from autotask_sandbox.gateway import Gateway
from autotask_sandbox.latenotes import LateNotes
from autotask_sandbox.moments import Calendar
from autotask_sandbox.seedfile import seed_from
from autotask_sandbox.switches import Switches
from autotask_sandbox.tenant import Tenant

URL = "http://sandbox.test/ATServicesRest/V1.0/"
HEADERS = {"UserName": "api@msp.example", "Secret": "s3cret", "ApiIntegrationCode": "MAINCODE"}


def test_a_note_is_due_after_its_seconds_and_once() -> None:
    """Before its time it is not given out, then exactly once, in the order in which the notes were promised."""
    now = [0.0]
    notes = LateNotes(5, lambda: now[0])
    notes.put({"title": "a"})
    now[0] = 4.9
    notes.put({"title": "b"})
    assert notes.due() == []
    now[0] = 9.9
    assert [note["title"] for note in notes.due()] == ["a", "b"]
    assert notes.due() == []


async def test_a_late_note_comes_later_with_a_newer_id(seed: dict[str, Any]) -> None:
    """The adjustment's note is missing at first; it comes behind a note that was written after the adjustment."""
    now = [0.0]
    seed["switches"] = {"adjustment_note": "late"}
    tenant = Tenant(seed_from(seed), Calendar())
    tenant.books.late_notes = LateNotes(5, lambda: now[0])
    body = {"contractServiceID": 8001, "unitChange": 6, "effectiveDate": "2026-03-10"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=Gateway(tenant)), base_url=URL) as client:
        await client.post("ContractServiceAdjustments", json=body, headers=HEADERS)
        tenant.switch(Switches())
        await client.post("ContractServiceAdjustments", json={**body, "effectiveDate": "2026-03-11"}, headers=HEADERS)
        first = (await client.get("Contracts/501/Notes", headers=HEADERS)).json()["items"]
        now[0] = 5.0
        then = (await client.get("Contracts/501/Notes", headers=HEADERS)).json()["items"]
    assert ["2026-03-11" in note["title"] for note in first] == [True]
    assert ["2026-03-11" in note["title"] for note in then] == [True, False]

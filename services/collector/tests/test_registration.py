"""Where Partner Center sends its messages: registered once, changed where it is another, else left alone."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from seatledger.collector.adapters.partner_center.registration import NEEDED, PATH, WANTED, Registration
from seatledger.collector.ports import SourceUnreachableError
from seatledger.schemas.findings import FindingCode
from services.collector.tests.partner_center_tenant import account

US = "https://seats.example/hooks/pc"


@dataclass
class Desk:
    """Keeps the registration. ``knows``: event names that it takes."""

    standing: dict[str, Any] | None = None
    knows: tuple[str, ...] = WANTED
    refuses: int | None = None
    writes: list[str] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response | None:
        if request.url.path != PATH:
            return None
        if self.refuses is not None:
            return httpx2.Response(self.refuses, json={"code": "1", "description": "no"})
        if request.method == "GET":
            return httpx2.Response(404, json={}) if self.standing is None else httpx2.Response(200, json=self.standing)
        self.writes.append(request.method)
        body = json.loads(request.content)
        if not set(body["WebhookEvents"]) <= set(self.knows):
            return httpx2.Response(400, json={"code": "2", "description": "an event is not known"})
        self.standing = {"SubscriberId": "x", **body}
        return httpx2.Response(200, json=self.standing)


async def registered(desk: Desk) -> bool:
    """Ensure the registration at a desk; whether something was changed."""
    tenant = account()
    tenant.tenant.rules.append(desk)
    return await Registration(tenant.distributor.api.client, US).ensure()


async def test_it_is_registered_once() -> None:
    """Nothing there: POST; there as wanted: nothing is written."""
    desk = Desk()
    assert [await registered(desk), await registered(desk)] == [True, False]
    assert (desk.writes, desk.standing) == (
        ["POST"],
        {"SubscriberId": "x", "WebhookUrl": US, "WebhookEvents": [*WANTED]},
    )


async def test_another_address_is_changed() -> None:
    """PUT, and other events that somebody asked for beside ours do not bother us."""
    desk = Desk({"webhookUrl": "https://old.example", "webhookEvents": [*NEEDED]})
    assert await registered(desk)
    assert desk.writes == ["PUT"]
    assert not await registered(Desk({"webhookUrl": US, "webhookEvents": [*NEEDED, "invoice-ready"]}))


async def test_a_tenant_that_knows_fewer_events_is_asked_for_what_is_needed() -> None:
    """400 for the whole list: changes of subscriptions and the test event alone."""
    desk = Desk(knows=NEEDED)
    assert await registered(desk)
    assert (desk.writes, desk.standing) == (
        ["POST", "POST"],
        {"SubscriberId": "x", "WebhookUrl": US, "WebhookEvents": [*NEEDED]},
    )


async def test_a_refusal_says_what_to_do() -> None:
    """403: a permission is missing, and the text names it."""
    with pytest.raises(SourceUnreachableError) as caught:
        await registered(Desk(refuses=403))
    assert (caught.value.code, "right" in caught.value.do) == (FindingCode.PERMISSION, True)

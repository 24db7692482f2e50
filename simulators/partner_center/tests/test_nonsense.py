"""Whatever a subscription is made to look like, and whatever a caller sends, the sandbox answers and goes on."""

from __future__ import annotations

import itertools
import json
from typing import Any

import httpx2
import pytest

from partner_center_sandbox.fields import SubscriptionFields
from partner_center_sandbox.seedfile import names_of

Client = httpx2.AsyncClient
BASE = "/v1/customers/kestrel"
READS = ("", "/subscriptions", "/subscriptions/usagerecords", "/orders", "/subscriptions/premium",
         "/subscriptions/premium/addons", "/subscriptions/premium/azureentitlements",
         "/subscriptions/premium/transitions", "/subscriptions/premium/provisioningstatus")  # fmt: skip
ODD: tuple[Any, ...] = (None, "odd", -1, 1e300, True, [1], {"x": [None]}, "9999-99-99")
BODIES = (b"", b"null", b"[]", b"7", b"{", b"\xff\xfe", b'{"quantity": "many"}', b'{"quantity": null}', b'{"a": {}}')


async def _read_all(client: Client, why: object) -> None:
    for path in READS:
        answer = await client.get(f"{BASE}{path}")
        assert answer.status_code == 200, (why, path, answer.text)
        json.loads(answer.text)


async def test_fields_that_are_taken_away(sandbox: Client) -> None:
    """Each field of a subscription may be missing."""
    await sandbox.put("/_sandbox/switches", json={"provisioning_status": "app_only", "renewal": "calendar"})
    for name in names_of(SubscriptionFields):
        answer = await sandbox.patch("/_sandbox/customers/kestrel/subscriptions/premium", json={name: None})
        assert answer.status_code == 200, (name, answer.text)
        await _read_all(sandbox, name)


@pytest.mark.parametrize("value", ODD, ids=repr)
async def test_values_that_nobody_has(sandbox: Client, value: Any) -> None:
    """Plain fields of a subscription may hold anything that JSON has, where a test asks for it."""
    await sandbox.put("/_sandbox/switches", json={"provisioning_status": "app_only", "renewal": "calendar"})
    plain = ("offerId", "quantity", "status", "billingCycle", "billingType", "termDuration", "commitmentEndDate",
             "effectiveStartDate", "creationDate", "autoRenewEnabled", "friendlyName")  # fmt: skip
    for name in plain:
        path = "/_sandbox/customers/kestrel/subscriptions/premium?unchecked=true"
        assert (await sandbox.patch(path, json={name: value})).status_code == 200
        await _read_all(sandbox, (name, value))


@pytest.mark.parametrize("body", BODIES, ids=repr)
async def test_bodies_that_nobody_sends(sandbox: Client, body: bytes) -> None:
    """Every call that takes a body refuses or ignores nonsense with an answer in JSON."""
    api = [("POST", f"/{word}/oauth2/token") for word in ("78a7957d-4b57-5345-97bc-9854826a3bd3", "x")]
    api += [("PATCH", f"{BASE}/subscriptions/premium"), ("POST", "/webhooks/v1/registration")]
    api += [("PUT", "/webhooks/v1/registration"), ("POST", "/webhooks/v1/registration/validationEvents")]
    control = [("PUT", "clock"), ("POST", "faults"), ("PUT", "switches"), ("POST", "customers"), ("POST", "audit"),
               ("PATCH", "customers/kestrel"), ("PATCH", "customers/kestrel/subscriptions/premium"),
               ("POST", "customers/kestrel/subscriptions"), ("POST", "webhooks"), ("POST", "webhooks/release"),
               ("POST", "customers/kestrel/subscriptions/premium/upgrade")]  # fmt: skip
    for method, path in itertools.chain(api, ((method, f"/_sandbox/{path}") for method, path in control)):
        answer = await sandbox.request(method, path, content=body)
        assert answer.status_code < 500, (path, answer.text)
        json.loads(answer.text)
    assert (await sandbox.get(BASE)).status_code == 200


@pytest.mark.parametrize(
    "query", ["size=%00", "size=-1", "size=٣", "filter=%7B%7D", "filter=[]", "filter=null", "size", "&&="]
)
async def test_queries_that_nobody_makes(sandbox: Client, query: str) -> None:
    """Nonsense in a query is 400, or is nothing at all."""
    for path in ("/v1/customers", "/v1/auditrecords"):
        assert (await sandbox.get(f"{path}?{query}")).status_code in {200, 400}

"""The vendor's own PATCH of a subscription, for what a reader can see of it (sections 2.2 and 2.6)."""

from __future__ import annotations

from typing import Any

from partner_center_sandbox import shapes
from partner_center_sandbox.acts import Acts
from partner_center_sandbox.books import Shown, Subscription, by_calendar
from partner_center_sandbox.calls import Call
from partner_center_sandbox.completing import seats
from partner_center_sandbox.connection import Answer
from partner_center_sandbox.errors import RefusalError, bad_request
from partner_center_sandbox.fields import SubscriptionFields
from partner_center_sandbox.seedfile import SeedError, read_as
from partner_center_sandbox.tenant import Tenant

CHANGEABLE = {"quantity", "status", "friendlyName", "autoRenewEnabled", "scheduledNextTermInstructions", "partnerId"}


def patch(tenant: Tenant, call: Call, path: dict[str, str]) -> Answer:
    """200 with the new state, or 202 with its address while reads still show the old one."""
    customer = tenant.our_customer(path["customer"])
    at = tenant.read_at()
    found, kept = tenant.subscription(customer, path["subscription"], at)
    shown = Shown(by_calendar(kept.fields, tenant.now()), kept.version)
    wanted = _changes(call, shown)
    _check(call, found, shown, wanted, at)
    fields = by_calendar(Acts(tenant).change(found, wanted), tenant.now())
    where = f"/customers/{customer.id}/subscriptions/{found.id}"
    if tenant.switches.change_window_s:
        return Answer(202, None, {"location": where})
    return Answer(200, shapes.subscription(customer.id, fields, shown.version + 1, tenant.seed.country))


def _changes(call: Call, shown: Shown) -> dict[str, Any]:
    """What the body, whole or in part, says otherwise than what is."""
    body = call.json()
    if not isinstance(body, dict):
        raise bad_request("The body is no object.")
    fields = {name: value for name, value in body.items() if name not in {"id", "links", "attributes"}}
    try:
        given = read_as(SubscriptionFields, fields).given()
    except SeedError as error:
        raise bad_request(str(error)) from None
    return {name: value for name, value in given.items() if value != shown.fields.get(name)}


def _check(call: Call, found: Subscription, shown: Shown, wanted: dict[str, Any], at: float) -> None:
    if found.is_changing(at):
        raise RefusalError(409, "Another operation on the subscription is pending; retry later.", code=900278)
    if call.headers.get("if-match", "").strip('"') != shapes.etag(found.id, shown.version):
        raise RefusalError(400, "Etag is no longer valid, please refresh the resource.", code=2055)
    if "billingCycle" in wanted:
        raise RefusalError(400, "The billing cycle cannot be changed by this call.", code=2054)
    for name in set(wanted) - CHANGEABLE:
        raise bad_request(f"{name} cannot be changed by this call.")
    _check_suspended(shown, wanted)
    _check_quantity(shown, seats({**shown.fields, **wanted}))


def _check_suspended(shown: Shown, wanted: dict[str, Any]) -> None:
    if shown.fields["status"] != "suspended" or wanted.get("status") == "active":
        return
    if "quantity" in wanted:
        raise RefusalError(400, "The quantity cannot change while the subscription is suspended.", code=2001)
    raise RefusalError(400, "The subscription cannot be updated while it is suspended.", code=800091)


def _check_quantity(shown: Shown, wanted: int) -> None:
    """Seats go down only inside their windows."""
    if wanted < 1:
        raise RefusalError(400, "The quantity is outside the limits of the offer.", code=2002)
    removable = (shown.fields.get("refundableQuantity") or {}).get("totalQuantity", 0)
    if wanted < seats(shown.fields) - removable:
        raise RefusalError(400, "The quantity may not be reduced.", code=800090)

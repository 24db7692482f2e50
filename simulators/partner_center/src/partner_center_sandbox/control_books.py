"""Control over customers and subscriptions: acts of the partner's people, of Microsoft, and the truth."""

from __future__ import annotations

import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from partner_center_sandbox import shapes
from partner_center_sandbox.acts import Acts, By, live_on
from partner_center_sandbox.audit import Deed, pascal
from partner_center_sandbox.books import Customer, Subscription
from partner_center_sandbox.completing import seats
from partner_center_sandbox.documents import ControlError, document, flag, read
from partner_center_sandbox.fields import CustomerFields, Key, SubscriptionFields, VendorFields
from partner_center_sandbox.seed import SeedCustomer, SeedSubscription, SeedUsage
from partner_center_sandbox.tenant import Tenant
from partner_center_sandbox.upgrades import Upgrade, upgrade


class ChangeBody(SubscriptionFields):
    """The vendor's fields, and the month-to-date total of a usage subscription."""

    usage: SeedUsage | None = None


class AuditBody(VendorFields):
    """A record of something that changes nothing in the sandbox."""

    customer: Key
    subscription: Key | None = None
    operation_type: str = "update_subscription"
    resource_type: str = "subscription"
    operation_status: str = "succeeded"
    user_principal_name: str = "ops@msp.example"


class BooksControl:
    """Acts at once; reads see it after the switch ``change_window_s``."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._acts = Acts(tenant)

    async def truth(self, _request: Request) -> JSONResponse:
        """Every subscription that is in a list, as it is after all changes."""
        live_on(self._tenant)
        found = [one for one in self._tenant.books.subscriptions() if one.truth is not None]
        return JSONResponse([{"customer": one.customer_id, **self._wire(one)} for one in found])

    async def add_customer(self, request: Request) -> JSONResponse:
        """A customer as in a seed; what has no id is given one."""
        seed = read(SeedCustomer, _with_ids(await document(request)))
        self._refuse_double(seed.id, *(one.id for one in seed.subscriptions))
        return JSONResponse(shapes.customer_row(self._acts.add_customer(seed)))

    async def customer(self, request: Request) -> JSONResponse:
        """PATCH: name, domain, relation, ``listed``. DELETE: neither listed nor found any more."""
        customer = self._customer(request)
        if request.method == "DELETE":
            self._tenant.books.remove(customer)
            return JSONResponse({"removed": customer.id})
        self._acts.change_customer(customer, read(CustomerFields, await document(request)).given())
        return JSONResponse(shapes.customer_row(customer))

    async def add_subscription(self, request: Request) -> JSONResponse:
        """A subscription as in a seed; without an id one is given."""
        customer = self._customer(request)
        seed = read(SeedSubscription, _with_ids(await document(request)))
        self._refuse_double(seed.id)
        return JSONResponse(self._wire(self._acts.buy(customer, seed)))

    async def subscription(self, request: Request) -> JSONResponse:
        """PATCH: the vendor's fields. DELETE: deleted, and still in the list; with ``vanish=true`` in none."""
        found = self._subscription(request)
        if request.method == "DELETE" and flag(request, "vanish"):
            self._acts.vanish(found)
            return JSONResponse({"vanished": found.id})
        given: dict[str, Any] = {"status": "deleted"}
        if request.method == "PATCH":
            given = await self._changes(request, found)
        self._acts.change(found, given, _by(request))
        return JSONResponse(self._wire(found))

    async def _changes(self, request: Request, found: Subscription) -> dict[str, Any]:
        """``unchecked=true`` takes values that the vendor has not: a status nobody knows."""
        given = await document(request)
        given.pop("id", None)
        checked = given if flag(request, "unchecked") else read(ChangeBody, given).given()
        if (usage := checked.pop("usage", None)) is not None:
            found.usage = read(SeedUsage, usage)
        return checked

    async def renew(self, request: Request) -> JSONResponse:
        """The end of the term now: what is scheduled for it, else renewal, else expiry."""
        found = self._subscription(request)
        self._acts.renew(found)
        return JSONResponse(self._wire(found))

    async def upgrade(self, request: Request) -> JSONResponse:
        """A full upgrade, or with fewer seats than there are a partial one; answers the transition."""
        found, wanted = self._subscription(request), read(Upgrade, await document(request))
        there = seats(found.truth or {})
        if wanted.quantity is not None and wanted.quantity > there:
            raise ControlError(f"quantity: the subscription has {there} seats")
        if wanted.to_subscription_id and self._customer(request).find(wanted.to_subscription_id) is None:
            self._refuse_double(wanted.to_subscription_id)
        return JSONResponse(upgrade(self._tenant, self._customer(request), found, wanted))

    async def audit(self, request: Request) -> JSONResponse:
        """A record without a change of state."""
        body = read(AuditBody, await document(request))
        customer = self._tenant.books.customer(body.customer)
        if customer is None:
            raise ControlError(f"customer: no customer {body.customer}", status=404)
        found = customer.find(body.subscription or "")
        now = pascal(found.truth or {}) if found else None
        data = (("SubscriptionId", body.subscription),) if body.subscription else ()
        deed = Deed(body.operation_type, body.resource_type, now, now, body.operation_status, data,
                    body.user_principal_name)  # fmt: skip
        return JSONResponse(self._acts.record(customer.id, deed))

    def _wire(self, found: Subscription) -> dict[str, Any]:
        shown = found.shown(max(time.monotonic(), found.states[-1].since))
        fields, version = (shown.fields, shown.version) if shown else (found.truth or {}, found.states[-1].version)
        return shapes.subscription(found.customer_id, fields, version, self._tenant.seed.country)

    def _customer(self, request: Request) -> Customer:
        found = self._tenant.books.customer(request.path_params["customer"])
        if found is None:
            raise ControlError(f"customer: no customer {request.path_params['customer']}", status=404)
        return found

    def _subscription(self, request: Request) -> Subscription:
        found = self._customer(request).find(request.path_params["subscription"])
        if found is None or found.truth is None:
            raise ControlError(f"subscription: no subscription {request.path_params['subscription']}", status=404)
        return found

    def _refuse_double(self, *ids: str) -> None:
        known = {one.id.lower() for one in self._tenant.books.subscriptions()}
        known |= {one.id.lower() for one in self._tenant.books.customers()}
        for one in ids:
            if one.lower() in known:
                raise ControlError(f"id: {one!r} is there already", status=409)


def _with_ids(given: dict[str, Any]) -> dict[str, Any]:
    """An id for the thing itself and for each subscription in it, where none is named."""
    named = {"id": str(uuid.uuid4()), **given}
    if isinstance(given.get("subscriptions"), list):
        named["subscriptions"] = [_with_ids(one) if isinstance(one, dict) else one for one in given["subscriptions"]]
    return named


def _by(request: Request) -> By:
    """``by=microsoft``: no audit record is left."""
    match request.query_params.get("by", "user"):
        case "user":
            return "user"
        case "microsoft":
            return "microsoft"
        case other:
            raise ControlError(f"by: {other!r} is neither user nor microsoft")

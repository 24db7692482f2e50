"""What changes a partner's world: by a person or an application of the partner, or by Microsoft itself."""

from __future__ import annotations

import time
from typing import Any, Literal

from partner_center_sandbox import lifecycle
from partner_center_sandbox.audit import Deed, pascal
from partner_center_sandbox.books import Customer, Subscription
from partner_center_sandbox.completing import WINDOW, refundable, seats
from partner_center_sandbox.moments import stamp
from partner_center_sandbox.orders import audit_data, audit_text
from partner_center_sandbox.seed import SeedCustomer, SeedSubscription
from partner_center_sandbox.tenant import Tenant

By = Literal["user", "microsoft"]
SCHEDULE = "scheduledNextTermInstructions"
IMMEDIATE = {"quantity", "offerId", "status", "billingCycle", "termDuration", "isTrial"}
NO_COMMERCE = {"friendlyName"}


class Acts:
    """Each bumps the version of what it touches, and is seen by reads after the switch ``change_window_s``."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def since(self) -> float:
        """The monotonic instant from which reads see what happens now."""
        return time.monotonic() + self._tenant.switches.change_window_s

    def change(
        self, subscription: Subscription, given: dict[str, Any], by: By = "user", operation: str | None = None
    ) -> dict[str, Any]:
        """Fields in place of the old ones; what follows from them follows unless ``given`` names it."""
        before = subscription.truth or {}
        after = {**before, **self._consequences(before, given), **given}
        subscription.change(after, self.since())
        if given.get("commitmentEndDate"):
            subscription.tell_end(self.since())
        self._tenant.lived_until = None
        converted = before.get("isTrial") and not after.get("isTrial")
        what = operation or ("convert_trial_subscription" if converted else "update_subscription")
        if by == "user":
            data = (("SubscriptionId", subscription.id),)
            self.record(subscription.customer_id, Deed(what, "subscription", pascal(before), pascal(after), data=data))
        if set(given) - NO_COMMERCE:
            self._tenant.announce("subscription-updated", subscription.customer_id, subscription.id)
        return after

    def _consequences(self, before: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """An immediate change wipes the plan for the next term (section 2.13); added seats open a window (12.2)."""
        found: dict[str, Any] = {}
        if before.get(SCHEDULE) and any(given[name] != before.get(name) for name in IMMEDIATE & set(given)):
            found[SCHEDULE] = None
        added = seats(given) - seats(before)
        if added > 0 and before.get("billingType") == "license":
            until = stamp(self._tenant.now() + WINDOW)
            details = list((before.get("refundableQuantity") or {}).get("details", ()))
            found["refundableQuantity"] = refundable([*details, {"quantity": added, "allowedUntilDateTime": until}])
        if given.get("status") == "deleted":
            found |= {"autoRenewEnabled": False, "cancellationAllowedUntilDate": None}
        return found

    def vanish(self, subscription: Subscription) -> None:
        """Out of every list, as the vendor does not do it: for the rule that absence is no deletion."""
        subscription.change(None, self.since())

    def renew(self, subscription: Subscription) -> dict[str, Any]:
        """What Microsoft does at the end of a term, done now."""
        return self.change(
            subscription, lifecycle.after_term(subscription.truth or {}, self._tenant.now()), "microsoft"
        )

    def buy(self, customer: Customer, seed: SeedSubscription) -> Subscription:
        """A new subscription; a migrated one puts its predecessor to rest (section 2.9)."""
        since = self.since()
        added = self._tenant.books.add_subscription(customer, seed, self._tenant.now(), since, since)
        self._tenant.lived_until = None
        fields = added.truth or {}
        self.record(
            customer.id, Deed("create_order", "order", new=audit_text(customer.id, fields), data=audit_data(fields))
        )
        predecessor = customer.find(fields.get("migratedFromSubscriptionId") or "")
        if predecessor is not None and predecessor.truth is not None:
            self.change(predecessor, {"status": "suspended", "autoRenewEnabled": False}, "microsoft")
            self.record(customer.id, Deed("create_new_commerce_migration", "new_commerce_migration"))
        self._tenant.announce("subscription-updated", customer.id, added.id)
        return added

    def add_customer(self, seed: SeedCustomer) -> Customer:
        """A new customer with his subscriptions."""
        customer = self._tenant.books.add_customer(seed)
        self.record(customer.id, Deed("add_customer", "customer"))
        for one in seed.subscriptions:
            self.buy(customer, one)
        return customer

    def change_customer(self, customer: Customer, given: dict[str, Any]) -> None:
        """Name, domain, relation; ``listed`` false takes it from the list of customers."""
        fields = dict(given)
        was_ours = customer.is_ours
        customer.listed = fields.pop("listed", customer.listed) is not False
        customer.fields.update(fields)
        if was_ours and not customer.is_ours:
            self.record(customer.id, Deed("remove_partner_customer_relationship", "customer"))

    def record(self, customer_id: str, deed: Deed) -> dict[str, Any]:
        """An audit record, shown after the switch ``audit_delay_s``."""
        since = time.monotonic() + self._tenant.switches.audit_delay_s
        return self._tenant.audit.write(self._tenant.customer(customer_id), deed, self._tenant.now(), since)


def live_on(tenant: Tenant) -> None:
    """By the switch ``renewal: calendar``: every step of a life for which the day has come."""
    acts, now = Acts(tenant), tenant.now()
    if tenant.switches.renewal == "on_command" or tenant.lived_until == now.date():
        return
    for one in list(tenant.books.subscriptions()):
        while one.truth is not None and lifecycle.due(one.truth, now):
            acts.change(one, lifecycle.next_step(one.truth, now), "microsoft")
    tenant.lived_until = now.date()

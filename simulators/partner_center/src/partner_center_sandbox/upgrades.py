"""Full and partial upgrades (section 2.9): the one keeps the id, the other moves seats to another subscription."""

from __future__ import annotations

import uuid
from typing import Any

from pydantic import Field

from partner_center_sandbox.acts import Acts
from partner_center_sandbox.books import Customer, Subscription
from partner_center_sandbox.completing import seats
from partner_center_sandbox.fields import BillingCycle, Key, Term, VendorFields
from partner_center_sandbox.moments import ticks
from partner_center_sandbox.seed import SeedSubscription
from partner_center_sandbox.seedfile import read_as
from partner_center_sandbox.tenant import Tenant


class Upgrade(VendorFields):
    """Without ``quantity``, or with all seats, a full one; ``toSubscriptionId`` names a target that is there."""

    offer_id: Key
    offer_name: str | None = None
    quantity: int | None = Field(default=None, gt=0)
    to_subscription_id: Key | None = None
    term_duration: Term | None = None
    billing_cycle: BillingCycle | None = None


def upgrade(tenant: Tenant, customer: Customer, source: Subscription, wanted: Upgrade) -> dict[str, Any]:
    """Moves the seats and notes the transition at both ends; the answer is the transition."""
    before = dict(source.truth or {})
    moved = wanted.quantity or seats(before)
    if moved < seats(before):
        target = _partial(Acts(tenant), customer, source, wanted, moved)
    else:
        target = source
        Acts(tenant).change(source, _target_fields(wanted, before), operation="upgrade_subscription")
    transition = _transition(tenant, source, target, before, moved)
    for end in {source.id: source, target.id: target}.values():
        end.transitions.append(transition)
    return transition


def _target_fields(wanted: Upgrade, source: dict[str, Any]) -> dict[str, Any]:
    name = wanted.offer_name or wanted.offer_id
    return {
        "offerId": wanted.offer_id,
        "offerName": name,
        "friendlyName": name,
        "termDuration": wanted.term_duration or source["termDuration"],
        "billingCycle": wanted.billing_cycle or source["billingCycle"],
    }


def _partial(acts: Acts, customer: Customer, source: Subscription, wanted: Upgrade, moved: int) -> Subscription:
    before = source.truth or {}
    acts.change(source, {"quantity": seats(before) - moved}, operation="upgrade_subscription")
    target = customer.find(wanted.to_subscription_id or "")
    if target is not None and target.truth is not None:
        acts.change(target, {"quantity": seats(target.truth) + moved}, operation="upgrade_subscription")
        return target
    fields = {**_target_fields(wanted, before), "quantity": moved}
    new_id = wanted.to_subscription_id or str(uuid.uuid4())
    return acts.buy(customer, read_as(SeedSubscription, {"id": new_id, **fields}))


def _transition(
    tenant: Tenant, source: Subscription, target: Subscription, before: dict[str, Any], moved: int
) -> dict[str, Any]:
    after = target.truth or {}
    events: list[dict[str, Any]] = [
        {"name": name, "status": "Completed", "timestamp": ticks(tenant.now(), name), "errors": []}
        for name in ("Conversion", "SeatReassignment")
    ]
    return {
        "operationId": str(uuid.uuid4()),
        "fromCatalogItemId": before["offerId"],
        "fromSubscriptionId": source.id,
        "fromSubscriptionTermDuration": before["termDuration"],
        "toCatalogItemId": after["offerId"],
        "toSubscriptionId": target.id,
        "quantity": moved,
        "termDuration": after["termDuration"],
        "billingCycle": after["billingCycle"],
        "transitionType": "transition_with_license_transfer",
        "promotionId": after.get("promotionId") or None,
        "events": events,
    }

"""The orders by which subscriptions were bought (section 2.9)."""

from __future__ import annotations

import json
from typing import Any

from partner_center_sandbox import shapes
from partner_center_sandbox.books import Customer, Subscription
from partner_center_sandbox.seed import Seed

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}


def _line(number: int, fields: dict[str, Any], country: str) -> dict[str, Any]:
    line = {
        "lineItemNumber": number,
        "offerId": fields["offerId"],
        "subscriptionId": fields["id"],
        "parentSubscriptionId": fields.get("parentSubscriptionId"),
        "termDuration": fields["termDuration"],
        "transactionType": "New",
        "friendlyName": fields["friendlyName"],
        "quantity": fields["quantity"],
        "partnerIdOnRecord": fields["partnerId"] or None,
        "promotionId": fields.get("promotionId") or None,
        "links": shapes.product_links(fields["offerId"], country),
    }
    shown_empty = {"partnerIdOnRecord"}
    return {name: value for name, value in line.items() if value is not None or name in shown_empty}


def audit_data(fields: dict[str, Any]) -> tuple[tuple[str, str | None], ...]:
    """What the audit record of a purchase says beside."""
    return (
        ("OrderId", fields["orderId"]),
        ("BillingCycle", str(fields["billingCycle"]).capitalize()),
        ("OfferId-0", fields["offerId"]),
        ("SubscriptionId-0", fields["id"]),
        ("SubscriptionName-0", fields["friendlyName"]),
        ("Quantity-0", str(fields["quantity"])),
        ("PartnerOnRecord-0", fields["partnerId"] or None),
    )


def audit_text(customer_id: str, fields: dict[str, Any]) -> str:
    """The order of a purchase as an audit record carries it: JSON text with PascalCase names."""
    line = {
        "LineItemNumber": 0,
        "OfferId": fields["offerId"],
        "SubscriptionId": fields["id"],
        "ParentSubscriptionId": fields.get("parentSubscriptionId"),
        "TermDuration": fields["termDuration"],
        "TransactionType": "New",
        "FriendlyName": fields["friendlyName"],
        "Quantity": fields["quantity"],
        "PartnerIdOnRecord": fields["partnerId"] or None,
    }
    order = {
        "Id": fields["orderId"],
        "ReferenceCustomerId": customer_id,
        "BillingCycle": fields["billingCycle"],
        "LineItems": [line],
        "CreationDate": fields["creationDate"],
    }
    return json.dumps(order, separators=(",", ":"))


def _status(lines: list[Subscription], at: float) -> str:
    if any(one.seed.provisioning == "failed" and at >= one.settled_at for one in lines):
        return "cancelled"
    return "pending" if any(at < one.settled_at for one in lines) else "completed"


def order_of(customer: Customer, bought: list[Subscription], at: float, seed: Seed) -> list[dict[str, Any]]:
    """One order for each order id: what was bought, as it was when it was bought."""
    orders: dict[str, list[Subscription]] = {}
    for one in bought:
        first = one.states[0].fields
        if first is not None:
            orders.setdefault(first["orderId"], []).append(one)
    return [_order(customer, order_id, lines, at, seed) for order_id, lines in orders.items()]


def _order(customer: Customer, order_id: str, lines: list[Subscription], at: float, seed: Seed) -> dict[str, Any]:
    firsts = [one.states[0].fields or {} for one in lines]
    return {
        "id": order_id,
        "alternateId": order_id,
        "referenceCustomerId": customer.id,
        "billingCycle": firsts[0]["billingCycle"],
        "currencyCode": seed.currency,
        "currencySymbol": SYMBOLS.get(seed.currency, seed.currency),
        "lineItems": [_line(number, fields, seed.country) for number, fields in enumerate(firsts)],
        "creationDate": firsts[0]["creationDate"],
        "status": _status(lines, at),
        "transactionType": "UserPurchase",
        "links": {"self": shapes.link(f"/customers/{customer.id}/orders/{order_id}")},
        "attributes": {"etag": shapes.etag(order_id, 1), "objectType": "Order"},
    }

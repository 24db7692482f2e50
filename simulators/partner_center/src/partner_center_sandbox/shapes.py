"""Documents as they go out: links, attributes, envelopes (section 2.2)."""

from __future__ import annotations

import base64
import json
from typing import Any

from partner_center_sandbox.books import Customer

ALSO_NULL = {
    "cancellationAllowedUntilDate",
    "scheduledNextTermInstructions",
}


def link(uri: str) -> dict[str, Any]:
    return {"uri": uri, "method": "GET", "headers": []}


def etag(resource_id: str, version: int) -> str:
    """base64 of the id and a number that grows with each change."""
    return base64.b64encode(
        json.dumps({"id": resource_id, "version": version}, separators=(",", ":")).encode()
    ).decode()


def collection(items: list[dict[str, Any]], links: dict[str, Any] | None = None, total: int | None = None) -> Any:
    body: dict[str, Any] = {"totalCount": len(items) if total is None else total, "items": items}
    if links:
        body["links"] = links
    return {**body, "attributes": {"objectType": "Collection"}}


def _company_profile(customer: Customer) -> dict[str, Any]:
    return {
        "tenantId": customer.id,
        "domain": customer.fields["domain"],
        "companyName": customer.fields["companyName"],
        "links": {"self": link(f"/customers/{customer.id}/profiles/company")},
        "attributes": {"objectType": "CustomerCompanyProfile"},
    }


def customer_row(customer: Customer) -> dict[str, Any]:
    """A row of the list: it carries no more than this (section 2.8)."""
    return {
        "id": customer.id,
        "companyProfile": _company_profile(customer),
        "relationshipToPartner": customer.fields["relationshipToPartner"],
        "links": {"self": link(f"/customers/{customer.id}")},
        "attributes": {"objectType": "Customer"},
    }


def customer_profile(customer: Customer, country: str, commerce_id: str) -> dict[str, Any]:
    """One customer by its id, whole."""
    fields = customer.fields
    billing = {"companyName": fields["companyName"], "defaultAddress": {"country": country}}
    return {
        **customer_row(customer),
        "commerceId": fields.get("commerceId") or commerce_id,
        "billingProfile": {**billing, **(fields.get("billingProfile") or {})},
        "allowDelegatedAccess": fields.get("allowDelegatedAccess", True),
        "customDomains": fields.get("customDomains") or [fields["domain"]],
        "associatedPartnerId": fields.get("associatedPartnerId"),
    }


def product_links(offer_id: str | None, country: str) -> dict[str, Any]:
    """Product, sku and availability of an offer that names the three; a legacy offer names one."""
    parts = str(offer_id).split(":")
    if len(parts) != 3:
        return {"offer": link(f"/offers/{offer_id}?country={country}")}
    product, sku, availability = parts
    return {
        "product": link(f"/products/{product}?country={country}"),
        "sku": link(f"/products/{product}/skus/{sku}?country={country}"),
        "availability": link(f"/products/{product}/skus/{sku}/availabilities/{availability}?country={country}"),
    }


def subscription(customer_id: str, fields: dict[str, Any], version: int, country: str) -> dict[str, Any]:
    """One subscription; of its empty fields it shows those that the vendor's examples show as null."""
    shown = {name: value for name, value in fields.items() if value is not None or name in ALSO_NULL}
    base = f"/customers/{customer_id}/subscriptions"
    links = product_links(fields.get("offerId"), country)
    if parent := fields.get("parentSubscriptionId"):
        links["parentSubscription"] = link(f"{base}/{parent}")
    return {
        **shown,
        "links": {**links, "self": link(f"{base}/{fields['id']}")},
        "attributes": {"etag": etag(fields["id"], version), "objectType": "Subscription"},
    }

"""From the few fields that a seed names to a whole subscription, as section 2.4 and the vendor's examples show it."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import Any

from partner_center_sandbox.moments import midnight, parse_instant, stamp, ticks
from partner_center_sandbox.terms import term_end

AZURE_PLAN = "DZH318Z0BPS6"
NAMES = uuid.UUID("6d1a8d0e-6a35-5b0a-9f4b-6a1d3f0c7f11")
WINDOW = timedelta(hours=168)
NEVER = "9999-12-10T00:00:00Z"


def made_up_guid(*of: str) -> str:
    """The same GUID for the same thing in every run."""
    return str(uuid.uuid5(NAMES, "/".join(of)))


def _product(given: dict[str, Any], usage: bool, once: bool) -> dict[str, Any]:
    kind = "Azure" if usage else "Software" if once else "OnlineServicesNCE"
    return {
        "productType": {"id": kind, "displayName": kind},
        "unitType": "Usage-based" if usage else "Licenses",
        "billingType": "usage" if usage else "license",
        "billingCycle": "monthly",
        "termDuration": "" if usage or once else "P1Y",
        "renewalTermDuration": "",
        "contractType": "subscription",
        "friendlyName": given.get("offerName", ""),
    }


def _dates(given: dict[str, Any], now: datetime, salt: str) -> dict[str, Any]:
    """Without a start it was bought now; without an end it ends with its term."""
    if start := given.get("effectiveStartDate"):
        created = ticks(parse_instant(start), salt)
    else:
        start, created = midnight(now.date()), ticks(now, salt)
    found: dict[str, Any] = {"creationDate": given.get("creationDate") or created, "effectiveStartDate": start}
    first = parse_instant(start).date()
    end = term_end(first, given["termDuration"])
    if given["billingType"] == "usage":
        found["commitmentEndDate"] = NEVER
    elif end is not None:
        found["commitmentEndDate"] = midnight(end)
    return found


def window(given: dict[str, Any]) -> dict[str, Any]:
    """Seven days from the purchase in which seats may be taken away (section 12.2); usage and trials have none."""
    if given["billingType"] != "license" or given.get("isTrial"):
        return {}
    created = parse_instant(given["creationDate"])
    until = created + WINDOW
    return {
        "cancellationAllowedUntilDate": ticks(until, given["creationDate"]),
        "refundOptions": [
            {"type": "Full", "expiresAt": ticks(created + timedelta(days=1), given["creationDate"])},
            {"type": "Partial", "expiresAt": ticks(until, given["creationDate"])},
        ],
        "refundableQuantity": refundable([{"quantity": given["quantity"], "allowedUntilDateTime": stamp(until)}]),
    }


def refundable(details: list[dict[str, Any]]) -> dict[str, Any]:
    return {"totalQuantity": sum(one["quantity"] for one in details), "details": details}


def whole(subscription_id: str, given: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Every field that a complete subscription shows; what ``given`` names stands."""
    usage = given.get("billingType") == "usage" or str(given["offerId"]).startswith(AZURE_PLAN)
    once = given.get("billingCycle") == "one_time"
    fields = {**_product(given, usage, once), **given}
    fields = {**_dates(fields, now, subscription_id), **fields}
    fields.setdefault("quantity", 1)
    plain = {
        "id": subscription_id,
        "entitlementId": made_up_guid("entitlement", subscription_id),
        "offerName": fields["offerId"],
        "hasPurchasableAddons": False,
        "status": "active",
        "autoRenewEnabled": not usage and not once,
        "isTrial": False,
        "isMicrosoftProduct": True,
        "publisherName": "Microsoft",
        "partnerId": "",
        "attentionNeeded": False,
        "actionTaken": False,
        "orderId": made_up_guid("order", subscription_id).replace("-", "")[:12],
    }
    return {**plain, **window(fields), **fields}


def seats(fields: dict[str, Any]) -> int:
    """The quantity as a number; one that was taken away, or is none, counts as nothing."""
    found = fields.get("quantity")
    return found if type(found) is int else 0


def day_of(text: object) -> date | None:
    """The day of an instant; None for one that was taken away, or is none."""
    try:
        return parse_instant(text).date() if isinstance(text, str) else None
    except ValueError:
        return None


def end_day(fields: dict[str, Any]) -> date | None:
    """The inclusive last day, None where the end date is missing or too far to be one."""
    end = fields.get("commitmentEndDate")
    return None if end == NEVER else day_of(end)

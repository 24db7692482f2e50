"""What becomes of a subscription at the end of its term and after it (sections 2.7, 2.13 and 12.3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from partner_center_sandbox.completing import WINDOW, day_of, end_day, refundable, seats
from partner_center_sandbox.moments import midnight, stamp, ticks
from partner_center_sandbox.terms import DAY, term_end

RENEWED_AFTER = 2 * DAY  # the day after the inclusive last day is the gap: the old state is still shown
GRACE = timedelta(days=30)
RETENTION = timedelta(days=90)
CYCLES = {"OneTime": "one_time"}


def due(fields: dict[str, Any], now: datetime) -> bool:
    """Whether the calendar has come to the next step of this subscription's life."""
    end = end_day(fields)
    if end is None:
        return False
    waits = {"active": RENEWED_AFTER, "suspended": RENEWED_AFTER, "expired": RENEWED_AFTER + GRACE}
    waits["disabled"] = waits["expired"] + RETENTION
    wait = waits.get(str(fields["status"]))
    return wait is not None and now.date() >= end + wait


def next_step(fields: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The changed fields of the next step."""
    follows = {"suspended": "expired", "expired": "disabled", "disabled": "deleted"}
    later = follows.get(str(fields["status"]))
    return after_term(fields, now) if later is None else {"status": later}


def after_term(fields: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The end of a term: what was scheduled for it, else renewal, else expiry."""
    action = next((one for one in fields.get("scheduledActions") or () if one.get("scheduleType") == "TermEnd"), None)
    kind = action["actionType"] if action else "RenewToNewTerm" if fields["autoRenewEnabled"] else "Cancel"
    if kind == "Cancel":
        return {"status": "expired", "autoRenewEnabled": False, "scheduledActions": None}
    planned = (action or {}).get("instructions") or fields.get("scheduledNextTermInstructions") or {}
    return {**_new_term(fields, planned, now), "scheduledActions": None, "scheduledNextTermInstructions": None}


def _new_term(fields: dict[str, Any], planned: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A term that begins on the day after the last one, by the instructions where there are any."""
    product = planned.get("product") or {}
    found: dict[str, Any] = {
        "quantity": planned.get("quantity") or seats(fields),
        "termDuration": product.get("termDuration") or fields["renewalTermDuration"] or fields["termDuration"],
        "billingCycle": _cycle(product.get("billingCycle")) or fields["billingCycle"],
        "promotionId": product.get("promotionId") or "",
        "isTrial": False,
    }
    if "productId" in product:
        found["offerId"] = ":".join(str(product[name]) for name in ("productId", "skuId", "availabilityId"))
    start = (end_day(fields) or now.date()) + DAY
    aligned = day_of(planned.get("customTermEndDate"))
    last = max(aligned, start) if aligned else term_end(start, str(found["termDuration"]))
    found["effectiveStartDate"] = midnight(start)
    found["commitmentEndDate"] = None if last is None else midnight(last)
    until = now + WINDOW
    window = [{"quantity": found["quantity"], "allowedUntilDateTime": stamp(until)}]
    return {
        **found,
        "cancellationAllowedUntilDate": ticks(until, fields["id"]),
        "refundableQuantity": refundable(window),
    }


def _cycle(text: str | None) -> str | None:
    """Instructions write PascalCase, subscriptions lower snake case."""
    return None if text is None else CYCLES.get(text, text.lower())

"""Records of what the partner's people and applications did (section 2.5); Microsoft's own acts leave none."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from partner_center_sandbox.books import Customer
from partner_center_sandbox.errors import bad_request
from partner_center_sandbox.filters import parse_filter
from partner_center_sandbox.moments import dot_net_ticks, ticks

KEPT_DAYS = 90
SPAN_DAYS = 30
SHOWN = [
    "id",
    "offerId",
    "offerName",
    "quantity",
    "status",
    "billingCycle",
    "termDuration",
    "autoRenewEnabled",
    "commitmentEndDate",
    "isTrial",
]


def pascal(fields: dict[str, Any]) -> str:
    """JSON text with PascalCase names, as old and new values are written."""
    shown = {name[:1].upper() + name[1:]: fields[name] for name in SHOWN if fields.get(name) not in (None, False)}
    return json.dumps(shown, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Deed:
    """One act: what kind, on what, and what it says beside."""

    operation: str
    resource: str
    old: str | None = None
    new: str | None = None
    status: str = "succeeded"
    data: tuple[tuple[str, str | None], ...] = ()
    user: str = "ops@msp.example"


@dataclass(frozen=True, slots=True)
class Record:
    """``since``: the monotonic instant from which it is shown."""

    since: float
    when: datetime
    body: dict[str, Any]


@dataclass
class Audit:
    """All records of a partner, oldest first."""

    partner: str
    records: list[Record] = field(default_factory=list)

    def write(self, customer: Customer, deed: Deed, when: datetime, since: float) -> dict[str, Any]:
        moment = when + timedelta(microseconds=len(self.records) + 1)  # two acts of a standing clock differ in order
        body = {
            "id": f"{self.partner}_{customer.id}_{deed.operation.replace('_', '')}_{dot_net_ticks(moment)}",
            "partnerId": self.partner,
            "customerId": customer.id,
            "customerName": customer.fields["companyName"],
            "userPrincipalName": deed.user,
            "applicationId": "Partner Center Web",
            "resourceType": deed.resource,
            "resourceOldValue": deed.old,
            "resourceNewValue": deed.new,
            "operationType": deed.operation,
            "originalCorrelationId": str(uuid.uuid4()),
            "operationDate": ticks(moment, deed.operation),
            "operationStatus": deed.status,
            "customizedData": [{"key": key, "value": value} for key, value in deed.data],
            "attributes": {"objectType": "AuditRecord"},
        }
        kept = {name: value for name, value in body.items() if value is not None}
        self.records.append(Record(since, moment, kept))
        return kept

    def between(self, query: dict[str, str], today: date) -> list[dict[str, Any]]:
        """Newest first, by days of ``operationDate``, both included; raises a RefusalError 400."""
        last = _day(query.get("enddate"), today)
        first = _day(query.get("startdate"), last - timedelta(days=SPAN_DAYS))
        first = max(first, today - timedelta(days=KEPT_DAYS))
        wanted = record_filter(query.get("filter"))
        now = time.monotonic()
        found = [one for one in self.records if one.since <= now and first <= one.when.date() <= last]
        return [one.body for one in sorted(found, key=lambda one: one.when, reverse=True) if wanted(one.body)]


def _day(text: str | None, otherwise: date) -> date:
    if text is None:
        return otherwise
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise bad_request("Dates are written yyyy-mm-dd.") from None


def record_filter(text: str | None) -> Callable[[dict[str, Any]], bool]:
    """By CompanyName (a part of it), CustomerId or ResourceType (equal)."""
    if text is None:
        return lambda _body: True
    wanted = parse_filter(text)
    value = wanted["value"].lower()
    match wanted["field"].lower():
        case "companyname":
            return lambda body: value in str(body["customerName"]).lower()
        case "customerid":
            return lambda body: value == str(body["customerId"]).lower()
        case "resourcetype":
            return lambda body: value == str(body["resourceType"]).lower()
    raise bad_request("Audit records are filtered by CompanyName, CustomerId or ResourceType.")

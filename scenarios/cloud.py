"""The distributor with an API: a Partner Center sandbox's seed, its price list, and what happens there."""

import csv
import io
from datetime import date, timedelta
from typing import Any

from scenarios.draw import CLOUD_OFFERS, CLOUD_PRICE_CHANGE
from scenarios.msp import Month, Subscription

TENANT, CLIENT, CLIENT_SECRET = "partner.example", "seatledger-demo", "a-client-secret-of-the-demo"
PRICE_COLUMNS = ("offer", "term", "cycle", "customer_price", "cost", "currency", "valid_from")
ANNOUNCED_LATE = "2027-03-12T00:00:00Z"
"""The end date that comes days after its subscription."""


def customer_id(number: int) -> str:
    """The customer's tenant id."""
    return f"00000000-c10d-4000-8000-{number:012d}"


def path(subscription: Subscription) -> str:
    """Where the sandbox's control API has it."""
    return f"/_sandbox/customers/{customer_id(subscription.customer)}/subscriptions/{subscription.id}"


def seed(month: Month) -> dict[str, Any]:
    """All that stands at Partner Center on the first day; pages are short, so that there are several."""
    theirs = [s for s in month.subscriptions.values() if s.account == "cloud"]
    return {
        "tenant": TENANT,
        "client_id": CLIENT,
        "client_secret": CLIENT_SECRET,
        "page_size": 4,
        "customers": [
            {
                "id": customer_id(s.customer),
                "companyName": month.customers[s.customer].name,
                "domain": f"customer{s.customer}.example",
                "subscriptions": [record(s)] if s.complete else [],
            }
            for s in theirs
        ],
    }


def record(subscription: Subscription) -> dict[str, Any]:
    """The subscription in Partner Center's own fields."""
    return {
        "id": subscription.id,
        "offerId": f"{subscription.offer}:CFQ7TTC0K5QB",
        "offerName": subscription.offer_name,
        "quantity": subscription.seats,
        "billingCycle": subscription.cycle,
        "termDuration": "P1Y",
        "effectiveStartDate": "2026-01-05T00:00:00Z",
        "commitmentEndDate": "2027-01-04T00:00:00Z",
        "isTrial": subscription.trial,
    }


def renewed(day: date) -> dict[str, Any]:
    """A term of a year that begins on that day; its end date is the last day."""
    last = day.replace(year=day.year + 1) - timedelta(days=1)
    return {"effectiveStartDate": f"{day}T00:00:00Z", "commitmentEndDate": f"{last}T00:00:00Z"}


def prices(changed_on: date | None) -> str:
    """The operator's price list; from ``changed_on`` the first offer costs more."""
    rows = [(offer, price, "2026-01-01") for offer, _, price in CLOUD_OFFERS]
    if changed_on is not None:
        rows.append((CLOUD_OFFERS[0][0], CLOUD_PRICE_CHANGE, changed_on.isoformat()))
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(PRICE_COLUMNS)
    for offer, price, since in rows:
        table.writerow([offer, "P1Y", "monthly", f"{price:.2f}", f"{price * 0.8:.2f}", "EUR", since])
    return out.getvalue()

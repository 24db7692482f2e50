"""Usage records: what an Azure plan has cost this month so far (reference section 2.10). Pure."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from seatledger.collector.adapters.partner_center import values
from seatledger.collector.adapters.partner_center.translation import id_of, plan_of
from seatledger.collector.domain.reading import MOST_TEXT, Problem, Usage
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.money import Money
from seatledger.schemas.subscriptions import Customer


def usage_of(item: Any, customer: Customer, payload: str, read_at: datetime) -> Usage | Problem | None:
    """One record; a problem where it tells no amount, or an offer that cannot be told, None where it tells no plan."""
    plan = id_of(item)
    if plan is None:
        return None
    total, as_of = _total(item), _as_of(item.get("lastModifiedDate"))
    offer = str(item.get("offerId") or "")
    if total is None:
        return _unreadable(plan, "totalCost", "no amount with a currency")
    if len(offer) > MOST_TEXT:
        return _unreadable(plan, "offerId", f"an offer of more than {MOST_TEXT:,} characters")
    return Usage(
        customer=customer,
        subscription=plan,
        offer=plan_of(offer),
        offer_name=str(item.get("resourceName") or item.get("name") or offer)[:MOST_TEXT],
        raw_status=str(item.get("status") or "")[:MOST_TEXT],
        period=(as_of or read_at).date().replace(day=1),
        total=total,
        as_of=as_of,
        payload=payload,
    )


def _total(item: dict[str, Any]) -> Money | None:
    cost, currency = item.get("totalCost"), item.get("currencyCode")
    if isinstance(cost, bool) or not isinstance(cost, int | Decimal) or not isinstance(currency, str):
        return None
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        return None
    return Money(amount=Decimal(cost), currency=currency.upper())


def _as_of(text: Any) -> datetime | None:
    try:
        return values.instant(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _unreadable(subscription: str, column: str, what: str) -> Problem:
    return Problem(
        FindingCode.SOURCE_VALUE_UNKNOWN,
        f"its usage record has {what}; its cost is not told",
        "Look at the plan's usage in Partner Center; it is read again by itself.",
        subscription=subscription,
        column=column,
        stops=False,
    )

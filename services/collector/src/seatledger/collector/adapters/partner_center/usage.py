"""Usage records: what an Azure plan has cost this month so far (reference section 2.10). Pure."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from seatledger.collector.adapters.partner_center import values
from seatledger.collector.adapters.partner_center.translation import plan_of
from seatledger.collector.domain.reading import Problem, Usage
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.money import Money
from seatledger.schemas.subscriptions import Customer


def usage_of(item: Any, customer: Customer, payload: str, read_at: datetime) -> Usage | Problem | None:
    """One record; a problem where it tells no amount, None where it tells no plan."""
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return None
    total, as_of = _total(item), _as_of(item.get("lastModifiedDate"))
    if total is None:
        return _unreadable(item["id"])
    offer = str(item.get("offerId") or "")
    return Usage(
        customer=customer,
        subscription=item["id"],
        offer=plan_of(offer),
        offer_name=str(item.get("resourceName") or item.get("name") or offer),
        raw_status=str(item.get("status") or ""),
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


def _unreadable(subscription: str) -> Problem:
    return Problem(
        FindingCode.SOURCE_VALUE_UNKNOWN,
        "its usage record has no amount with a currency; its cost is not told",
        "Look at the plan's usage in Partner Center; it is read again by itself.",
        subscription=subscription,
        column="totalCost",
        stops=False,
    )

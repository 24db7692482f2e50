"""Audit records: a cheap list of what users and applications of the partner did (reference section 2.5).

Changes by Microsoft itself (renewal, expiry) need not be in it: it only says where to look sooner.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from seatledger.collector.adapters.partner_center import values
from seatledger.collector.adapters.partner_center.api import Api
from seatledger.collector.adapters.partner_center.client import RefusedError
from seatledger.collector.adapters.partner_center.parts import GRANT
from seatledger.collector.ports import Signal, SourceUnreachableError
from seatledger.runtime.clock import BusinessClock
from seatledger.schemas.findings import FindingCode

FURTHEST: Final = timedelta(days=30)
"""Older records are not asked for: a sweep has been there since."""
OF_INTEREST: Final = frozenset({"subscription", "order", "license", "transfer", "new_commerce_migration", "customer"})
NOTHING_DONE: Final = frozenset({"failed", "decline"})

_SUBSCRIPTION = re.compile(r"SubscriptionId(-\d+)?")


@dataclass(frozen=True)
class AuditFeed:
    """The account's audit records as signals."""

    api: Api
    calendar: BusinessClock

    async def signals(self, since: datetime) -> Sequence[Signal]:
        """One day a query, as the vendor advises."""
        now = self.calendar.now()
        day = max(since, now - FURTHEST).date()
        found: dict[Signal, None] = {}
        try:
            while day <= now.date():
                async for page in self.api.audit_records(day):
                    found.update((signal, None) for item in page for signal in signals_of(item) if signal.at >= since)
                day += timedelta(days=1)
        except RefusedError as error:
            raise SourceUnreachableError(
                f"audit records are refused: {error}", GRANT, FindingCode.PERMISSION
            ) from error
        return list(found)


def signals_of(item: Any) -> Iterator[Signal]:
    """Whom a record is about: the subscriptions that it names, else the whole customer. Pure."""
    if not isinstance(item, dict) or not isinstance(item.get("customerId"), str) or not item["customerId"]:
        return
    kind, outcome = str(item.get("resourceType", "")).casefold(), str(item.get("operationStatus", "")).casefold()
    if kind not in OF_INTEREST or outcome in NOTHING_DONE:
        return
    try:
        at = values.instant(str(item.get("operationDate")))
    except ValueError:
        return
    named = dict.fromkeys(_subscriptions(item, kind))
    for subscription in named or [None]:
        yield Signal(item["customerId"], subscription, at)


def _subscriptions(item: dict[str, Any], kind: str) -> Iterator[str]:
    custom = item.get("customizedData")
    for pair in custom if isinstance(custom, list) else []:
        if isinstance(pair, dict) and _SUBSCRIPTION.fullmatch(str(pair.get("key"))) and pair.get("value"):
            yield str(pair["value"])
    state = _json(item.get("resourceNewValue"))
    if kind == "subscription" and isinstance(state.get("Id"), str):
        yield state["Id"]
    lines = state.get("LineItems")
    for line in lines if isinstance(lines, list) else []:
        if isinstance(line, dict) and isinstance(line.get("SubscriptionId"), str):
            yield line["SubscriptionId"]


def _json(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

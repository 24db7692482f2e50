"""The calls that are made of Partner Center (reference section 2.3), each by name."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import quote, urlencode

from seatledger.collector.adapters.partner_center.client import ASKED_AGAIN, Body, Client
from seatledger.collector.adapters.partner_center.pace import Lane
from seatledger.collector.ports import SourceUnreachableError

PAGE: Final = 100
"""Customers a page; the largest that is taken is not documented for sure."""
AUDIT_PAGE: Final = 50


@dataclass(frozen=True)
class Api:
    """``totalCount`` is never looked at: it may be that of the page."""

    client: Client

    def customers(self) -> AsyncIterator[list[Any]]:
        """The tenants, page by page."""
        return self._pages(f"/customers?size={PAGE}", Lane.SWEEP)

    def audit_records(self, day: date) -> AsyncIterator[list[Any]]:
        """What users and applications of the partner did on one day (UTC), page by page."""
        span = {"startDate": day.isoformat(), "endDate": day.isoformat(), "size": AUDIT_PAGE}
        return self._pages(f"/auditrecords?{urlencode(span)}", Lane.REREAD)

    async def subscriptions(self, customer: str, lane: Lane) -> list[Any]:
        """All of a customer, deleted ones too; the list has no pages."""
        return _items(await self.client.get(f"{_of(customer)}/subscriptions", lane))

    async def subscription(self, customer: str, subscription: str, lane: Lane) -> Body:
        return await self.client.get(f"{_of(customer)}/subscriptions/{quote(subscription, safe='')}", lane)

    async def customer(self, customer: str, lane: Lane) -> Body:
        return await self.client.get(_of(customer), lane)

    async def provisioning(self, customer: str, subscription: str, lane: Lane) -> Body:
        """For App+User alone; App-only answers 403."""
        uri = f"{_of(customer)}/subscriptions/{quote(subscription, safe='')}/provisioningstatus"
        return await self.client.get(uri, lane)

    async def usage(self, customer: str, lane: Lane) -> list[Any]:
        """Month-to-date totals of the customer's usage subscriptions."""
        return _items(await self.client.get(f"{_of(customer)}/subscriptions/usagerecords", lane))

    async def _pages(self, uri: str, lane: Lane) -> AsyncIterator[list[Any]]:
        """Follows ``links.next`` as it is, with the headers that it says. No link ends the walk; one that was followed
        before would never end it."""
        link: tuple[str, tuple[tuple[str, str], ...]] | None = (uri, ())
        followed = set()
        while link is not None:
            if link in followed:
                raise SourceUnreachableError("a list leads back to a page that was read already", ASKED_AGAIN)
            followed.add(link)
            body = await self.client.get(link[0], lane, dict(link[1]))
            yield _items(body)
            link = _next(body)


def _of(customer: str) -> str:
    return f"/customers/{quote(customer, safe='')}"


def _items(body: Body) -> list[Any]:
    items = body.get("items")
    if not isinstance(items, list):
        raise SourceUnreachableError("an answer has no list of items", ASKED_AGAIN)
    return items


def _next(body: Body) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    links = body.get("links")
    link = links.get("next") if isinstance(links, dict) else None
    if link is None:
        return None
    if not isinstance(link, dict) or not isinstance(link.get("uri"), str):
        raise SourceUnreachableError("a link to the next page cannot be read", ASKED_AGAIN)
    headers = link.get("headers")
    pairs = [pair for pair in headers if isinstance(pair, dict)] if isinstance(headers, list) else []
    return link["uri"], tuple((str(pair.get("key")), str(pair.get("value"))) for pair in pairs)

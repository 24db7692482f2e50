"""Customers and subscriptions with their past: a read may be shown an earlier state than the true one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from partner_center_sandbox.completing import day_of, end_day, whole
from partner_center_sandbox.moments import midnight, parse_instant
from partner_center_sandbox.seed import SeedCustomer, SeedSubscription, SeedUsage
from partner_center_sandbox.terms import period_end

LATE_FIELDS = (
    "commitmentEndDate",
    "commitmentEndDateTime",
    "cancellationAllowedUntilDate",
    "billingCycleEndDate",
    "billingCycleEndDateTime",
    "refundOptions",
    "refundableQuantity",
)


@dataclass(frozen=True, slots=True)
class State:
    """What a subscription is from ``since`` (monotonic seconds) on; no fields: it is in no list any more."""

    since: float
    fields: dict[str, Any] | None
    version: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A subscription as a read sees it."""

    fields: dict[str, Any]
    version: int


@dataclass
class Subscription:
    """One subscription. ``complete_at`` and ``settled_at``: when the end date arrives, when provisioning is over."""

    id: str
    customer_id: str
    seed: SeedSubscription
    states: list[State]
    born_at: float
    usage: SeedUsage
    transitions: list[dict[str, Any]] = field(default_factory=list)
    told_at: float = math.inf
    """When a change named the end date itself."""

    @property
    def complete_at(self) -> float:
        return min(self.born_at + self.seed.end_date_delay_s, self.told_at)

    @property
    def settled_at(self) -> float:
        return self.born_at + self.seed.pending_s

    @property
    def truth(self) -> dict[str, Any] | None:
        """The fields after all changes, also those that reads do not show yet."""
        return self.states[-1].fields

    def arrivals(self) -> list[float]:
        """When something changes without anybody's act."""
        waits = (self.seed.end_date_delay_s, self.complete_at), (self.seed.pending_s, self.settled_at)
        return [at for seconds, at in waits if seconds]

    def change(self, fields: dict[str, Any] | None, since: float) -> State:
        """A new version with ``fields`` in place of the old ones; None takes it out of every list."""
        self.states.append(State(since, fields, self.states[-1].version + 1))
        return self.states[-1]

    def tell_end(self, since: float) -> None:
        """Nobody waits any longer for an end date that was told."""
        self.told_at = min(self.told_at, since)

    def is_changing(self, at: float) -> bool:
        """Whether an accepted change is not to be seen yet."""
        return self.states[-1].since > at

    def shown(self, at: float) -> Shown | None:
        """As a read at that monotonic instant sees it; None: not there (any more)."""
        state = next((state for state in reversed(self.states) if state.since <= at), None)
        if state is None or state.fields is None:
            return None
        if self.seed.provisioning == "failed" and at >= self.settled_at:
            return None
        fields = dict(state.fields)
        if at < self.settled_at and fields["status"] == "active":
            fields["status"] = "pending"
        if at < max(self.complete_at, self.settled_at) or fields["status"] == "pending":
            fields = {name: value for name, value in fields.items() if name not in LATE_FIELDS}
        return Shown(fields, state.version + sum(at >= arrival for arrival in self.arrivals()))


@dataclass
class Customer:
    id: str
    fields: dict[str, Any]
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    listed: bool = True

    @property
    def is_ours(self) -> bool:
        """Whether the partner may see what the customer has bought."""
        return self.fields["relationshipToPartner"] not in {"none", "advisor"}

    def find(self, subscription_id: str) -> Subscription | None:
        return self.subscriptions.get(subscription_id.lower())


class Books:
    """All customers in the order in which they came."""

    def __init__(self) -> None:
        self._customers: dict[str, Customer] = {}

    def customers(self) -> Iterator[Customer]:
        yield from self._customers.values()

    def customer(self, customer_id: str) -> Customer | None:
        return self._customers.get(customer_id.lower())

    def subscriptions(self) -> Iterator[Subscription]:
        for customer in self._customers.values():
            yield from customer.subscriptions.values()

    def add_customer(self, seed: SeedCustomer) -> Customer:
        """Without its subscriptions."""
        given = {**seed.given(), "id": seed.id}
        given.pop("subscriptions", None)
        listed = given.pop("listed", True)
        given.setdefault("domain", f"{''.join(c for c in seed.id if c.isalnum())[:24].lower()}.onmicrosoft.com")
        given.setdefault("relationshipToPartner", "reseller")
        self._customers[seed.id.lower()] = customer = Customer(seed.id, given, listed=listed is not False)
        return customer

    def remove(self, customer: Customer) -> None:
        """Neither listed nor found any more."""
        del self._customers[customer.id.lower()]

    def add_subscription(
        self, customer: Customer, seed: SeedSubscription, now: datetime, born_at: float, since: float = -math.inf
    ) -> Subscription:
        """``since``: the monotonic instant from which reads see it."""
        own = {"id", "end_date_delay_s", "pending_s", "provisioning", "azure_entitlements", "usage"}
        given = {name: value for name, value in seed.given().items() if name not in own}
        state = State(since, whole(seed.id, given, now), 1)
        added = Subscription(seed.id, customer.id, seed, [state], born_at, seed.usage)
        customer.subscriptions[seed.id.lower()] = added
        return added

    def changes_since(self, horizon: float, now: float) -> list[float]:
        """When reads began to see something new, oldest first."""
        times = [state.since for one in self.subscriptions() for state in one.states]
        times += [at for one in self.subscriptions() for at in one.arrivals()]
        return sorted(at for at in times if horizon < at <= now)


def by_calendar(fields: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What depends on the day: the end of the running billing period, and windows that have closed."""
    shown = {**_period(fields, now), **fields}
    if until := fields.get("cancellationAllowedUntilDate"):
        shown["cancellationAllowedUntilDate"] = until if parse_instant(until) > now else None
    if fields.get("refundOptions"):
        shown["refundOptions"] = _options(fields["refundOptions"], now)
    if fields.get("refundableQuantity"):
        shown["refundableQuantity"] = _quantity(fields["refundableQuantity"], now)
    return {name: value for name, value in shown.items() if value not in ([], {})}


def _period(fields: dict[str, Any], now: datetime) -> dict[str, Any]:
    start, end = day_of(fields.get("effectiveStartDate")), end_day(fields)
    last = period_end(start, end, str(fields.get("billingCycle")), now.date()) if start and end else None
    return {} if last is None else {"billingCycleEndDate": midnight(last)}


def _options(options: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """One table of the vendor's calls the second field expiresAfter."""
    return [one for one in options if parse_instant(one.get("expiresAt") or one["expiresAfter"]) > now]


def _quantity(quantity: dict[str, Any], now: datetime) -> dict[str, Any]:
    details = [one for one in quantity.get("details", ()) if parse_instant(one["allowedUntilDateTime"]) > now]
    return {"totalQuantity": sum(one["quantity"] for one in details), "details": details} if details else {}

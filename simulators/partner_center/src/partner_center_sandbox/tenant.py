"""Everything that a reset brings back to the seed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime

import trustme

from partner_center_sandbox.audit import Audit
from partner_center_sandbox.books import Books, Customer, Shown, Subscription
from partner_center_sandbox.errors import RefusalError, not_found
from partner_center_sandbox.faults import Faults
from partner_center_sandbox.meter import Counters, Pace
from partner_center_sandbox.moments import Calendar
from partner_center_sandbox.paging import Pages
from partner_center_sandbox.seed import Seed
from partner_center_sandbox.signing import Signers
from partner_center_sandbox.tokens import Tokens
from partner_center_sandbox.webhooks import Delivery, Kind, Style, Webhooks


@dataclass(frozen=True, slots=True)
class Validation:
    """A test event: its delivery, to which address and when it was asked for."""

    delivery: Delivery
    url: str
    at: datetime


class Tenant:
    """One partner with his customers, his limits and his faults."""

    def __init__(self, seed: Seed, calendar: Calendar, authority: trustme.CA) -> None:
        self.seed = seed
        self.calendar = calendar
        self.counters = Counters()
        self.faults = Faults()
        self.webhooks = Webhooks(Signers(authority))
        self.reset()

    def reset(self) -> None:
        """Back to the seed: all that was done, ordered, given out, registered, or put to the clock is forgotten."""
        self.calendar.put(None)
        self.switches = self.seed.switches
        self.counters.clear()
        self.faults.clear()
        self.tokens = Tokens(self.seed)
        self.pages = Pages(self.seed.page_size)
        limits = self.seed.limits
        self.pace = Pace(limits.per_minute, limits.window_s, self.counters)
        self.validation_pace = Pace(limits.validation_events, limits.window_s, self.counters)
        self.webhooks.forget()
        self.webhooks = Webhooks(self.webhooks.signers)
        self.validations: dict[str, Validation] = {}
        self.audit = Audit(self.seed.tenant)
        self.books = Books()
        self.lived_until: date | None = None
        started = time.monotonic()
        for row in self.seed.customers:
            customer = self.books.add_customer(row)
            for one in row.subscriptions:
                self.books.add_subscription(customer, one, self.calendar.now(), started)

    def now(self) -> datetime:
        return self.calendar.now()

    def read_at(self) -> float:
        """The monotonic instant whose state a read shows."""
        return self.faults.read_at(self.books.changes_since)

    def customer(self, customer_id: str) -> Customer:
        """Raises a RefusalError 404."""
        found = self.books.customer(customer_id)
        if found is None:
            raise not_found(f"Customer {customer_id}")
        return found

    def our_customer(self, customer_id: str) -> Customer:
        """A customer whose purchases the partner may see; without a relation 403 or 404 (section 2.8)."""
        customer = self.customer(customer_id)
        if customer.is_ours:
            return customer
        if self.switches.lost_relation == "404":
            raise not_found(f"Customer {customer_id}")
        raise RefusalError(403, "The partner has no reseller relationship with the customer.")

    def subscription(self, customer: Customer, subscription_id: str, at: float) -> tuple[Subscription, Shown]:
        """A subscription and what a read at that instant sees of it; raises a RefusalError 404."""
        found = customer.find(subscription_id)
        shown = found.shown(at) if found else None
        if found is None or shown is None:
            raise not_found(f"Subscription {subscription_id}")
        return found, shown

    def resource(self, customer_id: str, subscription_id: str) -> str:
        """The path of a subscription as webhooks name it; both forms are seen."""
        front = "/webhooks/v1" if self.switches.resource_uri == "webhooks" else "/v1"
        return f"{front}/customers/{customer_id}/subscriptions/{subscription_id}"

    def send(self, event: str, resource: str, kind: Kind = "genuine", delay: float = 0) -> Delivery:
        """A webhook to the registered receiver, ``delay`` real seconds from now."""
        style = Style(self.switches.signature_header, self.switches.signature_algorithm)
        return self.webhooks.send(event, resource, self.now(), style, kind, delay)

    def announce(self, event: str, customer_id: str, subscription_id: str) -> None:
        """The webhook that follows from a change, for a receiver that wants it."""
        if self.switches.webhooks == "on_change" and self.webhooks.wants(event):
            self.send(event, self.resource(customer_id, subscription_id), delay=self.switches.webhook_delay_s)

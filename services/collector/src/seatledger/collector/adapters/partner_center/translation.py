"""A Partner Center subscription as a row of ours (reference sections 2.4, 2.7, 2.10, 2.13 and 14). Pure.

What is never read: the nickname, the availability inside the offer id (it varies with market and price version), and
whatever only raises the ETag. Dates are UTC dates.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from seatledger.collector.adapters.partner_center import values, vocabulary
from seatledger.collector.adapters.partner_center.fields import Fields
from seatledger.collector.domain import words
from seatledger.collector.domain.reading import MOST_TEXT, Announced, Problem, Row
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import OfferKey
from seatledger.schemas.subscriptions import BillingCycle, Customer, Status

DAY: Final = timedelta(days=1)
BOUNDED: Final = ("offerId", "termDuration", "status", "parentSubscriptionId")
"""Texts that mean something: cut they would mean something else. Names are cut."""


@dataclass(frozen=True)
class Translated:
    """``row`` is None where the subscription does not count, or is no seat (an Azure plan: ``usage``)."""

    row: Row | None = None
    problems: tuple[Problem, ...] = ()
    usage: bool = False


def id_of(item: Any) -> str | None:
    """The id of a customer or subscription, if it can be read and told."""
    found = item.get("id") if isinstance(item, dict) else None
    return found if isinstance(found, str) and found.strip() and len(found) <= MOST_TEXT else None


def unreadable(customer: Customer) -> Problem:
    """An entry of a list that tells no subscription: so that list proves no absence."""
    return Problem(
        FindingCode.SOURCE_ROW_BAD,
        f"customer {customer.id}: an entry of the list of subscriptions has no id that can be told; the list proves no "
        "absence",
        "Look at the customer's subscriptions in Partner Center; they are read again by themselves.",
        column="id",
        detail=customer.id,
    )


def customer_of(item: Any) -> Customer | None:
    """A customer of the list; None without an id. Only the tenant's GUID is a key."""
    tenant = id_of(item)
    if tenant is None:
        return None
    profile = item.get("companyProfile")
    profile = profile if isinstance(profile, dict) else {}
    named = str(profile.get("tenantId") or tenant)
    return Customer(
        id=tenant,
        name=str(profile.get("companyName") or tenant)[:MOST_TEXT],
        tenant_id=named if len(named) <= MOST_TEXT else tenant,
        domain=str(profile["domain"])[:MOST_TEXT] if profile.get("domain") else None,
    )


def translate(item: dict[str, Any], customer: Customer, read_at: datetime, provisioning: str = "") -> Translated:
    """The subscription at the instant of our read. ``provisioning``: what its provisioning says of itself, if it was
    asked."""
    fields = Fields(item, id_of(item) or "")
    if is_usage(item):
        return Translated(usage=True)
    for name in BOUNDED:
        if len(fields.text(name)) > MOST_TEXT:
            fields.bad(name, f"is longer than {MOST_TEXT:,} characters")
    if not fields.text("offerId"):
        fields.bad("offerId", "is no offer")
    quantity = _quantity(fields)
    if any(problem.stops for problem in fields.problems):
        return Translated(problems=tuple(fields.problems))
    if vocabulary.plain(provisioning) == "failed":
        fields.unprovisioned()
    row = _row(fields, customer, quantity, read_at.date())
    return Translated(row, tuple(fields.problems))


def is_usage(item: dict[str, Any]) -> bool:
    """An Azure plan: billed by what is used, its quantity is 1 and means nothing."""
    kinds = (str(item.get("billingType", "")), str(item.get("unitType", "")))
    return vocabulary.plain(kinds[0]) == "usage" or kinds[1].casefold() == "usage-based"


def _quantity(fields: Fields) -> int:
    try:
        return values.units(fields.item.get("quantity"))
    except ValueError as error:
        fields.bad("quantity", str(error).removeprefix("it "))
        return 0


def _row(fields: Fields, customer: Customer, quantity: int, today: date) -> Row:
    status = _status(fields)
    cycle = _cycle(fields)
    term_end = _term_end(fields)
    if _needs_end(status, cycle) and term_end is None:
        fields.missing.append("term_end")
    term_start = _term_start(fields)
    return Row(
        line=0,
        customer=customer,
        subscription=fields.subscription,
        offer=OfferKey(offer=plan_of(fields.text("offerId")), term=_term(fields), billing_cycle=cycle.value),
        offer_name=fields.text("offerName")[:MOST_TEXT] or fields.text("offerId"),
        status=status,
        raw_status=fields.text("status"),
        quantity=quantity,
        billing_cycle=cycle,
        missing=tuple(dict.fromkeys(fields.missing)),
        vendor_subscription_id=fields.subscription,
        parent_subscription_id=fields.text("parentSubscriptionId") or None,
        term_start=term_start,
        term_end=term_end,
        effective_on=_ended_on(status, term_start, term_end, today),
        version=values.version(fields.etag()),
        announced=_announced(fields, status, term_end),
    )


def plan_of(offer: str) -> str:
    """Product and sku identify a plan; a legacy offer is its GUID or number as it stands."""
    return ":".join(offer.split(":")[:2])


def _is_legacy(fields: Fields) -> bool:
    """Bought before the new commerce experience: another form of offer id, and an end date that is exclusive."""
    return ":" not in fields.text("offerId")


def _status(fields: Fields) -> Status:
    found = vocabulary.STATUS.get(vocabulary.plain(fields.text("status")))
    if found is None:
        fields.strange("status", "is no status that is known", holds="status")
        return Status.OTHER
    return words.on_trial(found) if fields.flag("isTrial") else found


def _cycle(fields: Fields) -> BillingCycle:
    """Goods bought once (perpetual software, keys) are one-time whatever their cycle says."""
    for name, known in (("billingType", vocabulary.BILLING_TYPES), ("contractType", vocabulary.CONTRACT_TYPES)):
        if fields.text(name) and vocabulary.plain(fields.text(name)) not in known:
            fields.strange(name, "is not known", holds="billing_cycle")
    if vocabulary.plain(fields.text("contractType")) in vocabulary.ONE_TIME_CONTRACTS:
        return BillingCycle.ONE_TIME
    found = vocabulary.CYCLE.get(vocabulary.plain(fields.text("billingCycle")))
    if found is None:
        fields.strange("billingCycle", "is no billing cycle that is known", holds="billing_cycle")
        return BillingCycle.OTHER
    return found


def _term(fields: Fields) -> str:
    return fields.text("termDuration").upper()


def _term_start(fields: Fields) -> date | None:
    start = fields.instant("effectiveStartDate")
    return start.date() if start else None


def _term_end(fields: Fields) -> date | None:
    """The last day of the term, inclusive."""
    end = fields.instant("commitmentEndDate")
    if end is None:
        return None
    return end.date() - DAY if _is_legacy(fields) else end.date()


def _needs_end(status: Status, cycle: BillingCycle) -> bool:
    """What recurs has an end once it is provisioned; until there the subscription is held (reference section 2.13)."""
    return not status.ended and cycle in vocabulary.RECURRING


def _ended_on(status: Status, term_start: date | None, term_end: date | None, today: date) -> date | None:
    """The day after the term, where the subscription ran to its end. One cancelled before has no date of its own: it
    ends with our read; so does one whose end lies before its start, or units would be taken away of days long past."""
    if not status.ended or term_end is None or term_end >= today:
        return None
    return None if term_start is not None and term_end < term_start else term_end + DAY


def _announced(fields: Fields, status: Status, term_end: date | None) -> Announced | None:
    """Seats scheduled for the next term. Only where it renews, and into the same plan, term and cycle: another plan is
    another offer, and counts when the source shows it."""
    scheduled = fields.item.get("scheduledNextTermInstructions")
    if not isinstance(scheduled, dict) or status is not Status.ACTIVE or term_end is None or term_end == date.max:
        return None
    if not fields.flag("autoRenewEnabled") or not _same_plan(fields, scheduled.get("product")):
        return None
    try:
        return Announced(term_end + DAY, values.units(scheduled.get("quantity")))
    except ValueError:
        return None


def _same_plan(fields: Fields, product: Any) -> bool:
    if not isinstance(product, dict):
        return False
    plan = f"{product.get('productId')}:{product.get('skuId')}"
    now = (plan_of(fields.text("offerId")), _term(fields), vocabulary.plain(fields.text("billingCycle")))
    return (plan, _upper(product, "termDuration"), vocabulary.plain(str(product.get("billingCycle")))) == now


def _upper(product: dict[str, Any], name: str) -> str:
    return str(product.get(name) or "").upper()


def doubled(subscription: str, customers: Iterable[str]) -> Problem:
    """One id under two customers: nobody could say who pays."""
    return Problem(
        FindingCode.SOURCE_ROW_BAD,
        f"it is listed under the customers {', '.join(sorted(customers))}; none of them counts",
        "Look at the subscription in Partner Center; it is read again by itself.",
        subscription=subscription,
        column="id",
    )

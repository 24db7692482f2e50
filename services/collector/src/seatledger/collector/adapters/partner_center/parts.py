"""What one customer answered, and what it means where it did not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from seatledger.collector.adapters.partner_center.client import ASKED_AGAIN, RefusedError
from seatledger.collector.domain.reading import CustomerTrouble, Problem
from seatledger.collector.ports import SourceUnreachableError
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.subscriptions import Customer

FEW: Final = 3
"""Customers below which nothing can be told from all of them refusing us."""
GRANT: Final = "Give the application the permissions that docs/partner-center.md lists, and consent as an admin."
RELATION: Final = (
    "Ask the customer for the reseller relationship, or leave the customer out with `exclude`. Its subscriptions stay "
    "as they were until then."
)


@dataclass(frozen=True)
class Part:
    """What one customer answered. ``silent`` or ``unread`` says why there is nothing."""

    customer: Customer
    items: Sequence[Any] = ()
    usage: Sequence[Any] = ()
    provisioning: dict[str, str] = field(default_factory=dict)
    """Provisioning status by subscription, of those that are pending, where we may ask for it."""
    silent: CustomerTrouble | None = None
    unread: CustomerTrouble | None = None
    problems: tuple[Problem, ...] = ()


def all_refused(parts: Sequence[Part]) -> SourceUnreachableError | None:
    """Where every single customer refuses us it is our permission that is missing, not their relation."""
    ours = [part for part in parts if not (part.silent and part.silent.foreign)]
    refusals = [part.silent.message for part in ours if part.silent]
    if len(ours) < FEW or len(refusals) < len(ours):
        return None
    what = f"all {len(ours)} customers refuse to be read: {refusals[0]}"
    return SourceUnreachableError(what, GRANT, FindingCode.PERMISSION)


def refused(customer: Customer, error: RefusedError) -> Part:
    """403 and 404: the relation is lost. Any other refusal is a failure of this read."""
    if error.not_ours:
        return Part(customer, silent=CustomerTrouble(customer.id, str(error), RELATION))
    what = "Look at the customer in Partner Center; it is asked again by itself."
    return Part(customer, unread=CustomerTrouble(customer.id, str(error), what))


def unread(customer: Customer, error: SourceUnreachableError) -> Part:
    """A failure that may be this customer's alone; one that is everybody's goes on."""
    if error.code is not FindingCode.SOURCE_INCOMPLETE:
        raise error
    return Part(customer, unread=CustomerTrouble(customer.id, error.message, error.do))


def passed_over(customer: Customer) -> Part:
    """Not asked, because too many before it failed."""
    why = "too many customers failed one after another, and the walk was given up"
    return Part(customer, unread=CustomerTrouble(customer.id, why, ASKED_AGAIN))

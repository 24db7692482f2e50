"""Partner Center's words in ours (reference section 14). What is not in a table is *other*, and a finding."""

from typing import Final

from seatledger.schemas.subscriptions import BillingCycle, Status

STATUS: Final = {
    "none": Status.PENDING,
    "pending": Status.PENDING,
    "active": Status.ACTIVE,
    "suspended": Status.SUSPENDED,
    "expired": Status.EXPIRED,
    "disabled": Status.DISABLED,
    "deleted": Status.CANCELLED,
}
CYCLE: Final = {
    "monthly": BillingCycle.MONTHLY,
    "annual": BillingCycle.ANNUAL,
    "triennial": BillingCycle.TRIENNIAL,
    "onetime": BillingCycle.ONE_TIME,
    "none": BillingCycle.NONE,
}
"""``biennial`` and ``unknown`` are words of theirs too, and fit nothing of ours: they are *other*."""
BILLING_TYPES: Final = frozenset({"license", "usage", "benefit", "none"})
CONTRACT_TYPES: Final = frozenset({"subscription", "productkey", "redemptioncode"})
ONE_TIME_CONTRACTS: Final = frozenset({"productkey", "redemptioncode"})
RECURRING: Final = frozenset({BillingCycle.MONTHLY, BillingCycle.ANNUAL, BillingCycle.TRIENNIAL, BillingCycle.OTHER})


def plain(word: str) -> str:
    """``OneTime`` and ``one_time`` are one word: instructions write the former, subscriptions the latter."""
    return word.strip().replace("_", "").casefold()

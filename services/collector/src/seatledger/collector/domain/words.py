"""The words that distributors use for one thing (subscription sources section 14), whatever their case and spacing."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from seatledger.schemas.subscriptions import BillingCycle, Status

_GAPS = re.compile(r"[\s_\-]+")
_GUID = re.compile(r"\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.ASCII | re.IGNORECASE)


def plain(word: str) -> str:
    """``" On-Hold "`` → ``"onhold"``."""
    return _GAPS.sub("", word).casefold()


def _table(words: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {word: meaning for meaning, synonyms in words.items() for word in synonyms}


_STATUS: Final = _table(
    {
        Status.PENDING: (
            *("pending", "none", "accepted", "initiated", "inprogress", "processing", "provisioning"),
            *("waitingfordetails", "pendingactivation", "pendingmanual", "pendingautomated", "pendingcredit"),
        ),
        Status.ACTIVE: (
            *("active", "activated", "pendingcancel", "converted", "enabled", "running"),
            *("confirmed", "complete", "available"),
        ),
        Status.SUSPENDED: ("suspended", "suspend", "hold", "onhold", "paused", "stopped"),
        Status.EXPIRED: ("expired",),
        Status.DISABLED: ("disabled",),
        Status.CANCELLED: ("cancelled", "canceled", "deleted", "terminated", "removed"),
        Status.TRIAL: ("trial",),
    }
)
_MONTH: Final = ("monthly", "month", "permonth", "p1m", "1m", "1month", "onemonth")
_YEAR: Final = (
    *("annual", "annually", "yearly", "year", "peryear", "p1y", "1y", "1year", "oneyear"),
    *("p12m", "12m", "12month", "12months"),
)
_THREE_YEARS: Final = ("triennial", "p3y", "3y", "3year", "3years", "threeyears", "p36m", "36months")
_CYCLE: Final = _table(
    {
        BillingCycle.MONTHLY: _MONTH,
        BillingCycle.ANNUAL: _YEAR,
        BillingCycle.TRIENNIAL: _THREE_YEARS,
        BillingCycle.ONE_TIME: ("onetime", "once"),
        BillingCycle.USAGE: ("usage", "usagebased", "metered"),
        BillingCycle.NONE: ("none",),
    }
)
_TERM: Final = _table(
    {"P1M": _MONTH, "P1Y": _YEAR, "P3Y": _THREE_YEARS, "P5Y": ("p5y", "5y", "5year", "5years", "fiveyears")}
)
_GOES_ON: Final = frozenset({Status.ACTIVE, Status.SUSPENDED})
_BOOLEAN: Final = {"yes": True, "true": True, "1": True, "y": True, "no": False, "false": False, "0": False, "n": False}


def status(word: str) -> Status | None:
    """The status meant, or None for a word that we do not know."""
    known = _STATUS.get(plain(word))
    return None if known is None else Status(known)


def on_trial(status: Status) -> Status:
    """The status of what is on trial. Suspended it is a trial still, which nobody pays for; what ended is over."""
    return Status.TRIAL if status in _GOES_ON else status


def billing_cycle(word: str) -> BillingCycle | None:
    known = _CYCLE.get(plain(word))
    return None if known is None else BillingCycle(known)


def term(word: str) -> str:
    """ISO 8601 (``P1Y``) where the word is known, else the word itself: an offer is mapped by what it says."""
    return _TERM.get(plain(word), word.strip())


def vendor_id(text: str | None) -> str | None:
    """The vendor's own id, by which sightings of one subscription are known as one: distributors write Microsoft's
    GUIDs in capitals and braces too. Ids of another form stand as they are."""
    guid = _GUID.fullmatch(text.strip()) if text else None
    return guid[1].lower() if guid else text


def boolean(word: str) -> bool | None:
    return _BOOLEAN.get(plain(word))

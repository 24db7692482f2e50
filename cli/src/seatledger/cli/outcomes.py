"""What became of everything, counted over the stores: the numbers of ``drain`` and ``status``."""

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatledger.runtime.store import Store
    from seatledger.schemas.heads import BookHead, CompanyHead
    from seatledger.schemas.pending import Progress

_SINCE_THE_BOOKS_BEGAN = ("posted", "in_place", "refused")
_HELD = ("held", "not_seen")


async def outcomes(store: "Store", progress: "Progress", open_findings: int) -> dict[str, int]:
    """``posted``, ``in_place``, ``not_needed``, ``refused`` since the books began; the rest is now."""
    return {**await _settled(store), **standing(progress.companies, progress.books), "findings": open_findings}


async def _settled(store: "Store") -> dict[str, int]:
    from seatledger.schemas.book import INTENTS

    intents = store.collection(INTENTS)
    return {outcome: await intents.count({"outcome": outcome}) for outcome in _SINCE_THE_BOOKS_BEGAN}


def standing(companies: "tuple[CompanyHead, ...]", books: "tuple[BookHead, ...]") -> dict[str, int]:
    """What waits or is held at the moment, and the wishes that vanished unsent."""
    return {
        "not_needed": sum(company.not_needed for company in companies),
        "held": sum(book.open_state in _HELD for book in books),
        "waiting_approval": sum(company.waiting_approval for company in companies),
        "waiting_day": sum(company.waiting_day for company in companies),
    }


async def open_findings(store: "Store") -> Counter[str]:
    """Open findings of every service, by code."""
    from seatledger.schemas.heads import SERVICES

    counts: Counter[str] = Counter()
    for service in SERVICES:
        found = await store.collection(f"findings_{service}").find({"closed_at": None}, fields=["code"])
        counts.update(row["code"] for row in found)
    return counts


ORDER = (
    "posted",
    "in_place",
    "not_needed",
    "refused",
    "held",
    "findings",
    "waiting_approval",
    "waiting_day",
)
"""The order in which people and programs get them."""


def ordered(counts: dict[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in ORDER}

"""What people said about customers, offers and subscriptions: the read shape of the mapper's mapping rows.

Collections ``company_mappings`` (id source / customer), ``offer_mappings`` (id source / offer / term / billing cycle)
and ``contract_mappings`` (id source / subscription); the mapper alone writes them.
"""

from datetime import date
from typing import Literal

from seatledger.schemas.base import Instant, Tolerant
from seatledger.schemas.commands import MappingRow
from seatledger.schemas.documents import Document
from seatledger.schemas.heads import COMPANY_MAPPINGS, CONTRACT_MAPPINGS, OFFER_MAPPINGS
from seatledger.schemas.ids import SourceName, join

MappingKind = Literal["company", "offer", "contract"]
MappingState = Literal["mapped", "ignored", "unmapped"]

MAPPING_COLLECTIONS: dict[MappingKind, str] = {
    "company": COMPANY_MAPPINGS,
    "offer": OFFER_MAPPINGS,
    "contract": CONTRACT_MAPPINGS,
}


class MappingWord(Tolerant):
    """What one row says. ``target`` is a company, service or contract id by the row's kind."""

    state: MappingState
    target: int | None = None
    reason: str = ""
    expires_on: date | None = None
    """An ignored row counts as unmapped after this day of the business calendar."""
    also: bool = False
    """A second customer of one source account on one company is meant (C27)."""
    forgotten: bool = False
    """``map reset`` took the row back: as if nobody had ever said anything."""


class MappingChange(Tolerant):
    """One entry of a row's history: who said what, when and why, and what held before (None: nothing)."""

    at: Instant
    by: str
    why: str
    command: str
    word: MappingWord
    before: MappingWord | None


class MappingDocument(Document):
    """One mapping row. ``revision`` rises with each command about it; ``redecide`` stands until every subscription
    that it touches was decided under that revision (design.md section 3)."""

    kind: MappingKind
    source: SourceName
    key: str
    """Customer id, offer id or subscription id by ``kind``."""
    term: str = ""
    billing_cycle: str = ""
    word: MappingWord
    revision: int
    redecide: bool = False
    claim: str = ""
    """Unique: the company that a customer holds within its source account, else the row's own id (C27)."""
    history: tuple[MappingChange, ...] = ()
    """Append-only, oldest first."""


def mapping_id(row: MappingRow) -> str:
    """The id of the document that a row is about."""
    if row.kind == "offer":
        return join(row.source, row.key, row.term, row.billing_cycle)
    return join(row.source, row.key)

"""Plans as people see them: items that were wished, approved, released and settled (kernel.md section 8).

Owned by the contract planner (collection ``plans``); ids of plans are texts.
"""

from datetime import date
from enum import StrEnum

from seatledger.schemas.base import Instant, Tolerant
from seatledger.schemas.documents import Document
from seatledger.schemas.ids import CompanyId, ConnectionName, ContractId, LineId, PlanId, ServiceId, SubscriptionKey
from seatledger.schemas.money import Money

PLANS = "plans"


class PlanState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXECUTING = "executing"
    DONE = "done"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class ItemState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    RELEASED = "released"
    POSTED = "posted"
    IN_PLACE = "in_place"
    REFUSED = "refused"
    DRIFTED = "drifted"
    HELD = "held"
    NOT_SEEN = "not_seen"
    SUPERSEDED = "superseded"


class MovedUnits(Tolerant):
    """A subscription that an item takes off its line, and the plus on its new line that the same yes covers while
    these units stay and its date is the item's (kernel.md section 7.6)."""

    subscription: SubscriptionKey
    company: CompanyId
    contract: ContractId
    line: LineId
    units: int


class PlanItem(Tolerant):
    """One wish: from ``effective_on`` the line stands at ``after`` instead of ``before`` units.

    ``hash`` covers line, date, before, after and price: where it moved, an approval is void. ``this_period`` is the
    money of the period that ``effective_on`` lies in, ``each_period`` that of a full one; null where the price is
    unknown. Items of one ``group`` belong together: it names their lines, joined by ``+`` (decision 0023).
    """

    hash: str
    group: str
    state: ItemState
    contract: ContractId
    line: LineId
    service: ServiceId
    effective_on: date
    before: int
    after: int
    unit_price: Money | None = None
    this_period: Money | None = None
    each_period: Money | None = None
    causes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    moves: tuple[MovedUnits, ...] = ()


class PlanDocument(Document):
    """A plan for one company. ``hash`` is over its items' hashes; ``asks`` says why it needs a person's word, and of a
    rejected one why not.

    ``expires_at``: unless somebody says yes or no before, it expires, and what still differs is asked again by a plan
    that names it in ``again_for`` (decision 0023). ``rev`` of a row is the revision of the company document that it
    is of: an older one never takes its place.
    """

    hash: str
    connection: ConnectionName
    company: CompanyId
    state: PlanState
    items: tuple[PlanItem, ...]
    created_at: Instant
    basis_at: Instant
    expires_at: Instant | None = None
    again_for: PlanId | None = None
    approved_by: str | None = None
    asks: str = ""

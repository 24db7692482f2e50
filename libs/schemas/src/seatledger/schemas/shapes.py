"""The read shapes of documents that a service keeps for itself, for those who tell people about them.

Only their owners write them; a reader takes what stands here and nothing else. What a shape has, its owner keeps.
"""

from datetime import date

from seatledger.schemas.base import Instant, Tolerant
from seatledger.schemas.documents import Document, Outgoing
from seatledger.schemas.envelope import Cause, Event
from seatledger.schemas.ids import ConnectionName, ContractId, LineId, SourceName
from seatledger.schemas.intents import IntentReleased, Outcome
from seatledger.schemas.subscriptions import MappingOutcome, SubscriptionChanged

PAYLOADS = "payloads"
"""The collector's raw payloads by their content's hash: ``{"content": …}``, without secrets and data of people."""


REPLACED = "mapped_before"
"""The mapper's results that a newer one has replaced, by their events' ids; nothing is ever taken out."""


class ReplacedResult(Document):
    """A row of ``mapped_before`` (id = the event's): what the mapper said, and later said otherwise."""

    event: Event


class SnapshotShape(Document):
    """A row of ``snapshots`` (id = source / subscription / resource / part): what a source said last."""

    source: SourceName
    revision: int
    state: SubscriptionChanged
    said_at: Instant


class LackShape(Tolerant):
    """What keeps a subscription from being mapped."""

    what: str
    why: str = ""


class SightingShape(Tolerant):
    """The snapshot that the mapper decided last."""

    snapshot: SubscriptionChanged


class MappedShape(Document):
    """A row of ``mapped`` (id as in ``snapshots``): the mapper's last result, and the last event for each company."""

    source: SourceName
    connection: ConnectionName
    sighting: SightingShape
    outcome: MappingOutcome
    lacks: tuple[LackShape, ...] = ()
    revision: int
    mapping_revision: int
    said: tuple[Outgoing, ...] = ()


class MemberShape(Tolerant):
    """A subscription part in a company's document. It counts on ``line`` from ``joined_on`` on."""

    cause: Cause
    line: LineId | None = None
    contract: ContractId | None = None
    frozen_on: date | None = None
    frozen_why: str = ""
    joined_on: date | None = None


class WishShape(Tolerant):
    """From ``on`` the line should stand at ``after`` instead of ``before`` units."""

    effective: date
    on: date
    before: int
    after: int
    causes: tuple[str, ...] = ()
    hash: str = ""


class ReleasedShape(Tolerant):
    """The intent of a line that is out and has no end."""

    intent: IntentReleased
    outcome: Outcome | None = None


class LineShape(Tolerant):
    """What the planner wishes for a line."""

    line: LineId
    contract: ContractId
    wishes: tuple[WishShape, ...] = ()
    released: ReleasedShape | None = None


class CompanyShape(Document):
    """A row of ``companies`` (id = connection / company)."""

    connection: ConnectionName
    members: dict[str, MemberShape] = {}
    """By the subscription's id."""
    lines: dict[str, LineShape] = {}

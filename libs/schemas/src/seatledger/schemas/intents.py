"""Intents: what the planner asks the writer to do to one contract line, and what became of it (kernel.md 1 to 3)."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from seatledger.schemas.base import Instant, OpenEnum, Strict, Tolerant
from seatledger.schemas.envelope import EventData
from seatledger.schemas.ids import CompanyId, ConnectionName, ContractId, IntentId, LineId, PlanId, ServiceId
from seatledger.schemas.money import Amount
from seatledger.schemas.steps import StepFunction


class LineRef(Tolerant):
    """A contract service line with all that names it in Autotask."""

    connection: ConnectionName
    company: CompanyId
    contract: ContractId
    line: LineId
    service: ServiceId


class IntentReleased(EventData):
    """*Line L at version v: from ``on``, ``before`` becomes ``after``.*

    ``after`` − ``before`` is ``jump`` on every date from ``on``, 0 earlier. A link without a jump has no ``on`` and
    jump 0: its rows are compared from today on. Functions hold whole units; ``None`` in them counts as 0.
    """

    event_type: ClassVar[str] = "IntentReleased"

    id: IntentId
    at: LineRef
    version: int
    """The book's version that it was planned on; another one makes it stale."""
    on: date | None
    """The day from which it holds; null for a link without a jump."""
    before: StepFunction
    after: StepFunction
    jump: int
    """Units that are posted to Autotask; may be negative."""
    unit_price: Amount | None = None
    """Of one licence a month, for people; it is not posted."""
    plan: PlanId | None = None
    item: str | None = None
    """Hash of the plan's item that was approved."""
    causes: tuple[str, ...] = ()
    """Ids of the events that made the wish."""
    released_at: Instant
    """When the planner let it out."""


class IntentWithdrawn(EventData):
    """The planner takes an intent back; it may arrive before the intent itself and is recorded all the same."""

    event_type: ClassVar[str] = "IntentWithdrawn"

    intent: IntentId
    at: LineRef
    version: int
    """As in the intent."""
    reason: str
    """Why, for people."""
    withdrawn_at: Instant
    """When the planner took it back."""


class Outcome(OpenEnum):
    """What the writer says of an intent. The first eight are ends: the planner goes on (kernel.md section 3)."""

    POSTED = "posted"
    IN_PLACE = "in_place"
    REFUSED = "refused"
    DRIFTED = "drifted"
    WITHDRAWN = "withdrawn"
    STALE = "stale"
    ADOPTED = "adopted"
    RESTORED = "restored"
    TAKEN = "taken"
    UNKNOWN = "unknown"
    HELD = "held"
    NOT_SEEN = "not_seen"
    OTHER = "other"

    @property
    def ends(self) -> bool:
        """Whether the intent is over and its line free for another."""
        return self in ENDS


ENDS = frozenset(
    {
        Outcome.POSTED,
        Outcome.IN_PLACE,
        Outcome.REFUSED,
        Outcome.DRIFTED,
        Outcome.WITHDRAWN,
        Outcome.STALE,
        Outcome.ADOPTED,
        Outcome.RESTORED,
    }
)


class Refusal(OpenEnum):
    """Why an intent was refused. The date refusals re-date the wish, the others wait for a change or a person."""

    DATE_USED = "date_used"
    """``on`` stands in the book's ``dates_used``."""
    DATE_TAKEN = "date_taken"
    """Autotask's duplicate answer: somebody else's row begins at ``on``."""
    PERIOD_POSTED = "period_posted"
    CONTRACT_ENDED = "contract_ended"
    """The contract is not in effect, or ``on`` lies outside its dates."""
    LINE_GONE = "line_gone"
    BELOW_ZERO = "below_zero"
    BY_PSA = "by_psa"
    """Any other recognised refusal; the text stands in ``message``."""
    OTHER = "other"


class Span(Strict):
    """Calendar days, both inclusive."""

    start: date
    """First day."""
    end: date
    """Last day."""

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end


class PsaAnswer(Tolerant):
    """Autotask's own answer to a send, for people: status and text without secrets."""

    status: int | None = None
    """HTTP status; null where nothing came back."""
    text: str = ""
    """What it says, empty where it is a plain yes."""


class AdjustmentSettled(EventData):
    """An outcome of an intent. ``sequence`` counts the outcomes said of this intent; a lower one is ignored.

    ``version``, ``agreed`` and ``dates_used`` are the line book's after this outcome; ``posted_spans`` are the spans
    that the deciding read saw approved and posted.
    """

    event_type: ClassVar[str] = "AdjustmentSettled"

    intent: IntentId
    sequence: int
    """Number of this outcome among those said of the intent."""
    at: LineRef
    outcome: Outcome
    refusal: Refusal | None = None
    on: date | None
    """As in the intent."""
    before: StepFunction
    after: StepFunction
    jump: int
    """As in the intent."""
    version: int
    """The line book's after this outcome."""
    agreed: StepFunction
    dates_used: tuple[date, ...] = ()
    """Days of this line on which something was posted; each is used once, ever."""
    posted_spans: tuple[Span, ...] = ()
    rows: StepFunction | None = None
    """The units that the deciding read showed, where they matter (drifted, held)."""
    message: str = ""
    """What a person should know, empty where nothing."""
    answer: PsaAnswer | None = None
    plan: PlanId | None = None
    causes: tuple[str, ...] = ()
    """Ids of the events that made the wish."""
    settled_at: Instant
    """When the writer said so."""
    posted_at: Instant | None = None
    """When the send that had the effect was made."""
    sends: int = 0
    """How often it was (or may have been) sent until this outcome."""
    sent_at: Instant | None = None
    """When the last of these sends was made (machine instant)."""


class Observation(StrEnum):
    """What the writer noticed on a line without an intent of ours."""

    BASELINE = "baseline"
    DRIFT_OPENED = "drift_opened"
    DRIFT_CLOSED = "drift_closed"


class LineObserved(EventData):
    """A line's baseline moved, or a drift opened or closed: only a reason to plan its company again."""

    event_type: ClassVar[str] = "LineObserved"

    at: LineRef
    observation: Observation
    version: int
    """The line book's after it."""
    agreed: StepFunction
    rows: StepFunction | None = None
    observed_at: Instant
    """When the writer noticed it."""

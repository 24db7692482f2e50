"""The line book: one document per contract line, first and alone the truth about what we did to it (kernel.md 2).

Owned by the PSA writer (collection ``lines``, id = connection / line); the planner reads it at each planning.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from seatledger.schemas.base import Instant, Tolerant
from seatledger.schemas.documents import Document
from seatledger.schemas.envelope import Cause
from seatledger.schemas.ids import CommandId, LineKey
from seatledger.schemas.intents import AdjustmentSettled, IntentReleased, LineRef, PsaAnswer
from seatledger.schemas.steps import StepFunction

LINES = "lines"
"""Name of the collection of books."""
INTENTS = "intents"
"""Name of the append-only history of intents."""


class Trust(StrEnum):
    """``new``: the baseline is provisional; ``linked``: an intent of ours settled here."""

    NEW = "new"
    LINKED = "linked"


class OpenState(StrEnum):
    """The states in which an intent blocks its line, as far as the book knows (kernel.md section 3)."""

    TAKEN = "taken"
    SENT = "sent"
    UNKNOWN = "unknown"
    HELD = "held"
    NOT_SEEN = "not_seen"


class OpenIntent(Tolerant):
    """The one intent that a line may have open."""

    intent: IntentReleased
    state: OpenState
    sends: int = 0
    """How often it was (or may have been) sent; each send has its number."""
    ever_unknown: bool = False
    """Whether any send of it was ever unknown: then its date is not given back."""
    token: str | None = None
    """The claim under which it was marked *sent*."""
    first_sent_at: Instant | None = None
    sent_at: Instant | None = None
    answer: PsaAnswer | None = None
    sequence: int = 0
    """Outcomes said so far."""
    cause: Cause | None = None
    """The event that released it, for the outcomes to carry."""
    withdrawal: str | None = None
    """Why the planner took it back while it could not be withdrawn: it is followed as soon as it can be."""
    retried_by: tuple[CommandId, ...] = ()
    """The commands that said ``retry`` to it: none of them, run again after a crash, is a second word."""


class Confirmed(Tolerant):
    """What stood on the line before one of our writes that was confirmed, and when that was (machine instant)."""

    before: StepFunction
    after: StepFunction
    on: date
    confirmed_at: Instant


class Drift(Tolerant):
    """Somebody else's units: rows that are neither ``before`` nor ``after`` of an intent never sent."""

    since: Instant
    from_day: date
    rows: StepFunction | None
    """What stood there when somebody last looked; None where it cannot be told."""


class LineBook(Document):
    """One contract line. ``agreed`` is what we posted, took as baseline, or a person adopted."""

    at: LineRef
    version: int
    agreed: StepFunction
    extra: StepFunction = StepFunction.constant(0)
    """Units that people keep beside our subscriptions; written by ``resolve adopt`` alone (a later issue)."""
    dates_used: tuple[date, ...] = ()
    open: OpenIntent | None = None
    recent: tuple[Confirmed, ...] = ()
    drift: Drift | None = None
    trust: Trust = Trust.NEW

    @property
    def key(self) -> LineKey:
        return LineKey(connection=self.at.connection, line=self.at.line)


class IntentRecord(Document):
    """A row of ``intents``: an intent (absent where only its withdrawal came) and its newest outcome."""

    connection: str
    intent: IntentReleased | None = None
    settled: AdjustmentSettled
    cause: Cause | None = None
    """The event that its first outcome answered, for those said again to carry."""
    history: tuple[AdjustmentSettled, ...] = ()
    outcome: Annotated[str, Field(description="the newest outcome, for counting")]

"""What people ask for. The owner handles a command idempotently, writes its result and an event; who asked waits.

Ids are made by the client; an unanswered command is repeated with the same id (design.md sections 2 and 3).
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from seatledger.schemas.base import Instant, Strict, Tolerant
from seatledger.schemas.dead import RecordPlace
from seatledger.schemas.envelope import EventData
from seatledger.schemas.ids import CommandId, ConnectionName, FindingId, PlanId, SourceName


class Owner(StrEnum):
    """The service that answers a command."""

    COLLECTOR = "collector"
    MAPPER = "mapper"
    PLANNER = "contract-planner"
    WRITER = "psa-writer"


class Collect(Strict):
    """Sweep a source now (None: each); ``accept`` is the yes to what the brake on mass decreases holds.

    Result: ``{"sweeps": [SweepResult, …]}``.
    """

    do: Literal["collect"] = "collect"
    source: SourceName | None = None
    subscription: str | None = None
    """Only this one is read, where the source can be asked for it."""
    accept: bool = False
    """The yes to what the brake holds now."""


class MappingRow(Strict):
    """One row of ``map import``. ``key`` is a customer id, an offer id or a subscription id by ``kind``;
    ``target`` a company, service or contract id."""

    kind: Literal["company", "offer", "contract"]
    """What the row maps."""
    source: SourceName
    key: str
    """A customer's, an offer's or a subscription's id at the source."""
    term: str = ""
    """Of an offer; empty is any."""
    billing_cycle: str = ""
    """Of an offer; empty is any."""
    target: int | None = None
    """Autotask's id of a company, service or contract."""
    state: Literal["mapped", "ignored", "unmapped"] = "mapped"
    """What holds from now on."""
    reason: str = ""
    """Why, for people."""
    expires_on: date | None = None
    """An ignored row counts as unmapped after this day."""
    also: bool = False
    """A second customer of one source account on one company is meant."""


class SetMappings(Strict):
    """Apply rows in order, each on its own. Result: ``{"rows": [{"row": n, "ok": bool, "message": str}, …]}``."""

    do: Literal["set_mappings"] = "set_mappings"
    rows: tuple[MappingRow, ...]


class ResetCustomer(Strict):
    """Forget the company of a customer and the contracts of its subscriptions; posts nothing."""

    do: Literal["reset_customer"] = "reset_customer"
    source: SourceName
    customer: str
    """The source's own id."""


class ApprovePlan(Strict):
    """Release a plan's items if ``hash`` is still the plan's. Result: ``{"plan": {…}}``."""

    do: Literal["approve_plan"] = "approve_plan"
    plan: PlanId
    hash: str
    """The plan's as the person saw it."""


class RejectPlan(Strict):
    """Refuse a plan: its wishes wait until they change."""

    do: Literal["reject_plan"] = "reject_plan"
    plan: PlanId
    reason: str
    """Why, for people."""


class RetryFinding(Strict):
    """A person's ``resolve FINDING retry``: *not_seen* goes to the writer, *refused* to the planner."""

    do: Literal["retry_finding"] = "retry_finding"
    finding: FindingId


class ReadMirror(Strict):
    """Read the PSA now. Result: ``{"psa", "contracts", "lines", "calls", "error"}``."""

    do: Literal["read_mirror"] = "read_mirror"


class Resync(Strict):
    """Say again everything that is held, with the same ids. Result: ``{"events": n}``."""

    do: Literal["resync"] = "resync"


class RetryDead(Strict):
    """Say a dead record again on the topic it came from, byte for byte. The service that could not read it owns the
    letter. Result: ``{"again": bool}``, False where it was said again before (decision 0017)."""

    do: Literal["retry_dead"] = "retry_dead"
    letter: str
    """Id of the ``DeadLetter`` event."""
    place: RecordPlace
    """Where that event stands on ``dead.v1``."""
    publish: bool = True
    """False where another of its readers says the record again: then its finding is closed, and no more."""


class IgnoreDead(Strict):
    """Close the finding of a dead record without saying it again: it is no event of ours, or its letter is gone from
    ``dead.v1``. The service that could not read it owns the finding (decision 0017)."""

    do: Literal["ignore_dead"] = "ignore_dead"
    finding: FindingId
    reason: str
    """Why, for people."""


class CheckConnection(Strict):
    """Try what a connection needs, without one write: the command's PSA connection at the writer, each source account
    (or ``source`` alone) at the collector. Result: ``{"checks": [Check, …]}`` (decision 0018)."""

    do: Literal["check_connection"] = "check_connection"
    source: SourceName | None = None


class Check(Strict):
    """One thing that was tried. ``do`` is empty where it is well."""

    name: str
    ok: bool
    message: str
    do: str = ""


Body = Annotated[
    Collect
    | SetMappings
    | ResetCustomer
    | ApprovePlan
    | RejectPlan
    | RetryFinding
    | ReadMirror
    | Resync
    | RetryDead
    | IgnoreDead
    | CheckConnection,
    Field(discriminator="do"),
]


class CommandIssued(EventData):
    """A command on its way to its owner. ``connection`` is None for commands that concern no single PSA."""

    event_type: ClassVar[str] = "CommandIssued"

    id: CommandId
    owner: Owner
    connection: ConnectionName | None = None
    actor: str
    """Who asked."""
    reason: str = ""
    """Why, for people."""
    issued_at: Instant
    """When it was asked."""
    body: Body
    """What is asked for, told apart by `do`."""


class CommandAnswered(EventData):
    """The owner's answer, also stored in ``commands_<owner>``: ``ok`` False means *done, and the answer is no*."""

    event_type: ClassVar[str] = "CommandAnswered"

    id: CommandId
    owner: Owner
    ok: bool
    """False: it is done, and the answer is no."""
    message: str = ""
    """What a person should know."""
    do: str = ""
    """What the person may do now."""
    result: dict[str, Any] = {}
    """By the command; see its description."""
    answered_at: Instant
    """When the owner was done."""


class CommandRecord(Tolerant):
    """A row of ``commands_<owner>``: accepted when the owner has seen it, answered when ``answer`` is there."""

    id: Annotated[CommandId, Field(alias="_id")]
    command: CommandIssued
    answer: CommandAnswered | None = None

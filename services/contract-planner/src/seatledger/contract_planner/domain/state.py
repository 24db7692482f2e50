"""The company document: members, lines with their wishes, and what was released, in one compare-and-set.

It carries the fields of :class:`seatledger.schemas.heads.CompanyHead`, so that ``drain`` counts what was saved in the
very write that made it true.
"""

from datetime import date

from seatledger.contract_planner.domain.dating import Loss
from seatledger.contract_planner.domain.leaving import Awaited, Left, MoveYes
from seatledger.schemas.base import Tolerant
from seatledger.schemas.documents import Document
from seatledger.schemas.envelope import Cause, Event
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import (
    CommandId,
    CompanyId,
    CompanyKey,
    ConnectionName,
    ContractId,
    LineId,
    ServiceId,
    SubscriptionKey,
)
from seatledger.schemas.intents import IntentReleased, Outcome, Refusal, Span
from seatledger.schemas.planning import PlanDocument
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import BillingCycle, Mapped, MappingOutcome

NOTHING = StepFunction.constant(None)
ZERO = StepFunction.constant(0)
"""Not begun."""


class Member(Tolerant):
    """A subscription part that names this company, with what its source asks for.

    It is a *member of a line* once ``line`` is set, and counts from ``joined_on`` on. ``asked`` gathers every state:
    the newest replaces the steps from the day it was read (kernel.md section 6).
    """

    key: SubscriptionKey
    mapping_revision: int
    outcome: MappingOutcome
    cause: Cause
    name: str = ""
    vendor: str | None = None
    cycle: BillingCycle = BillingCycle.OTHER
    currencies: tuple[str, ...] = ()
    complete: bool = False
    """Whether a complete state was ever read; without one nothing joins."""
    asked: StepFunction = NOTHING
    since: date | None = None
    """The day from which its newest state is known."""
    known_from: date | None = None
    """The day from which this company was told of it, since it is here."""
    frozen_on: date | None = None
    frozen_why: str = ""
    line: LineId | None = None
    contract: ContractId | None = None
    service: ServiceId | None = None
    claim: str | None = None
    """Id of the claim on its vendor id that its line holds for it."""
    resting: bool = False
    """Ended, and its claim given back: to count again it claims again."""
    rests_from: date | None = None
    """While it rests: the day from which it counts no more."""
    free_from: date | None = None
    """Where its vendor id was claimed by another line before: the day from which that line holds nothing of it."""
    joined_on: date | None = None
    claim_version: int = 0
    """The claim's version when it was taken: whoever gives it back later than it was taken again gives nothing."""
    claimed: int = 0
    """The mapping revision under which its assignment was claimed last."""
    superseded: int = 0
    """The mapping revision under which another company took it from here."""
    ended_told: date | None = None
    """The end that its assignment tells the lines which still hold it."""
    awaits: tuple[Awaited, ...] = ()
    """Lines that may still hold it."""
    arriving: bool = False
    """It comes from another line: it joins even where its source stands still meanwhile (kernel.md section 5)."""
    lost_from: date | None = None
    """The first day on which no line could bill it before it left its former one."""
    lost_on: date | None = None
    """When it was found that days of it will be billed on no line at all, or that it waits in vain."""
    yes: MoveYes | None = None

    @property
    def id(self) -> str:
        return str(self.key)

    @property
    def frozen(self) -> bool:
        return self.frozen_on is not None

    @property
    def mapped(self) -> Mapped | None:
        return self.outcome if isinstance(self.outcome, Mapped) else None


class Leaver(Tolerant):
    """A subscription on its way from this line to another (kernel.md section 7). Its share is what the line holds of
    it, up to its leave ``on``; before ``goes`` there is no leave."""

    member: Member
    """As it was when it left."""
    with_claim: bool
    """The claim on its vendor id goes along: it is the sighting that counted here."""
    on: date | None = None
    dated_under: int = 0
    """The mapping revision for which its leave was dated."""
    goes: bool = False
    why: str = ""
    """Why its decrease waits."""
    yes: MoveYes | None = None
    gone_since: int | None = None
    """The latest mirror that can be the one which first missed its line."""
    left: Left | None = None

    @property
    def id(self) -> str:
        return self.member.id


class Wish(Tolerant):
    """From ``on`` the line should stand at ``after`` instead of ``before`` units (at ``on``).

    ``effective`` is the day from which the target differs; ``moved`` says why ``on`` is later. ``moves`` counts how
    often a posted period re-dated it: the second time it goes ahead of its day (kernel.md section 6).
    """

    effective: date
    on: date
    before: int
    after: int
    jump: int
    moved: FindingCode | None = None
    moves: int = 0
    causes: tuple[str, ...] = ()
    hash: str = ""

    @property
    def ahead(self) -> bool:
        return self.moves > 1


class Released(Tolerant):
    """The one intent of a line that is out and has no end, with the very events that said so."""

    intent: IntentReleased
    event: Event
    withdrawal: Event | None = None
    outcome: Outcome | None = None
    """The newest answer; None while there is none."""
    sequence: int = -1
    heard_after_withdrawal: bool = False
    item: str | None = None
    from_day: date
    """The day from which it holds: its date, or for a link the day of its release."""
    shares: dict[str, int] = {}
    """Each member's share on that day, as released."""
    contract: str = ""
    """The mirrored contract's fingerprint at release: a refusal stands until it changes."""

    @property
    def awaited(self) -> bool:
        """Whether an answer is still to come by itself; *held* and *not_seen* wait for a person."""
        if self.outcome is Outcome.NOT_SEEN:
            return self.withdrawal is not None and not self.heard_after_withdrawal
        return self.outcome is not Outcome.HELD


class Blocked(Tolerant):
    """A refusal that only a change, or a person, lifts. ``wish`` and ``contract`` are what was refused."""

    wish: str
    contract: str
    refusal: Refusal
    message: str
    seats: int


class LineState(Tolerant):
    """What the planner knows of one contract line beyond its book and its mirror."""

    line: LineId
    contract: ContractId
    service: ServiceId
    wishes: tuple[Wish, ...] = ()
    released: Released | None = None
    held: dict[str, StepFunction] = {}
    """Per member the part of ``agreed`` that is its own."""
    posted: tuple[Span, ...] = ()
    """Spans that a settlement saw posted."""
    lost_dates: tuple[date, ...] = ()
    """Dates that a settlement called used or taken."""
    losses: tuple[Loss, ...] = ()
    """Days that it lost, so that each is told once."""
    blocked: Blocked | None = None
    retried_by: tuple[CommandId, ...] = ()
    """The newest commands that said ``retry`` to a refusal: none of them, run again after a crash, is a second word."""
    leavers: dict[str, Leaver] = {}
    """Subscriptions that are about to leave, by their ids."""
    left: dict[str, date] = {}
    """The day from which the line holds nothing of who left, by subscription: its contract may end before."""
    not_ours: dict[str, int] = {}
    """Who left while the line was ``new``, with the units that stood there: nobody here takes those away."""
    asks_from: date | None = None
    """Set when ``observe`` was left: before it the line asks for nothing new."""

    def held_of(self, subscription: str) -> StepFunction:
        """The part of ``agreed`` that is this subscription's own."""
        return self.held.get(subscription, ZERO)


class CompanyDocument(Document):
    """A row of ``companies`` (id = connection / company)."""

    connection: ConnectionName
    company: CompanyId
    seen: dict[str, int] = {}
    dirty: bool = True
    marks: int = 0
    """Rises with each mark, so that marking a company that is dirty already is a change too: see :func:`marked`."""
    planned_for: date | None = None
    unanswered: int = 0
    due: int = 0
    waiting_approval: int = 0
    waiting_day: int = 0
    not_needed: int = 0
    changes: int = 0
    """Counts what changed the company's members; ``settle_for_seconds`` runs from the newest."""
    observed: bool = False
    """Planned in ``observe`` last: leaving it is a join."""
    restless: bool = False
    """Something waits that no event announces (a line, a claim, a contract): the minute sweep looks again."""
    members: dict[str, Member] = {}
    lines: dict[str, LineState] = {}
    plans: dict[str, PlanDocument] = {}
    """Plans that are not over; ``plans`` the collection is their projection."""
    unprojected: tuple[str, ...] = ()
    told: str = ""
    """Digest of the findings told last."""
    noted: dict[str, int] = {}
    """Per subscription that left without having counted here, the mapping revision of the leave: the note makes every
    planning that read an older document lose its save (kernel.md section 7.2)."""

    @property
    def key(self) -> CompanyKey:
        return CompanyKey(connection=self.connection, company=self.company)

    def on_line(self, line: LineId) -> tuple[Member, ...]:
        """The line's members, those that have not joined included."""
        return tuple(self.by_line().get(line, ()))

    def by_line(self) -> dict[LineId, list[Member]]:
        """Members in the order of their ids, under the line that each has."""
        found: dict[LineId, list[Member]] = {}
        for key in sorted(self.members):
            member = self.members[key]
            if member.line is not None:
                found.setdefault(member.line, []).append(member)
        return found


def new_company(key: CompanyKey) -> CompanyDocument:
    return CompanyDocument(id=str(key), connection=key.connection, company=key.company)


def marked(document: CompanyDocument) -> CompanyDocument:
    """Dirty, whatever it was. A planning under way has read the world before this mark; its save must be lost."""
    return document.model_copy(update={"dirty": True, "marks": document.marks + 1})


def mark(document: CompanyDocument | None) -> CompanyDocument | None:
    """:func:`marked`, where the document may be gone."""
    return None if document is None else marked(document)


def with_line(document: CompanyDocument, line: LineState) -> CompanyDocument:
    return document.model_copy(update={"lines": {**document.lines, str(line.line): line}})


def with_leaver(document: CompanyDocument, line: LineState, leaver: Leaver) -> CompanyDocument:
    return with_line(document, line.model_copy(update={"leavers": {**line.leavers, leaver.id: leaver}}))


def without_leaver(document: CompanyDocument, line: LineState, subscription: str) -> CompanyDocument:
    rest = {key: leaver for key, leaver in line.leavers.items() if key != subscription}
    return with_line(document, line.model_copy(update={"leavers": rest}))


def with_member(document: CompanyDocument, member: Member) -> CompanyDocument:
    return document.model_copy(update={"members": {**document.members, member.id: member}})


def unanswered(document: CompanyDocument) -> int:
    """Intents and withdrawals that are out and whose end will come by itself."""
    return sum(line.released is not None and line.released.awaited for line in document.lines.values())

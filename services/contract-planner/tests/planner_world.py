"""A company with its books and mirror in memory, played by hand: what the mapper says and what the writer answers."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from seatledger.contract_planner.domain.assignments import Assignment
from seatledger.contract_planner.domain.facts import Facts, LineEnd
from seatledger.contract_planner.domain.members import hear
from seatledger.contract_planner.domain.planning import Planned, plan
from seatledger.contract_planner.domain.plans import approve, forget_over, reject
from seatledger.contract_planner.domain.policy import Mode, Policy, SourcePolicy
from seatledger.contract_planner.domain.reporting import Seekings
from seatledger.contract_planner.domain.seeking import seek
from seatledger.contract_planner.domain.settling import settle
from seatledger.contract_planner.domain.state import CompanyDocument, Released, new_company
from seatledger.contract_planner.domain.wanting import Denied, Granted, Wanted
from seatledger.schemas.book import LineBook, OpenIntent, OpenState, Trust
from seatledger.schemas.envelope import Cause, Event
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import (
    CompanyId,
    CompanyKey,
    ConnectionName,
    ContractId,
    LineId,
    OfferKey,
    ServiceId,
    SourceName,
    SubscriptionKey,
)
from seatledger.schemas.intents import AdjustmentSettled, IntentReleased, LineRef, Outcome, Refusal, Span
from seatledger.schemas.mirror import MirrorContract, MirrorLine, UnitRow
from seatledger.schemas.planning import PlanDocument
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import (
    Asked,
    BillingCycle,
    Change,
    Customer,
    Frozen,
    Mapped,
    MappingOutcome,
    Status,
    SubscriptionChanged,
    SubscriptionMapped,
)

MAIN = ConnectionName("main")
COMPANY = CompanyId(101)
CONTRACT = ContractId(501)
SERVICE = ServiceId(71)
LINE = LineId(9001)
ZONE = ZoneInfo("Europe/Amsterdam")
FIRST = date(2026, 8, 1)
START = date(2026, 1, 1)
END = date(2026, 12, 31)
POLICY = Policy(
    connection=MAIN,
    zone=ZONE,
    currency="EUR",
    mode=Mode.AUTO,
    first_link_asks=False,
    sources={"drop": SourcePolicy(rank=1), "other": SourcePolicy(rank=2)},
)


def day(number: int) -> date:
    """Day of August 2026, counted from 1; 32 is 1 September."""
    return FIRST + timedelta(days=number - 1)


def key(subscription: str = "s1", source: str = "drop") -> SubscriptionKey:
    return SubscriptionKey(source=SourceName(source), subscription=subscription)


def at(line: LineId = LINE) -> LineRef:
    return LineRef(connection=MAIN, company=COMPANY, contract=CONTRACT, line=line, service=SERVICE)


def contract(number: int = CONTRACT, **changes: object) -> MirrorContract:
    return MirrorContract(
        id=f"main/{number}",
        connection=MAIN,
        contract=ContractId(number),
        company=COMPANY,
        name="Managed",
        contract_type=7,
        period_type=2,
        status=1,
        start=START,
        end=END,
    ).model_copy(update=changes)


def line(number: int = LINE, service: int = SERVICE, **changes: object) -> MirrorLine:
    return MirrorLine(
        id=f"main/{number}",
        connection=MAIN,
        line=LineId(number),
        contract=CONTRACT,
        company=COMPANY,
        service=ServiceId(service),
        unit_price=Decimal("10.00"),
        rows=(row(1, day(1), day(31)), row(2, day(32), day(61))),
    ).model_copy(update=changes)


def row(number: int, start: date, end: date, *, posted: bool = False) -> UnitRow:
    return UnitRow(id=number, start=start, end=end, units=0, posted=posted)


def book(units: int = 0, number: int = LINE, trust: Trust = Trust.NEW, version: int = 100) -> LineBook:
    ref = at(LineId(number))
    agreed = StepFunction.constant(units)
    return LineBook(id=f"main/{number}", at=ref, version=version, agreed=agreed, trust=trust)


def changed(
    sub: SubscriptionKey, asked: StepFunction | None, since: date, revision: int, vendor: str | None = None
) -> SubscriptionChanged:
    now = datetime(2026, 8, 1, tzinfo=UTC)
    return SubscriptionChanged(
        key=sub,
        connection=MAIN,
        revision=revision,
        change=Change.CHANGED,
        customer=Customer(id="c1", name="Customer"),
        offer=OfferKey(offer="o1"),
        offer_name="Office",
        vendor_subscription_id=vendor,
        status=Status.ACTIVE,
        raw_status="active",
        quantity=None,
        billing_cycle=BillingCycle.MONTHLY,
        complete=asked is not None,
        asks=None if asked is None else Asked(since=since, units=asked),
        observed_at=now,
    )


def mapped(
    sub: SubscriptionKey,
    asked: StepFunction | int | None,
    since: date,
    revision: int,
    *,
    outcome: MappingOutcome | None = None,
    frozen: Frozen | None = None,
    vendor: str | None = None,
    company: CompanyId = COMPANY,
    mapping: int = 1,
) -> SubscriptionMapped:
    units = StepFunction.constant(asked) if isinstance(asked, int) else asked
    return SubscriptionMapped(
        key=sub,
        connection=MAIN,
        company=company,
        revision=revision,
        snapshot_revision=revision,
        mapping_revision=mapping,
        outcome=outcome or Mapped(company=company, service=SERVICE),
        frozen=frozen,
        subscription=changed(sub, units, since, revision, vendor),
    )


@dataclass
class World:
    """One company on one calendar. ``say`` is the mapper, ``plan`` the planner, ``answer`` the writer."""

    policy: Policy = POLICY
    today: date = field(default_factory=lambda: day(10))
    ready: bool = True
    settled: bool = True
    document: CompanyDocument = field(default_factory=lambda: new_company(CompanyKey(connection=MAIN, company=COMPANY)))
    contracts: dict[ContractId, MirrorContract] = field(default_factory=lambda: {CONTRACT: contract()})
    lines: dict[LineId, MirrorLine] = field(default_factory=lambda: {LINE: line()})
    books: dict[LineId, LineBook] = field(default_factory=lambda: {LINE: book()})
    denied: dict[str, Denied] = field(default_factory=dict)
    granted: dict[str, Granted] = field(default_factory=dict)
    """Answers of the assignments other than the plain one."""
    lost: set[str] = field(default_factory=set)
    """Members that lose each race for their rows: neither granted nor denied."""
    moves: dict[str, Assignment] = field(default_factory=dict)
    ends: dict[LineId, LineEnd] = field(default_factory=dict)
    generation: int = 1
    notices: tuple[FindingCode, ...] = ()
    last: Planned | None = None
    shown: dict[str, PlanDocument] = field(default_factory=dict)
    """Every plan that people ever saw, as it was last."""
    _revision: int = 0
    _sequence: int = 0

    @property
    def facts(self) -> Facts:
        now = datetime(self.today.year, self.today.month, self.today.day, 12, tzinfo=UTC)
        return Facts(
            self.today,
            now,
            self.contracts,
            self.lines,
            self.books,
            self.moves,
            self.ends,
            self.generation,
            self.generation + 1,
            ready=self.ready,
            settled=self.settled,
        )

    def say(
        self,
        asked: StepFunction | int | None,
        since: date | None = None,
        sub: SubscriptionKey | None = None,
        *,
        outcome: MappingOutcome | None = None,
        frozen: Frozen | None = None,
        vendor: str | None = None,
        mapping: int = 1,
    ) -> None:
        self._revision += 1
        company = self.document.company
        said = mapped(
            sub or key(),
            asked,
            since or self.today,
            self._revision,
            outcome=outcome,
            frozen=frozen,
            vendor=vendor,
            mapping=mapping,
            company=company,
        )
        cause = Cause(id=f"event-{self._revision}", correlation=f"first-{self._revision}")
        self.document = hear(self.document, said, cause, self.today)

    def plan(self) -> list[Event]:
        """One planning; what went out."""
        wanted, notices = seek(self.document, self.facts)
        return self.decide(Seekings(tuple(wanted), *self.answers(wanted), tuple(notices)))

    def answers(self, wanted: list[Wanted]) -> tuple[dict[str, Granted], dict[str, Denied]]:
        """What ``assignments`` says: everything is granted, unless the test says otherwise."""
        answered = [want.member for want in wanted if want.member not in self.denied and want.member not in self.lost]
        return {member: self.granted.get(member, Granted()) for member in answered}, self.denied

    def decide(self, seekings: Seekings) -> list[Event]:
        """The planning itself, saved; what went out."""
        self.last = plan(self.document, self.facts, self.policy, seekings)
        self.shown |= self.last.document.plans
        self.notices = tuple(notice.code for notice in self.last.notices)
        said = [outgoing.event for outgoing in self.last.document.outbox]
        kept = forget_over(self.last.document)
        self.document = kept.model_copy(update={"outbox": (), "rev": kept.rev + 1, "dirty": False})
        return said

    def out(self, number: LineId = LINE) -> Released | None:
        found = self.document.lines.get(str(number))
        return None if found is None else found.released

    def intent(self, number: LineId = LINE) -> IntentReleased:
        released = self.out(number)
        assert released is not None, "nothing is released"
        return released.intent

    def take(self, number: LineId = LINE) -> None:
        """The writer takes the intent: it is open in the book."""
        intent = self.intent(number)
        opened = OpenIntent(intent=intent, state=OpenState.TAKEN)
        self.books[number] = self.books[number].model_copy(update={"open": opened})

    def answer(
        self,
        outcome: Outcome = Outcome.POSTED,
        refusal: Refusal | None = None,
        *,
        number: LineId = LINE,
        spans: tuple[Span, ...] = (),
        deliver: bool = True,
    ) -> AdjustmentSettled:
        """The writer's answer: first the book, then the event (kept back with ``deliver=False``)."""
        intent = self.intent(number)
        stands = self.books[number]
        updates: dict[str, object] = {"version": stands.version + 1, "open": None}
        if outcome in {Outcome.POSTED, Outcome.IN_PLACE}:
            updates |= {"agreed": intent.after, "trust": Trust.LINKED}
            if intent.on is not None:
                updates["dates_used"] = (*stands.dates_used, intent.on)
        self.books[number] = stands.model_copy(update=updates)
        self._sequence += 1
        said = AdjustmentSettled(
            intent=intent.id,
            sequence=self._sequence,
            at=intent.at,
            outcome=outcome,
            refusal=refusal,
            on=intent.on,
            before=intent.before,
            after=intent.after,
            jump=intent.jump,
            version=self.books[number].version,
            agreed=self.books[number].agreed,
            dates_used=self.books[number].dates_used,
            posted_spans=spans,
            settled_at=self.facts.now,
        )
        if deliver:
            self.document = settle(self.document, said)
        return said

    def run(self, number: LineId = LINE) -> int:
        """Plan and post until nothing goes out any more; how many intents that took."""
        for count in range(100):
            self.plan()
            released = [line for line in self.books if self.out(line) is not None]
            if not released:
                return count
            for one in released:
                intent = self.intent(one)
                self.answer(Outcome.POSTED if intent.jump else Outcome.IN_PLACE, number=one)
        raise AssertionError("the planning never comes to rest")

    def units(self, on: date, number: LineId = LINE) -> int:
        return self.books[number].agreed.units_at(on)

    def approve(self) -> None:
        """A person says yes to every proposed plan."""
        for found in list(self.document.plans.values()):
            if found.state.value == "proposed":
                self.document = approve(self.document, found, "anna")

    def reject(self) -> None:
        """A person says no to every proposed plan."""
        for found in list(self.document.plans.values()):
            if found.state.value == "proposed":
                self.document = reject(self.document, found, "not yet")

    def with_policy(self, **changes: object) -> None:
        self.policy = replace(self.policy, **changes)  # type: ignore[arg-type]  # a test's shorthand


def linked_world(units: int = 10) -> World:
    """A world whose line is linked and stands at its one member's units."""
    world = World(books={LINE: book(units)})
    world.today = day(9)
    world.say(units)
    world.run()
    assert world.books[LINE].trust is Trust.LINKED
    world.today = day(10)
    return world

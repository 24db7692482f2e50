"""Several companies that share ``assignments``: subscriptions move between their lines, step by step."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from planner_world import MAIN, SERVICE, START, World, contract, day, key, line

from seatledger.contract_planner.domain import claims
from seatledger.contract_planner.domain.assignments import Assignment
from seatledger.contract_planner.domain.facts import LineEnd
from seatledger.contract_planner.domain.holding import granted, take_out, take_part
from seatledger.contract_planner.domain.policy import Mode
from seatledger.contract_planner.domain.reporting import Seekings
from seatledger.contract_planner.domain.seeking import seek, words
from seatledger.contract_planner.domain.state import marked, new_company
from seatledger.contract_planner.domain.wanting import Denied, Granted, Wanted
from seatledger.schemas.book import LineBook, Trust
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import CompanyId, CompanyKey, ContractId, LineId, ServiceId, SubscriptionKey
from seatledger.schemas.intents import LineRef, Outcome
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Frozen, Mapped, MappingOutcome, Unassigned

A, B, C = CompanyId(101), CompanyId(202), CompanyId(303)
NOW = datetime.fromisoformat("2026-08-10T09:00:00+00:00")


def line_of(company: CompanyId) -> LineId:
    """Company 101 has line 9101 on contract 501, 202 has 9202 on 602, 303 has 9303 on 703."""
    return LineId(9000 + company)


def contract_of(company: CompanyId) -> ContractId:
    return ContractId(400 + company)


def book_of(company: CompanyId, contract_id: ContractId, number: LineId, units: int, service: ServiceId) -> LineBook:
    at = LineRef(connection=MAIN, company=company, contract=contract_id, line=number, service=service)
    return LineBook(id=f"main/{number}", at=at, version=100, agreed=StepFunction.constant(units), trust=Trust.LINKED)


@dataclass
class House(World):
    """A company of a town: its assignments are everybody's."""

    town: "Town" = None  # type: ignore[assignment]  # set by the town that builds it

    def plan(self) -> list[object]:  # type: ignore[override]
        return self.town.plan(self.document.company)


@dataclass
class Town:
    """``plan`` one company as the planner does: rows that it must leave, its claims, its decision, what it lets go.

    ``crash_before_leaving``: its process dies after the document is saved and before the assignments hear of it.
    """

    today: date = field(default_factory=lambda: day(10))
    rows: dict[str, Assignment] = field(default_factory=dict)
    houses: dict[str, House] = field(default_factory=dict)
    crash_before_leaving: bool = False
    generation: int = 1
    """The mirror's."""
    now: datetime = NOW
    _revision: int = 0
    _mapping: int = 0

    def __post_init__(self) -> None:
        for company in (A, B, C):
            self.build(company)

    def build(self, company: CompanyId) -> None:
        number, where = line_of(company), contract_of(company)
        house = House(
            document=new_company(CompanyKey(connection=MAIN, company=company)),
            contracts={where: contract(where, company=company)},
            lines={number: line(number, contract=where, company=company)},
            books={number: book_of(company, where, number, 0, SERVICE)},
            town=self,
        )
        self.houses[str(house.document.id)] = house

    def house(self, company: CompanyId) -> House:
        return self.houses[str(CompanyKey(connection=MAIN, company=company))]

    def add_line(self, company: CompanyId, number: int, service: int, contract_id: int | None = None) -> None:
        """A second line of a company, linked and empty."""
        house, where = self.house(company), ContractId(contract_id or contract_of(company))
        house.contracts.setdefault(where, contract(where, company=company))
        house.lines[LineId(number)] = line(number, service, contract=where, company=company)
        house.books[LineId(number)] = book_of(company, where, LineId(number), 0, ServiceId(service))

    def new_line(self, company: CompanyId, units: int = 0, number: int | None = None) -> None:
        """Its line was never linked and stands at ``units``."""
        house, where = self.house(company), LineId(number or line_of(company))
        agreed = StepFunction.constant(units)
        house.books[where] = house.books[where].model_copy(update={"trust": Trust.NEW, "agreed": agreed})

    def say(
        self,
        company: CompanyId,
        units: StepFunction | int | None,
        since: date | None = None,
        sub: SubscriptionKey | None = None,
        *,
        outcome: MappingOutcome | None = None,
        frozen: Frozen | None = None,
        vendor: str | None = None,
        mapping: int | None = None,
    ) -> None:
        """The mapper says a state under one company, under the mapping said last unless told otherwise."""
        house = self.house(company)
        self._revision += 1
        house._revision = self._revision
        said = outcome or Mapped(company=company, service=SERVICE)
        revision = self._mapping if mapping is None else mapping
        house.say(units, since or self.today, sub, outcome=said, frozen=frozen, vendor=vendor, mapping=revision)

    def map(
        self,
        company: CompanyId,
        units: StepFunction | int | None,
        *,
        came_from: CompanyId | None = None,
        sub: SubscriptionKey | None = None,
        service: int = SERVICE,
        on_contract: int | None = None,
        vendor: str | None = None,
        since: date | None = None,
        hint: bool = True,
    ) -> None:
        """A changed mapping: ``unassigned`` under the company named last, ``mapped`` under the new one."""
        self._mapping += 1
        chosen = None if on_contract is None else ContractId(on_contract)
        begun = since or START
        if came_from is not None and hint:
            gone = Unassigned(company=company)
            frozen = None if units is None else Frozen(asks=None, on=self.today)
            self.say(came_from, units, begun, sub, outcome=gone, frozen=frozen, vendor=vendor)
        where = Mapped(company=company, service=ServiceId(service), contract=chosen)
        self.say(company, units, begun, sub, outcome=where, vendor=vendor)

    def plan(self, company: CompanyId) -> list[object]:
        """One planning of one company, as the planner's handler does it."""
        house = self.house(company)
        house.today, house.generation = self.today, self.generation
        document = house.document
        house.moves = {row.id: row for row in self.rows.values() if document.id in row.leaving}
        house.ends = {row.line: end for row in house.moves.values() if row.line and (end := self._end(row.line))}
        wanted, notices = seek(document, house.facts)
        asked = words(document, wanted) if house.policy.observes(company) else wanted
        yes, no = self._answers(house, asked)
        if house.document.marks != document.marks:
            return []  # marked by its own claim: its save is lost, and it is planned again
        said = house.decide(Seekings(tuple(wanted), yes, no, tuple(notices)))
        last = house.last
        assert last is not None
        if last.again:
            house.document = marked(house.document)
        for other in last.stirred:
            self._mark(other)
        if not self.crash_before_leaving:
            self._leave(house)
        return list(said)

    def _end(self, number: LineId) -> LineEnd | None:
        for house in self.houses.values():
            if number in house.lines:
                mirrored = house.lines[number]
                return LineEnd(mirrored, house.contracts.get(mirrored.contract), house.books.get(number))
        return None

    def _mark(self, company: str) -> None:
        self.houses[company].document = marked(self.houses[company].document)

    def _answers(self, house: House, wanted: list[Wanted]) -> tuple[dict[str, Granted], dict[str, Denied]]:
        yes: dict[str, Granted] = {}
        no: dict[str, Denied] = {}
        lines: dict[str, LineId | None] = {}
        # Twice: what one of them took for a line, the others of that line have too.
        for want in (*wanted, *wanted):
            # Of several that want one claim for different lines in one batch only the first is answered.
            if want.member in yes or (want.claim is not None and lines.get(want.claim, want.line) != want.line):
                continue
            answer = self.take(house, want)
            if isinstance(answer, Granted):
                yes[want.member] = answer
                lines |= {} if want.claim is None else {want.claim: want.line}
            else:
                no[want.member] = answer
        no = {member: answer for member, answer in no.items() if member not in yes}
        return yes, no

    def take(self, house: House, want: Wanted) -> Granted | Denied:
        """The assignment, then, where nobody else may hold it, the claim on its vendor id."""
        documents = {key: one.document for key, one in self.houses.items()}
        current = self.rows.get(want.member)
        holder = documents.get(current.company) if current is not None else None
        row = take_part(current, want, house.document, holder, self.now)
        if isinstance(row, Denied):
            return row
        if row is not None:
            self.rows[want.member] = row
            for company in row.leaving:
                self._mark(company)
        stands = self.rows[want.member]
        grant = granted(stands, documents)
        if want.claim is None or stands.others:
            return grant
        found = self.rows.get(want.claim)
        owner = documents.get(found.company) if found is not None else None
        claim = claims.take(found, want.claim, want, house.document, owner, self.now)
        if isinstance(claim, Denied):
            return claim
        self.rows[want.claim] = claim
        days = [one for one in (grant.free_from, claim.free_from) if one is not None]
        return replace(grant, free_from=max(days, default=None), claim_version=claim.version)

    def _leave(self, house: House) -> None:
        assert house.last is not None
        for freed in house.last.freed:
            given = claims.give_back(self.rows[freed.claim], freed)
            self.rows[freed.claim] = given or self.rows[freed.claim]
        for out in house.last.outs:
            row = take_out(self.rows[out.subscription], out)
            if row is None:
                continue
            if out.claim is not None and (handed := claims.hand_over(self.rows[out.claim], out, row, self.now)):
                self.rows[out.claim] = handed
            self.rows[out.subscription] = row
            self._mark(row.company)

    def settle(self, company: CompanyId, number: LineId | None = None, outcome: Outcome | None = None) -> None:
        """The writer answers what is out on a line."""
        house, where = self.house(company), number or line_of(company)
        jump = house.intent(where).jump
        house.answer(outcome or (Outcome.POSTED if jump else Outcome.IN_PLACE), number=where)

    def run(self, *, settle: bool = True) -> None:
        """Plans what is dirty and answers what is out until nothing happens any more."""
        for _ in range(60):
            busy = [house for house in self.houses.values() if house.document.dirty or house.today != self.today]
            for house in busy:
                self.plan(house.document.company)
            out = [(house, one) for house in self.houses.values() for one in house.books if house.out(one)]
            for house, number in out if settle else ():
                self.settle(house.document.company, number)
            if not busy and not (out and settle):
                return
        raise AssertionError("the town never comes to rest")

    def sweep(self) -> None:
        """The minute's safety: every company is planned, whoever said something or not."""
        for house in self.houses.values():
            house.document = marked(house.document)
        self.run()

    def later(self, number: int) -> None:
        self.today = day(number)
        self.run()

    def approve(self, company: CompanyId) -> None:
        self.house(company).approve()

    def reject(self, company: CompanyId) -> None:
        self.house(company).reject()

    def with_mode(self, company: CompanyId, mode: Mode) -> None:
        for house in self.houses.values():
            house.with_policy(company_modes={**house.policy.company_modes, company: mode})
        self._mark(self.house(company).document.id)

    def units(self, number: int, company: CompanyId, at: LineId | None = None) -> int:
        """Agreed units of a company's line on a day of August."""
        return self.house(company).units(day(number), at or line_of(company))

    def billed(self, number: int) -> int:
        """Units of that day on all lines together, within their contracts."""
        return sum(
            house.units(day(number), one)
            for house in self.houses.values()
            for one, found in house.lines.items()
            if house.contracts[found.contract].end >= day(number)
        )

    def codes(self, company: CompanyId) -> tuple[FindingCode, ...]:
        return self.house(company).notices


def moving_town(units: int = 10) -> Town:
    """A town whose company 101 bills one subscription since 9 August; today is the 10th."""
    town = Town(today=day(9))
    town.map(A, units)
    town.run()
    assert town.units(9, A) == units
    town.today = day(10)
    return town


MINUTE = timedelta(minutes=1)
SUB = str(key())

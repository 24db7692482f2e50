"""The planner's handlers over the memory store, with hand-made books and mirror rows in it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import structlog
from planner_world import COMPANY, LINE, MAIN, POLICY, book, contract, line, mapped

from seatledger.contract_planner.adapters.assignments import StoreAssignments
from seatledger.contract_planner.adapters.reading import StoreReading
from seatledger.contract_planner.domain.assignments import Assignment
from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.ready import ReadyDocument
from seatledger.contract_planner.domain.state import CompanyDocument
from seatledger.contract_planner.handlers.mapped import TakeMapped
from seatledger.contract_planner.handlers.planner import Planner
from seatledger.contract_planner.handlers.planning_loop import PlanningLoop, Watch
from seatledger.contract_planner.handlers.readiness import ReadinessLoop
from seatledger.contract_planner.handlers.settled import TakeSettled
from seatledger.runtime.bus import Received
from seatledger.runtime.clock import FixedCalendar
from seatledger.runtime.findings_store import FindingDocument, StoredFindings
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.store import Documents
from seatledger.schemas.book import LINES, LineBook, Trust
from seatledger.schemas.documents import Document
from seatledger.schemas.envelope import Event, EventData
from seatledger.schemas.heads import ASSIGNMENTS, COMPANIES, PLANNER_WATCH, READINESS
from seatledger.schemas.ids import CompanyKey, LineId
from seatledger.schemas.intents import AdjustmentSettled, IntentReleased, Outcome, Refusal
from seatledger.schemas.mirror import PSA_CONTRACTS, PSA_LINES, PSA_MIRRORS, MirrorState
from seatledger.schemas.planning import PLANS, PlanDocument
from seatledger.schemas.subscriptions import SubscriptionMapped

ID = str(CompanyKey(connection=MAIN, company=COMPANY))


class StillMachine:
    """A machine clock that moves when told."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 8, 10, tzinfo=UTC) + timedelta(seconds=self.at)

    def seconds(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


def received(data: EventData, subject: str, revision: int) -> Received:
    now = datetime(2026, 8, 10, 9, tzinfo=UTC)
    event = Event.about(data, source="/test", subject=subject, revision=revision, time=now)
    return Received(event, data)


@dataclass
class Stage:
    """One planner process over one store. ``another()`` is a second one, or the first after a restart."""

    store: MemoryStore = field(default_factory=MemoryStore)
    policy: Policy = field(default_factory=lambda: replace(POLICY, settle_for=0.0))
    machine: StillMachine = field(default_factory=StillMachine)
    calendar: FixedCalendar = field(default_factory=lambda: FixedCalendar(datetime(2026, 8, 10, 9, tzinfo=UTC)))

    def __post_init__(self) -> None:
        policies = {MAIN: self.policy}
        self.woken = asyncio.Event()
        self.companies = Documents(self.store.collection(COMPANIES), CompanyDocument)
        self.rows = Documents(self.store.collection(ASSIGNMENTS), Assignment)
        self.books = Documents(self.store.collection(LINES), LineBook)
        self.found = Documents(self.store.collection("findings_contract-planner"), FindingDocument)
        self.findings = StoredFindings("contract-planner", self.found, self.calendar)
        self.planner = Planner(
            companies=self.companies,
            plans=Documents(self.store.collection(PLANS), PlanDocument),
            readiness=Documents(self.store.collection(READINESS), ReadyDocument),
            reading=StoreReading(self.store),
            assignments=StoreAssignments(self.rows, self.companies, self.machine),
            findings=self.findings,
            policies=policies,
            calendar=self.calendar,
            machine=self.machine,
            log=structlog.get_logger(),
        )
        self.take_mapped = TakeMapped(self.companies, policies, self.woken)
        self.take_settled = TakeSettled(self.companies, self.woken)
        self.loop = PlanningLoop(self.planner, Documents(self.store.collection(PLANNER_WATCH), Watch))
        self.readiness = ReadinessLoop(
            store=self.store,
            readiness=self.planner.readiness,
            companies=self.companies,
            reading=self.planner.reading,
            findings=self.findings,
            policies=policies,
            machine=self.machine,
            woken=self.woken,
        )

    def another(self, **changes: object) -> "Stage":
        return replace(self, **changes)  # type: ignore[arg-type]  # a test's shorthand

    async def furnish(self, units: int = 10, *, ready: bool = True, trust: Trust = Trust.NEW) -> None:
        """A mirror with one contract and line, its book, and accounts that are ready."""
        await self.put(PSA_CONTRACTS, contract())
        await self.put(PSA_LINES, line())
        await self.put(LINES, book(units, trust=trust))
        state = MirrorState(id="main", connection=MAIN, generation=1, first_mirrored_at=self.machine.now())
        await self.put(PSA_MIRRORS, state)
        for source in self.policy.sources if ready else ():
            now = self.machine.now()
            await self.planner.readiness.save(ReadyDocument(id=source, source=source, noted_at=now, ready_at=now))

    async def put(self, collection: str, document: Document) -> None:
        await self.store.collection(collection).upsert_many([document.model_dump(mode="json", by_alias=True)])

    async def say(self, *said: SubscriptionMapped) -> None:
        await self.take_mapped([received(one, str(one.key), one.revision) for one in said])

    async def say_units(self, sub: object, units: int, since: date, revision: int, **changes: object) -> None:
        await self.say(mapped(sub, units, since, revision, **changes))  # type: ignore[arg-type]  # a test's shorthand

    async def company(self, company: str = ID) -> CompanyDocument:
        found = await self.companies.get(company)
        assert found is not None
        return found

    async def outgoing(self, company: str = ID) -> Sequence[Event]:
        """What the flusher would publish; then it is cleared."""
        document = await self.company(company)
        events = [entry.event for entry in document.outbox]
        await self.companies.collection.clear_outbox(company, [event.id for event in events])
        return events

    async def intent(self, number: LineId = LINE) -> IntentReleased:
        released = (await self.company()).lines[str(number)].released
        assert released is not None
        return released.intent

    async def settle(
        self, outcome: Outcome = Outcome.POSTED, refusal: Refusal | None = None, sequence: int = 1
    ) -> AdjustmentSettled:
        """The writer's answer to the intent that is out: book first, then the event."""
        intent = await self.intent()
        stands = await self.books.get(f"main/{intent.at.line}")
        assert stands is not None
        updates: dict[str, object] = {"version": stands.version + 1}
        if outcome in {Outcome.POSTED, Outcome.IN_PLACE}:
            used = () if intent.on is None else (intent.on,)
            updates |= {
                "agreed": intent.after,
                "trust": Trust.LINKED,
                "dates_used": (*stands.dates_used, *used),
            }
        after = stands.model_copy(update=updates)
        await self.put(LINES, after)
        said = AdjustmentSettled(
            intent=intent.id,
            sequence=sequence,
            at=intent.at,
            outcome=outcome,
            refusal=refusal,
            on=intent.on,
            before=intent.before,
            after=intent.after,
            jump=intent.jump,
            version=after.version,
            agreed=after.agreed,
            dates_used=after.dates_used,
            settled_at=self.calendar.now(),
        )
        await self.take_settled([received(said, intent.id, sequence)])
        return said

    async def open_codes(self) -> list[str]:
        return sorted(one.code.value for one in await self.found.find({"closed_at": None}))

    async def settle_race(self) -> None:
        """A planning raises a finding and then loses its save to a change that takes the finding's cause away."""
        state = contract(status=0)
        await self.put(PSA_CONTRACTS, state)
        beaten = self.companies.save_many

        async def lose(documents: Sequence[CompanyDocument]) -> list[bool]:
            return [False for _ in documents]

        self.companies.save_many = lose  # type: ignore[method-assign]  # the one save that is lost
        await self.planner.plan([ID])
        assert await self.open_codes() == ["contract_ended"]
        self.companies.save_many = beaten  # type: ignore[method-assign]
        await self.put(PSA_CONTRACTS, contract())
        await self.loop()

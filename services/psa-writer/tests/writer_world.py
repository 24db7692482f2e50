"""A whole PSA writer on memory ports and a clock that is set by hand, so that W costs nothing."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

import structlog

from seatledger.psa_writer.adapters.memory import MemoryPsa
from seatledger.psa_writer.domain.history import recorded
from seatledger.psa_writer.handlers.connection import Connection, Ports, connection
from seatledger.psa_writer.handlers.history import History
from seatledger.psa_writer.handlers.planned import Intake
from seatledger.psa_writer.handlers.report import subject_of
from seatledger.psa_writer.handlers.retry_finding import RetryHandler
from seatledger.psa_writer.ports import Psa
from seatledger.psa_writer.settings import ConnectionSettings
from seatledger.runtime.bus import EventSink, MemorySink, Received
from seatledger.runtime.clock import FixedCalendar, MachineClock
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import Documents, Store
from seatledger.schemas.book import INTENTS, LINES, IntentRecord, LineBook
from seatledger.schemas.commands import CommandIssued, Owner, RetryFinding
from seatledger.schemas.envelope import Event, EventData
from seatledger.schemas.findings import Finding, FindingCode, FindingDraft, Subject, finding_identity
from seatledger.schemas.ids import CommandId, CompanyId, ConnectionName, IntentId, LineId, LineKey
from seatledger.schemas.intents import AdjustmentSettled, IntentReleased, IntentWithdrawn
from seatledger.schemas.mirror import PSA_LINES, PSA_MIRRORS, MirrorLine, MirrorState
from seatledger.schemas.steps import StepFunction

MAIN = ConnectionName("main")
ZONE = ZoneInfo("Europe/Amsterdam")
TODAY = date(2026, 3, 10)
WAIT = 900.0
__all__ = ["MAIN", "TODAY", "WAIT", "World", "recorded"]


@dataclass
class HandClock:
    """Machine time that moves when told, or when somebody sleeps."""

    at: float = 1000.0
    start: datetime = datetime(2026, 3, 10, 8, tzinfo=UTC)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.at)

    def seconds(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0)


@dataclass
class FreeLease:
    """A lease that is held while ``mine``."""

    token: str = "lease"
    mine: bool = True

    async def run(self) -> None:
        return None

    def held(self) -> bool:
        return self.mine

    async def release(self) -> None:
        self.mine = False


@dataclass
class KeptFindings:
    """Open findings in a dict."""

    open: dict[tuple[FindingCode, Subject], FindingDraft] = field(default_factory=dict)

    async def raise_(self, *drafts: FindingDraft) -> None:
        self.open |= {(draft.code, draft.subject): draft for draft in drafts}

    async def close(self, code: FindingCode, *subjects: Subject) -> None:
        for subject in subjects:
            self.open.pop((code, subject), None)

    async def reconcile(
        self, scope: Mapping[str, Any], codes: Sequence[FindingCode], drafts: Sequence[FindingDraft]
    ) -> None:
        for code, subject in list(self.open):
            if code in codes and all(getattr(subject, name) == value for name, value in scope.items()):
                del self.open[code, subject]
        await self.raise_(*drafts)

    @property
    def codes(self) -> list[FindingCode]:
        return sorted(code for code, _ in self.open)


@dataclass
class Replica:
    """One process: its own executor memory over the shared store and PSA."""

    parts: Connection
    intake: Intake
    history: History
    books: Documents[LineBook]
    records: Documents[IntentRecord]
    sink: EventSink
    clock: MachineClock
    lease: FreeLease

    async def flush(self) -> None:
        """What the runtime's flusher does: history, bus, clear."""
        books = await self.books.find({"has_outbox": True})
        kept = await self.history.before_publish({book.id: book.outbox for book in books})
        for book in books:
            if book.id not in kept:
                await self._publish(self.books, book)
        for trouble in kept.values():
            raise trouble
        for record in await self.records.find({"has_outbox": True}):
            await self._publish(self.records, record)

    async def _publish(self, documents: Documents[Any], document: LineBook | IntentRecord) -> None:
        if document.outbox:
            await self.sink.publish(document.outbox)
            await documents.collection.clear_outbox(document.id, [entry.event.id for entry in document.outbox])

    async def passes(self, seconds: float, step: float = 15.0) -> None:
        """Executor passes and flushes while the machine's clock runs on."""
        until = self.clock.seconds() + seconds
        await self.one()
        while self.clock.seconds() < until:
            await self.clock.sleep(step)
            await self.one()

    async def one(self) -> None:
        await self.parts.executor.run()
        await self.flush()


class SharedMetrics(Metrics):
    """Those of a world and of its copies: a metric's lock cannot be copied."""

    def __deepcopy__(self, _memo: object) -> Self:
        return self


@dataclass
class World:
    """Store, PSA, bus and clocks; ``replica`` adds a process."""

    hand: HandClock = field(default_factory=HandClock)
    real: MachineClock | None = None
    store: MemoryStore = field(default_factory=MemoryStore)
    sink: MemorySink = field(default_factory=MemorySink)
    findings: KeptFindings = field(default_factory=KeptFindings)
    metrics: Metrics = field(default_factory=SharedMetrics)
    calendar: FixedCalendar = field(default_factory=lambda: FixedCalendar(datetime(2026, 3, 10, 9, tzinfo=UTC)))
    observing: set[int] = field(default_factory=set)
    wait: float = WAIT
    loopback: bool = True
    released: int = 0
    said_retry: int = 0

    def __post_init__(self) -> None:
        self.psa = MemoryPsa(self.hand)
        self._tokens = 0

    @property
    def clock(self) -> MachineClock:
        """Set by hand, unless the world is given real time to work against a real process."""
        return self.real or self.hand

    @property
    def settings(self) -> ConnectionSettings:
        return ConnectionSettings(
            name=MAIN,
            zone=ZONE,
            currency="EUR",
            wait=self.wait,
            mirror_seconds=300.0,
            observes=lambda company: company in self.observing,
            loopback=self.loopback,
        )

    def replica(self, *, psa: Psa | None = None, store: Store | None = None, sink: EventSink | None = None) -> Replica:
        """A process; ports may be wrapped ones."""
        store, lease = store or self.store, FreeLease()
        books, records = (
            Documents(store.collection(LINES), LineBook),
            Documents(store.collection(INTENTS), IntentRecord),
        )
        states = Documents(store.collection(PSA_MIRRORS), MirrorState)
        ports = Ports(
            psa=psa or self.psa,
            store=store,
            books=books,
            states=states,
            findings=self.findings,
            lease=lease,
            calendar=self.calendar,
            machine=self.clock,
            metrics=self.metrics,
            log=structlog.get_logger(),
            new_token=self._token,
            random_bits=lambda _bits: 7_000,
        )
        intake = Intake(
            books=books,
            records=records,
            lines=Documents(store.collection(PSA_LINES), MirrorLine),
            mirrors=states,
            connections=frozenset({MAIN}),
            calendar=self.calendar,
            wake=lambda _name: None,
        )
        parts = connection(self.settings, ports)
        return Replica(
            parts, intake, History(books, records, self.metrics), books, records, sink or self.sink, self.clock, lease
        )

    def _token(self) -> str:
        self._tokens += 1
        return f"token-{self._tokens}"

    async def book(self, line: LineId) -> LineBook:
        found = await Documents(self.store.collection(LINES), LineBook).get(key(line))
        assert found is not None
        return found

    async def mirrored(self, replica: Replica | None = None) -> None:
        """One full mirror: books are born."""
        mirror = (replica or self.replica()).parts.mirror
        mirror.due_at = 0.0
        await mirror.run()

    async def linked(self, *lines: LineId, psa: Psa | None = None) -> Replica:
        """A replica whose lines are linked: the mirror read, and a link without a jump settled on each."""
        replica = self.replica(psa=psa)
        await self.mirrored(replica)
        for line in lines:
            book = await self.book(line)
            await self.tell(replica, self.intent(book, None, 0))
        await replica.passes(0)
        await replica.flush()
        self.sink.published.clear()
        return replica

    def intent(self, book: LineBook, on: date | None, jump: int, name: str | None = None) -> IntentReleased:
        """From ``on`` the line stands ``jump`` higher than agreed."""
        self.released += 1
        after = book.agreed if on is None else book.agreed.shifted_from(on, jump)
        return IntentReleased(
            id=IntentId(name or f"intent-{self.released}"),
            at=book.at,
            version=book.version,
            on=on,
            before=book.agreed,
            after=after,
            jump=jump,
            released_at=self.calendar.now(),
        )

    async def release(self, replica: Replica, line: LineId, on: date | None, jump: int) -> IntentReleased:
        intent = self.intent(await self.book(line), on, jump)
        await self.tell(replica, intent)
        return intent

    async def tell(self, replica: Replica, *messages: IntentReleased | IntentWithdrawn) -> None:
        await replica.intake.handle([received(message) for message in messages])

    def withdrawal(self, intent: IntentReleased) -> IntentWithdrawn:
        return IntentWithdrawn(
            intent=intent.id,
            at=intent.at,
            version=intent.version,
            reason="the wish changed",
            withdrawn_at=self.calendar.now(),
        )

    def said(self, intent: IntentReleased | str) -> list[AdjustmentSettled]:
        """Outcomes published of an intent, in order, each once."""
        wanted = intent if isinstance(intent, str) else intent.id
        events = {
            entry.event.id: entry.event
            for entry in self.sink.published
            if entry.event.type == AdjustmentSettled.event_type and entry.event.subject == wanted
        }
        return [AdjustmentSettled.model_validate(event.data) for event in events.values()]

    def outcomes(self, intent: IntentReleased | str) -> list[str]:
        return [one.outcome.value for one in self.said(intent)]

    async def retry(self, replica: Replica, intent: IntentReleased, command: str | None = None) -> bool:
        """A person's ``resolve FINDING retry``, through the command's handler; ``command``: one that was said before
        and is run again."""
        self.said_retry += 1
        subject = subject_of(intent.at, intent.id)
        finding_id = finding_identity(FindingCode.NOT_SEEN, subject)
        draft = {"code": "not_seen", "message": "", "do": "", "opened_at": "2026-03-10T09:00:00Z"}
        finding = Finding.model_validate({**draft, "_id": finding_id, "subject": subject})
        findings = self.store.collection("findings_psa-writer")
        await findings.upsert_many([finding.model_dump(mode="json", by_alias=True)])
        handler = RetryHandler(replica.books, findings, self.calendar, lambda _name: None)
        issued = CommandIssued(
            id=CommandId(command or f"command-{self.said_retry}"),
            owner=Owner.WRITER,
            actor="a person",
            issued_at=self.calendar.now(),
            body=RetryFinding(finding=finding.id),
        )
        return (await handler.handle(issued)).ok


def key(line: LineId) -> str:
    return str(LineKey(connection=MAIN, line=line))


def received(message: EventData) -> Received:
    subject = message.id if isinstance(message, IntentReleased) else "withdrawal"
    event = Event.about(
        message, source="/contract-planner", subject=subject, revision=1, time=datetime(2026, 3, 10, 9, tzinfo=UTC)
    )
    return Received(event, message)


def units(*steps: tuple[date, int], initial: int = 0) -> StepFunction:
    return StepFunction.of(steps, initial=initial)


Maker = Callable[[], World]
COMPANY = CompanyId(101)

"""A collector over memory twins: a folder or a twin of a distributor, two clocks, a store that can die at any write."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from seatledger.collector.adapters.file_drop import FileDrop
from seatledger.collector.adapters.memory import MemoryAccount, MemoryDistributor
from seatledger.collector.domain.account import Account
from seatledger.collector.domain.hints import Hint
from seatledger.collector.domain.snapshots import Snapshot
from seatledger.collector.domain.sweeps import Cursor, Sweep, SweepResult
from seatledger.collector.domain.usage import UsageDocument
from seatledger.collector.handlers.books import Books
from seatledger.collector.handlers.holding import Holding
from seatledger.collector.handlers.intake import Intake
from seatledger.collector.handlers.rereads import Rereads
from seatledger.collector.handlers.sweep import Sweeper
from seatledger.collector.handlers.turns import Turns
from seatledger.collector.ports import Distributor
from seatledger.runtime.clock import FixedCalendar
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import Collection, Documents
from seatledger.schemas.base import Json
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject
from seatledger.schemas.subscriptions import SubscriptionChanged
from services.collector.tests.collector_samples import NOW, account, profile


@dataclass
class GivenLease:
    """A lease that is held or not, as the test says."""

    holds: bool = True
    token: str = "t"

    async def run(self) -> None: ...

    async def release(self) -> None: ...

    def held(self) -> bool:
        return self.holds


class Crash(BaseException):
    """The process died here: nothing catches a SIGKILL."""


@dataclass
class FakeMachine:
    """Machine time that passes when somebody sleeps."""

    at: float = 1000.0
    started: datetime = NOW

    def now(self) -> datetime:
        return self.started + timedelta(seconds=self.at - 1000.0)

    def seconds(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0)


@dataclass
class Fuse:
    """Dies at the ``left``-th step from now; None never. ``burnt`` counts the steps."""

    left: int | None = None
    burnt: int = 0

    def step(self) -> None:
        self.burnt += 1
        if self.left is not None and self.burnt >= self.left:
            raise Crash(f"at step {self.burnt}")


@dataclass
class Mortal:
    """A collection whose every single write is a step before and a step after it; a batch is many writes."""

    inner: Collection
    fuse: Fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def replace(self, document: Json, *, expected: int) -> bool:
        self.fuse.step()
        done = await self.inner.replace(document, expected=expected)
        self.fuse.step()
        return done

    async def replace_many(self, documents: Sequence[tuple[Json, int]]) -> list[bool]:
        return [await self.replace(document, expected=expected) for document, expected in documents]


@dataclass
class MortalDistributor:
    """Steps around every call on the port."""

    inner: Distributor
    fuse: Fuse

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.inner, name)

        async def stepped(*args: Any, **kwargs: Any) -> Any:
            self.fuse.step()
            result = await call(*args, **kwargs)
            self.fuse.step()
            return result

        return stepped


@dataclass
class Frozen:
    """Comes home from one call on the port and stands still there until it may go on: a host that froze."""

    inner: Distributor
    call: str
    there: asyncio.Event = field(default_factory=asyncio.Event)
    thawed: asyncio.Event = field(default_factory=asyncio.Event)

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.inner, name)

        async def frozen(*args: Any, **kwargs: Any) -> Any:
            result = await call(*args, **kwargs)
            self.there.set()
            await self.thawed.wait()
            return result

        return frozen if name == self.call else call


@dataclass
class OpenFindings:
    """What stands open, by code and subject, and all that was ever raised."""

    open: dict[tuple[FindingCode, Subject], FindingDraft] = field(default_factory=dict)
    closings: int = 0
    """Calls that closed something, or would have."""

    async def raise_(self, *drafts: FindingDraft) -> None:
        self.open.update({(draft.code, draft.subject): draft for draft in drafts})

    async def close(self, code: FindingCode, *subjects: Subject) -> None:
        self.closings += bool(subjects)
        for subject in subjects:
            self.open.pop((code, subject), None)

    async def reconcile(
        self, scope: Mapping[str, Any], codes: Sequence[FindingCode], drafts: Sequence[FindingDraft]
    ) -> None:
        raise AssertionError("the collector closes what it raised by name")

    def codes(self) -> list[str]:
        return sorted(code.value for code, _ in self.open)

    def rows(self) -> list[tuple[str | None, int | None, str | None]]:
        """(subscription, row, column) of the open findings about rows."""
        return sorted(
            ((s.subscription, s.row, s.column) for _, s in self.open if s.file),
            key=lambda place: tuple(map(str, place)),
        )


@dataclass
class World:
    """One account. ``folder`` is None where a memory twin stands for the distributor: a live one, if there is one."""

    folder: Path | None = None
    account: Account = field(default_factory=account)
    calendar: FixedCalendar = field(default_factory=lambda: FixedCalendar(NOW))
    machine: FakeMachine = field(default_factory=FakeMachine)
    store: MemoryStore = field(default_factory=MemoryStore)
    findings: OpenFindings = field(default_factory=OpenFindings)
    metrics: Metrics = field(default_factory=Metrics)
    twin: MemoryDistributor = field(default_factory=MemoryDistributor)
    live: MemoryAccount | None = None

    def drop(self) -> Distributor:
        if self.folder is None:
            return self.live or self.twin
        return FileDrop(self.folder, profile(), self.calendar, self.machine)

    def books(self, fuse: Fuse) -> Books:
        def collection(name: str) -> Mortal:
            return Mortal(self.store.collection(name), fuse)

        return Books(
            Documents(collection("snapshots"), Snapshot),
            Documents(collection("sweeps"), Sweep),
            Documents(collection("cursors"), Cursor),
            Documents(collection("usages"), UsageDocument),
        )

    def sweeper(self, fuse: Fuse | None = None) -> Sweeper:
        """A new process: nothing but the store and the folder is remembered."""
        fuse = fuse or Fuse()
        books = self.books(fuse)
        intake = Intake(self.account, books, self.findings, self.calendar, structlog.get_logger())
        return Sweeper(
            intake=intake,
            distributor=MortalDistributor(self.drop(), fuse),
            sweeps=books.sweeps,
            machine=self.machine,
            metrics=self.metrics,
            poll_seconds=60,
            holding=self.holding(intake, fuse) if self.live is not None else None,
        )

    def hints(self, fuse: Fuse) -> Documents[Hint]:
        return Documents(Mortal(self.store.collection("hints"), fuse), Hint)

    def holding(self, intake: Intake, fuse: Fuse) -> Holding:
        return Holding(intake, self.hints(fuse), self.machine)

    def rereads(self, lease: Any, fuse: Fuse | None = None, *, wake: Callable[[], None] = lambda: None) -> Rereads:
        """A new process, as :meth:`sweeper`."""
        fuse = fuse or Fuse()
        intake = Intake(self.account, self.books(fuse), self.findings, self.calendar, structlog.get_logger())
        return Rereads(
            intake=intake,
            distributor=MortalDistributor(self.drop(), fuse),
            hints=self.hints(fuse),
            holding=self.holding(intake, fuse),
            machine=self.machine,
            lease=lease,
            metrics=Metrics(),
            wake=wake,
        )

    def turns(self, lease: Any) -> Turns:
        return Turns(
            source=self.account.source,
            connection=self.account.connection,
            sweep=self.sweeper().sweep,
            sweeps=self.books(Fuse()).sweeps,
            lease=lease,
            machine=self.machine,
            poll_seconds=60,
            wake=lambda: None,
        )

    async def sweep(self) -> SweepResult:
        return await self.sweeper().sweep()

    async def accept(self) -> SweepResult:
        """As ``collect --accept`` does."""
        turns = self.turns(lease=None)
        await turns.want(accept=f"yes {len(self.events())}")
        return await self.sweep()

    def put(self, name: str, text: str) -> None:
        assert self.folder is not None
        (self.folder / name).write_text(text, encoding="utf-8", newline="")

    def documents(self, name: str) -> list[Json]:
        return [document for _, document in sorted(self.store.collection(name).documents.items())]

    def events(self) -> list[SubscriptionChanged]:
        """All that was said, by key and revision; nothing empties the outboxes here."""
        return [
            SubscriptionChanged.model_validate(entry["event"]["data"])
            for document in self.documents("snapshots")
            for entry in document["outbox"]
        ]

    def said(self, subscription: str = "S1") -> list[SubscriptionChanged]:
        return [event for event in self.events() if event.key.subscription == subscription]

    def last(self, subscription: str = "S1") -> SubscriptionChanged:
        return self.said(subscription)[-1]

    def sweep_row(self) -> Sweep:
        return Sweep.model_validate(self.documents("sweeps")[0])

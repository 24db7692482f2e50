"""The whole mapper over the memory store: batches and commands in, documents and findings out."""

import asyncio
import itertools
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import structlog

from seatledger.mapper.app import build
from seatledger.mapper.domain.results import MappedDocument
from seatledger.runtime.bus import MemorySink, Received
from seatledger.runtime.clock import FixedCalendar, SystemMachine
from seatledger.runtime.config import Config, config_from
from seatledger.runtime.memory import MemoryCollection, MemoryStore
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.service import Answer, Documents, Parts, Runtime
from seatledger.schemas.base import Json
from seatledger.schemas.commands import CommandIssued, MappingRow, Owner, ResetCustomer, SetMappings
from seatledger.schemas.documents import Document
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject, finding_identity
from seatledger.schemas.ids import CommandId, FindingId
from seatledger.schemas.mappings import MAPPING_COLLECTIONS, MappingDocument, MappingKind
from seatledger.schemas.mirror import PSA_COMPANIES, PSA_MIRRORS, PSA_SERVICES, MirrorCompany, MirrorService
from seatledger.schemas.subscriptions import SubscriptionChanged
from services.mapper.tests.mapper_samples import MAIN, NOW, changed_event


class CrashError(Exception):
    """The process died at this write."""


@dataclass(frozen=True)
class Read:
    """A question to the store, and how many documents answered it."""

    collection: str
    where: Mapping[str, Any]
    fields: Sequence[str] | None
    found: int


class CrashingStore(MemoryStore):
    """Dies at the n-th document written (before or after it is stored), yields now and then so that what runs beside
    gets its turn, and notes what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.writes_left: int | None = None
        self.after = False
        self.yields: random.Random | None = None
        self.reads: list[Read] = []
        self.indexes: dict[str, list[tuple[str, ...]]] = defaultdict(list)

    def collection(self, name: str) -> MemoryCollection:
        return self._collections.setdefault(name, _CrashingCollection(self, name))

    async def breathe(self) -> None:
        for _ in range(self.yields.randrange(6) if self.yields else 0):
            await asyncio.sleep(0)

    def count_down(self, *, after: bool) -> None:
        if self.writes_left is None or self.after is not after:
            return
        self.writes_left -= 1
        if self.writes_left == 0:
            raise CrashError


class _CrashingCollection(MemoryCollection):
    def __init__(self, store: CrashingStore, name: str) -> None:
        super().__init__()
        self._store = store
        self._name = name

    async def ensure_index(self, *fields: str, unique: bool = False) -> None:
        self._store.indexes[self._name].append(fields)
        await super().ensure_index(*fields, unique=unique)

    async def find(self, where: Mapping[str, Any], **kwargs: Any) -> list[Json]:
        await self._store.breathe()
        found = await super().find(where, **kwargs)
        self._store.reads.append(Read(self._name, where, kwargs.get("fields"), len(found)))
        return found

    async def replace(self, document: Json, *, expected: int) -> bool:
        await self._store.breathe()
        self._store.count_down(after=False)
        stored = await super().replace(document, expected=expected)
        self._store.count_down(after=True)
        return stored


@dataclass
class FindingsTwin:
    """Findings in memory, equal to what was reconciled last."""

    open: dict[FindingId, FindingDraft] = field(default_factory=dict)

    async def raise_(self, *drafts: FindingDraft) -> None:
        self.open |= {finding_identity(draft.code, draft.subject): draft for draft in drafts}

    async def close(self, code: FindingCode, *subjects: Subject) -> None:
        for subject in subjects:
            self.open.pop(finding_identity(code, subject), None)

    async def reconcile(
        self, scope: Mapping[str, Any], codes: Sequence[FindingCode], drafts: Sequence[FindingDraft]
    ) -> None:
        kept = {
            key: draft
            for key, draft in self.open.items()
            if draft.code not in codes or any(getattr(draft.subject, name) != scope[name] for name in scope)
        }
        self.open = kept
        await self.raise_(*drafts)

    def messages(self) -> dict[str, str]:
        """Messages by code; the last of a code wins."""
        return {draft.code.value: draft.message for draft in self.open.values()}


def bench_config(*, automatic: bool = False, **source: Any) -> Config:
    """One Autotask called main and one drop called drop."""
    psa = {
        "kind": "autotask",
        "url": "http://127.0.0.1:1",
        "username": "u",
        "secret": "s",
        "integration_code": "i",
        "timezone": "Europe/Amsterdam",
        "currency": "EUR",
        "automatic_mapping": "exact_name" if automatic else "none",
    }
    sources = {"drop": {"kind": "file-drop", "psa": "main", "folder": "drop", **source}}
    return config_from({"psa": {"main": psa}, "sources": sources}, Path())


NUMBERS = itertools.count(1)


class Bench:
    """A mapper process over a store that outlives it."""

    def __init__(self, store: CrashingStore | None = None, config: Config | None = None) -> None:
        self.store = store or CrashingStore()
        self.calendar = FixedCalendar(NOW)
        self.findings = FindingsTwin()
        self.config = config or bench_config()
        self.metrics = Metrics()
        self.parts = Parts()

    async def start(self) -> "Bench":
        """Build the service as the runtime does."""
        runtime = Runtime(
            name="mapper",
            replica="r1",
            config=self.config,
            store=self.store,
            sink=MemorySink(),
            calendar=self.calendar,
            machine=SystemMachine(),
            log=structlog.get_logger(),
            metrics=self.metrics,
            findings=self.findings,
            documents=lambda name, model: Documents(self.store.collection(name), model),
            lease=cast(Any, None),
        )
        self.parts = await build(runtime)
        return self

    async def again(self, config: Config | None = None) -> "Bench":
        """The same store under a new process."""
        fresh = Bench(self.store, config or self.config)
        fresh.calendar.at, fresh.findings = self.calendar.at, self.findings
        return await fresh.start()

    async def see(self, *snapshots: SubscriptionChanged) -> None:
        """One batch from the bus."""
        batch = [Received(event=changed_event(data), data=data) for data in snapshots]
        await self.parts.subscriptions[0].handle(batch)

    async def map(self, *rows: MappingRow) -> Answer:
        return await self.say(SetMappings(rows=rows))

    async def say(self, body: SetMappings | ResetCustomer) -> Answer:
        command = CommandIssued(
            id=CommandId(f"k{next(NUMBERS)}"), owner=Owner.MAPPER, actor="ann", issued_at=NOW, body=body
        )
        return await self.parts.commands[type(body)](command)

    async def loops(self) -> None:
        """One round of each loop."""
        for loop in self.parts.loops:
            await loop.run()

    async def on(self, instant: datetime) -> None:
        """The calendar moves; a round of the loops follows."""
        self.calendar.at = instant
        await self.loops()

    async def mirrored(self, *things: MirrorCompany | MirrorService, generation: int = 1) -> None:
        """The writer has read Autotask: exactly these companies and services."""
        for name, kind in ((PSA_COMPANIES, MirrorCompany), (PSA_SERVICES, MirrorService)):
            await self.store.collection(name).delete_many({})
            await self.store.collection(name).upsert_many([_json(thing) for thing in things if isinstance(thing, kind)])
        state = {"_id": MAIN, "connection": MAIN, "generation": generation}
        await self.store.collection(PSA_MIRRORS).upsert_many([state])

    async def mapped(self, subscription: str = "S1") -> MappedDocument:
        found = await self.store.collection("mapped").get(f"drop/{subscription}//all")
        return MappedDocument.model_validate(found)

    async def row(self, kind: MappingKind, document_id: str) -> MappingDocument:
        found = await self.store.collection(MAPPING_COLLECTIONS[kind]).get(document_id)
        return MappingDocument.model_validate(found)

    async def all_mapped(self) -> list[MappedDocument]:
        found = await self.store.collection("mapped").find({}, sort=[("_id", 1)])
        return [MappedDocument.model_validate(document) for document in found]


def customer_row(key: str = "c1", target: int | None = 101, **fields: Any) -> MappingRow:
    return MappingRow.model_validate({"kind": "company", "source": "drop", "key": key, "target": target, **fields})


def offer_row(key: str = "O1", target: int | None = 7, **fields: Any) -> MappingRow:
    return MappingRow.model_validate({"kind": "offer", "source": "drop", "key": key, "target": target, **fields})


def contract_row(key: str = "S1", target: int | None = 55, **fields: Any) -> MappingRow:
    return MappingRow.model_validate({"kind": "contract", "source": "drop", "key": key, "target": target, **fields})


def _json(document: Document) -> Json:
    return document.model_dump(mode="json", by_alias=True)


def kinds(documents: Iterable[MappedDocument]) -> dict[str, str]:
    """Subscription → kind of outcome."""
    return {document.subscription: document.outcome.kind for document in documents}

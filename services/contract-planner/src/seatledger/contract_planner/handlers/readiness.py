"""Finds out which source accounts are ready, from the stores, by the question that ``drain`` asks (kernel.md 5)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.ready import ReadyDocument
from seatledger.contract_planner.domain.state import CompanyDocument, mark
from seatledger.contract_planner.ports import Reading
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.findings import Findings
from seatledger.runtime.progress import read_progress
from seatledger.runtime.store import Documents, Store
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject
from seatledger.schemas.heads import SWEEPS
from seatledger.schemas.ids import ConnectionName, SourceName
from seatledger.schemas.pending import newly_ready

PATIENCE = timedelta(hours=1)
"""Machine time from the connection's first mirror after which an account that is not ready is a finding."""


@dataclass
class ReadinessLoop:
    """Noted first, then the companies are made dirty, then ``ready_at``: ``drain`` sees no gap between them."""

    store: Store
    readiness: Documents[ReadyDocument]
    companies: Documents[CompanyDocument]
    reading: Reading
    findings: Findings
    policies: Mapping[ConnectionName, Policy]
    machine: MachineClock
    woken: asyncio.Event
    _done: frozenset[str] = frozenset()
    _told: set[str] = field(default_factory=set)

    async def __call__(self) -> None:
        rows = {row.id: row for row in await self.readiness.find({})}
        self._done = frozenset(key for key, row in rows.items() if row.ready_at is not None)
        for row in rows.values():
            if row.ready_at is None:
                await self._finish(row)
        await self._look(set(rows))
        await self._complain()

    def _sources(self) -> dict[str, ConnectionName]:
        return {name: policy.connection for policy in self.policies.values() for name in policy.sources}

    async def _look(self, noted: set[str]) -> None:
        """The whole comparison is made only while some account has ended a sweep and is not noted."""
        swept = {row["_id"] for row in await self.store.collection(SWEEPS).find({"ended": {"$gt": 0}}, fields=["_id"])}
        if not swept - noted:
            return
        progress = await read_progress(self.store)
        for source in newly_ready(progress, sorted(swept - noted)):
            row = ReadyDocument(id=source, source=source, noted_at=self.machine.now())
            await self.readiness.save(row)
            await self._finish(row.model_copy(update={"rev": 1}))

    async def _finish(self, row: ReadyDocument) -> None:
        connection = self._sources().get(row.source)
        if connection is not None:
            ids = await self.companies.collection.find({"connection": connection}, fields=["_id"])
            await self.companies.change_many({one["_id"]: mark for one in ids})
            self.woken.set()
        await self.readiness.change(row.id, lambda found: _ready(found, self.machine.now()))
        self._done |= {row.id}
        await self.findings.close(FindingCode.SOURCE_INCOMPLETE, _subject(row.source, connection))

    async def _complain(self) -> None:
        mirrors = await self.reading.mirrors()
        for source, connection in self._sources().items():
            known = source in self._done or source in self._told
            state = mirrors.get(connection)
            if known or state is None or self.policies[connection].source(source).retired:
                continue
            begun = state.first_mirrored_at
            if begun is not None and self.machine.now() - begun >= PATIENCE:
                self._told.add(source)
                await self.findings.raise_(_incomplete(SourceName(source), connection))


def _ready(found: ReadyDocument | None, now: datetime) -> ReadyDocument | None:
    return None if found is None or found.ready_at is not None else found.model_copy(update={"ready_at": now})


def _subject(source: SourceName, connection: ConnectionName | None) -> Subject:
    return Subject(source=source, connection=connection)


def _incomplete(source: SourceName, connection: ConnectionName) -> FindingDraft:
    return FindingDraft(
        FindingCode.SOURCE_INCOMPLETE,
        _subject(source, connection),
        f"no sweep of {source} has come to its end and been mapped; new lines of {connection} wait for it",
        "Mend the source, or set `required: false` on it, or take it out of the configuration.",
    )

"""Bring the mapper's findings in line with what its documents say."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from seatledger.mapper.domain.basis import SourceRule
from seatledger.mapper.domain.troubles import TARGET_CODES, UNMAPPED_CODES, targets, unmapped
from seatledger.mapper.ports import Days, Mirror, Repository
from seatledger.runtime.findings import Findings
from seatledger.schemas.findings import FindingDraft
from seatledger.schemas.ids import SourceName


@dataclass(frozen=True)
class Reporter:
    """Findings per source account: raised and closed together, so that they close by themselves."""

    repository: Repository
    findings: Findings
    mirror: Mirror
    rules: Mapping[SourceName, SourceRule]
    days: Days
    due: set[SourceName] = field(default_factory=set)
    """Source accounts of which something was decided since their findings were looked at."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Reading and reconciling are one step here: an older look must not undo what a newer one said."""

    async def catch_up(self) -> None:
        """What is due now, each account once however many batches came. It need not stand in the store: the first round
        of a process reports every account, and ``drain`` compares what was reported with the documents themselves."""
        for source in sorted(self.due):
            self.due.discard(source)
            try:
                await self._unmapped(source)
            except BaseException:
                self.due.add(source)
                raise

    async def unmapped(self, sources: Iterable[SourceName]) -> None:
        """Customers without a company and offers without a service."""
        for source in sorted(sources):
            await self._unmapped(source)

    async def _unmapped(self, source: SourceName) -> None:
        async with self.lock:
            waiting = await self.repository.waiting(source)
            rule = self.rules.get(source)
            found = unmapped(source, waiting, self.days.today(rule.connection)) if rule else []
            await self.findings.reconcile({"source": source}, UNMAPPED_CODES, found)
            await self.repository.reported(source, waiting)

    async def targets(self, sources: Iterable[SourceName]) -> None:
        """Rows whose company or service the mirror does not show as active."""
        for source in sorted(sources):
            await self._targets(source)

    async def _targets(self, source: SourceName) -> None:
        async with self.lock:
            rule = self.rules.get(source)
            found: list[FindingDraft] = []
            if rule is not None:
                directory = await self.mirror.directory(rule.connection)
                found = targets(await self.repository.targeting(source), rule.connection, directory)
            await self.findings.reconcile({"source": source}, TARGET_CODES, found)

"""The loop behind changed mapping rows: decide all that they touch, then lower their flag."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seatledger.mapper.domain.basis import SourceRule
from seatledger.mapper.domain.names import fold
from seatledger.mapper.handlers.report import Reporter
from seatledger.mapper.handlers.settle import Settler
from seatledger.mapper.ports import Mirror, Repository
from seatledger.schemas.ids import CompanyId, SourceName
from seatledger.schemas.mappings import MappingDocument, MappingKind


@dataclass(frozen=True)
class Redecide:
    """Crash-safe without bookkeeping: the flag falls last, and only in the revision under which all was decided."""

    repository: Repository
    settler: Settler
    reporter: Reporter
    mirror: Mirror
    rules: Mapping[SourceName, SourceRule]

    async def __call__(self) -> None:
        flagged = await self.repository.flagged()
        rows = [row for found in flagged.values() for row in found]
        if not rows:
            return
        touched = await self.repository.touched_by(rows) | await self._named_like_targets(flagged["company"])
        await self.settler.settle(touched)
        sources = {row.source for row in rows}
        await self.reporter.unmapped(sources)
        await self.reporter.targets(sources)
        await self._lower(flagged)

    async def _named_like_targets(self, rows: Iterable[MappingDocument]) -> set[str]:
        """Customers that automatic mapping puts on a company which a row took, or gave back (C27)."""
        names: set[tuple[SourceName, str]] = set()
        for row in rows:
            rule = self.rules.get(row.source)
            if rule is None or not rule.automatic:
                continue
            directory = await self.mirror.directory(rule.connection)
            companies = (directory.company.get(target) for target in _targets(row))
            names |= {(row.source, fold(company.name)) for company in companies if company is not None}
        return await self.repository.named(names)

    async def _lower(self, flagged: Mapping[MappingKind, list[MappingDocument]]) -> None:
        """A row that changed meanwhile keeps its flag: compare-and-set fails, the next round decides again."""
        for kind, rows in flagged.items():
            if rows:
                lowered = [row.model_copy(update={"redecide": False}) for row in rows]
                await self.repository.rows[kind].save_many(lowered)


def _targets(row: MappingDocument) -> set[CompanyId]:
    words = [row.word, *(change.word for change in row.history)]
    return {CompanyId(word.target) for word in words if word.target is not None}

"""Gather what rows are judged by, a few questions for all rows together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seatledger.mapper.domain.basis import Holding, SourceRule
from seatledger.mapper.domain.setting import Known, MappingRows
from seatledger.mapper.ports import Mirror, Repository
from seatledger.schemas.commands import MappingRow
from seatledger.schemas.ids import CompanyId, ConnectionName, SourceName, join
from seatledger.schemas.mappings import MappingKind, mapping_id

Key = tuple[SourceName, str]


@dataclass(frozen=True)
class Gather:
    """Reads rows, names, places and the mirror before a command is judged."""

    repository: Repository
    mirror: Mirror
    rules: Mapping[SourceName, SourceRule]

    async def __call__(self, rows: Sequence[MappingRow]) -> Known:
        holdings = _holdings(rows)
        held = await self.repository.holders(holdings)
        placed = await self.repository.placed(pair for pair in holdings if self._is_automatic(pair[0]))
        standing = await self.repository.standing(_keys(rows, "contract"))
        customers = {
            *_keys(rows, "company"),
            *((source, row.key) for (source, _), found in held.items() for row in found),
            *((source, customer) for (source, _), found in placed.items() for customer in found),
            *((source, found.customer) for (source, _), found in standing.items()),
        }
        connections = self._connections(rows)
        with_contracts = self._connections(row for row in rows if row.kind == "contract")
        return Known(
            rules=self.rules,
            documents=await self._documents(rows, customers),
            names=await self._names(customers, _keys(rows, "offer")),
            placed=placed,
            standing=standing,
            directories={connection: await self.mirror.directory(connection) for connection in connections},
            contracts={connection: await self.mirror.contracts(connection) for connection in with_contracts},
        )

    async def _documents(self, rows: Sequence[MappingRow], customers: Iterable[Key]) -> MappingRows:
        """The rows' own documents, and the company rows of every customer in question."""
        wanted: dict[MappingKind, set[str]] = {kind: set() for kind in self.repository.rows}
        wanted["company"] |= {join(source, customer) for source, customer in customers}
        for row in rows:
            wanted[row.kind].add(mapping_id(row))
        stored: MappingRows = {}
        for kind, ids in wanted.items():
            found = await self.repository.rows[kind].get_many(sorted(ids))
            stored |= {(kind, document_id): document for document_id, document in found.items()}
        return stored

    async def _names(
        self, customers: Iterable[Key], offers: Iterable[Key]
    ) -> dict[tuple[MappingKind, SourceName, str], str]:
        names: dict[tuple[MappingKind, SourceName, str], str] = {}
        for (source, key), name in (await self.repository.called("company", customers)).items():
            names["company", source, key] = name
        for (source, key), name in (await self.repository.called("offer", offers)).items():
            names["offer", source, key] = name
        return names

    def _is_automatic(self, source: SourceName) -> bool:
        return source in self.rules and self.rules[source].automatic

    def _connections(self, rows: Iterable[MappingRow]) -> set[ConnectionName]:
        return {self.rules[row.source].connection for row in rows if row.source in self.rules}


def _keys(rows: Iterable[MappingRow], kind: MappingKind) -> set[Key]:
    return {(row.source, row.key) for row in rows if row.kind == kind}


def _holdings(rows: Iterable[MappingRow]) -> set[Holding]:
    return {(row.source, CompanyId(row.target)) for row in rows if row.kind == "company" and row.target is not None}

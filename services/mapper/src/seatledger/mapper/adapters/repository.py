"""The mapper's collections, behind :class:`seatledger.mapper.ports.Repository`."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from seatledger.mapper.domain.basis import Holding, Name, company_row_id, contract_row_id, offer_row_ids
from seatledger.mapper.domain.results import MappedDocument
from seatledger.mapper.domain.setting import Standing
from seatledger.mapper.domain.waiting import WAITING_FIELDS, Waiting
from seatledger.mapper.domain.watching import Report, Watch
from seatledger.runtime.store import Documents
from seatledger.schemas.base import Json
from seatledger.schemas.ids import CompanyId, ConnectionName, SourceName
from seatledger.schemas.mappings import MappingDocument, MappingKind
from seatledger.schemas.pending import lacking_digest
from seatledger.schemas.shapes import ReplacedResult
from seatledger.schemas.subscriptions import SubscriptionChanged

TOUCHES: Mapping[MappingKind, str] = {"company": "customer", "offer": "offer", "contract": "subscription"}
"""The field of a mapped document that a row of a kind is about."""

NAME_PATHS: Mapping[MappingKind, tuple[str, ...]] = {
    "company": ("sighting", "snapshot", "customer", "name"),
    "offer": ("sighting", "snapshot", "offer_name"),
}


@dataclass(frozen=True)
class MapperRepository:
    """Where the mapper's documents stand; it is their only writer."""

    mapped: Documents[MappedDocument]
    replaced: Documents[ReplacedResult]
    rows: Mapping[MappingKind, Documents[MappingDocument]]
    watches: Documents[Watch]
    reports: Documents[Report]

    async def prepare(self, *, automatic: bool) -> None:
        """Indexes for what every batch asks; each costs every write, so what only commands ask goes without. A batch's
        questions name the first fields of an index and no others: the embedded store takes one for nothing less."""
        mapped, companies = self.mapped.collection, self.rows["company"].collection
        await mapped.ensure_index("source", "customer")
        await mapped.ensure_index("source", "lacking")
        await companies.ensure_index("claim", unique=True)
        if automatic:
            await mapped.ensure_index("source", "name_key")
            await companies.ensure_index("source", "word.target")
        for rows in self.rows.values():
            await rows.collection.ensure_index("redecide")

    async def keep(self, results: Sequence[ReplacedResult]) -> None:
        rows = [one.model_dump(mode="json", by_alias=True) for one in results]
        await self.replaced.collection.upsert_many(rows)

    async def rows_for(self, snapshots: Iterable[SubscriptionChanged]) -> dict[MappingKind, dict[str, MappingDocument]]:
        wanted: dict[MappingKind, set[str]] = {"company": set(), "offer": set(), "contract": set()}
        for snapshot in snapshots:
            wanted["company"].add(company_row_id(snapshot))
            wanted["offer"].update(offer_row_ids(snapshot))
            wanted["contract"].add(contract_row_id(snapshot))
        return {kind: await self.rows[kind].get_many(sorted(ids)) for kind, ids in wanted.items()}

    async def namesakes(self, names: Iterable[Name], but: Collection[str]) -> dict[Name, set[str]]:
        found: dict[Name, set[str]] = defaultdict(set)
        for source, keys in _by_source(names).items():
            where = {"source": source, "name_key": {"$in": sorted(keys)}}
            for document in await self.mapped.collection.find(where, fields=["name_key", "customer"]):
                if document["_id"] not in but:
                    found[source, document["name_key"]].add(document["customer"])
        return found

    async def named(self, names: Iterable[Name]) -> set[str]:
        found: set[str] = set()
        for source, keys in _by_source(names).items():
            found |= await self._ids({"source": source, "name_key": {"$in": sorted(keys)}})
        return found

    async def holders(self, companies: Iterable[Holding]) -> dict[Holding, tuple[MappingDocument, ...]]:
        found: dict[Holding, tuple[MappingDocument, ...]] = {}
        for source, targets in _by_source(companies).items():
            where = {"source": source, "word.target": {"$in": sorted(targets)}}
            for row in await self.rows["company"].find(where):
                if row.word.state != "mapped":
                    continue
                holding = (source, CompanyId(row.word.target or 0))
                found[holding] = (*found.get(holding, ()), row)
        return found

    async def flagged(self) -> dict[MappingKind, list[MappingDocument]]:
        return {kind: await rows.find({"redecide": True}) for kind, rows in self.rows.items()}

    async def expired(self, today: date) -> list[MappingDocument]:
        where = {"word.state": "ignored", "word.expires_on": {"$lt": today.isoformat()}}
        return [row for rows in self.rows.values() for row in await rows.find(where)]

    async def targeting(self, source: SourceName) -> list[MappingDocument]:
        where = {"source": source, "word.state": "mapped"}
        return [*await self.rows["company"].find(where), *await self.rows["offer"].find(where)]

    async def touched_by(self, rows: Iterable[MappingDocument]) -> set[str]:
        keys: dict[tuple[MappingKind, SourceName], set[str]] = defaultdict(set)
        for row in rows:
            keys[row.kind, row.source].add(row.key)
        found: set[str] = set()
        for (kind, source), wanted in keys.items():
            found |= await self._ids({"source": source, TOUCHES[kind]: {"$in": sorted(wanted)}})
        return found

    async def waiting(self, source: SourceName) -> list[Waiting]:
        where = {"source": source, "lacking": True}
        found = await self.mapped.collection.find(where, fields=WAITING_FIELDS)
        return [Waiting.model_validate(document) for document in found]

    async def reported(self, source: SourceName, waiting: Iterable[Waiting]) -> None:
        lacking = lacking_digest((document.id, document.rev) for document in waiting)
        await self.reports.change(
            source, lambda found: (found or Report(id=source)).model_copy(update={"lacking": lacking})
        )

    async def on_connection(self, connection: ConnectionName) -> set[str]:
        return await self._ids({"connection": connection})

    async def everything(self) -> set[str]:
        return await self._ids({})

    async def sources(self) -> set[SourceName]:
        return {SourceName(found["source"]) for found in await self.mapped.collection.find({}, fields=["source"])}

    async def _ids(self, where: Mapping[str, object]) -> set[str]:
        found: Sequence[Json] = await self.mapped.collection.find(where, fields=["_id"])
        return {str(document["_id"]) for document in found}

    async def called(
        self, kind: MappingKind, keys: Iterable[tuple[SourceName, str]]
    ) -> dict[tuple[SourceName, str], str]:
        field, path = TOUCHES[kind], NAME_PATHS[kind]
        found: dict[tuple[SourceName, str], str] = {}
        for source, wanted in _by_source(keys).items():
            where = {"source": source, field: {"$in": sorted(wanted)}}
            for document in await self.mapped.collection.find(where, fields=[field, ".".join(path)]):
                found[source, document[field]] = _at(document, path)
        return found

    async def placed(self, companies: Iterable[Holding]) -> dict[Holding, frozenset[str]]:
        found: dict[Holding, set[str]] = defaultdict(set)
        for source, targets in _by_source(companies).items():
            where = {"source": source, "outcome.company": {"$in": sorted(targets)}}
            for document in await self.mapped.collection.find(where, fields=["customer", "outcome.company"]):
                found[source, CompanyId(document["outcome"]["company"])].add(document["customer"])
        return {holding: frozenset(customers) for holding, customers in found.items()}

    async def standing(self, keys: Iterable[tuple[SourceName, str]]) -> dict[tuple[SourceName, str], Standing]:
        found: dict[tuple[SourceName, str], Standing] = {}
        for source, wanted in _by_source(keys).items():
            where = {"source": source, "subscription": {"$in": sorted(wanted)}}
            fields = ["subscription", "customer", "outcome.company"]
            for document in await self.mapped.collection.find(where, fields=fields):
                company = document["outcome"].get("company")
                found[source, document["subscription"]] = Standing(document["customer"], company)
        return found

    async def subscriptions_of(self, source: SourceName, customer: str) -> set[str]:
        where = {"source": source, "customer": customer}
        found = await self.mapped.collection.find(where, fields=["subscription"])
        return {str(document["subscription"]) for document in found}


def _at(document: Json, path: Sequence[str]) -> str:
    value: Any = document
    for part in path:
        value = value[part]
    return str(value)


def _by_source(pairs: Iterable[tuple[SourceName, str]] | Iterable[Holding]) -> dict[SourceName, set[str | int]]:
    found: dict[SourceName, set[str | int]] = defaultdict(set)
    for source, value in pairs:
        found[source].add(value)
    return found

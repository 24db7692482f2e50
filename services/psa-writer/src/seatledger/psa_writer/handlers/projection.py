"""Writes the mirror's collections: only what changed, and what is gone only after a full reading."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seatledger.psa_writer.ports import CompanyRow, ContractRow, LineRow, ServiceRow
from seatledger.runtime.store import Collection, Store
from seatledger.schemas.base import Json
from seatledger.schemas.documents import Document
from seatledger.schemas.ids import ConnectionName, ContractId, LineId, join
from seatledger.schemas.mirror import (
    PSA_COMPANIES,
    PSA_CONTRACTS,
    PSA_LINES,
    PSA_SERVICES,
    MirrorCompany,
    MirrorContract,
    MirrorLine,
    MirrorService,
    UnitRow,
)


@dataclass
class Projection:
    connection: ConnectionName
    store: Store

    async def write(
        self,
        companies: Sequence[CompanyRow],
        services: Sequence[ServiceRow],
        contracts: Sequence[ContractRow],
        lines: Sequence[LineRow],
        rows: Mapping[LineId, tuple[UnitRow, ...]],
    ) -> None:
        """Make the collections equal to one full reading. Companies come first: what refers comes after."""
        by_id = {contract.facts.contract: contract for contract in contracts}
        await self._replace(PSA_COMPANIES, [self._company(row) for row in companies])
        await self._replace(PSA_SERVICES, [self._service(row) for row in services])
        await self._replace(PSA_CONTRACTS, [self._contract(row) for row in contracts])
        await self._replace(PSA_LINES, [self._line(row, by_id, rows.get(row.line, ())) for row in lines])

    async def _replace(self, name: str, documents: Iterable[Document]) -> None:
        collection: Collection = self.store.collection(name)
        wanted = {document.id: document.model_dump(mode="json", by_alias=True) for document in documents}
        stored = {found["_id"]: found for found in await collection.find({"connection": self.connection})}
        changed = [document for key, document in wanted.items() if not _same(stored.get(key), document)]
        if changed:
            await collection.upsert_many(changed)
        gone = sorted(set(stored) - set(wanted))
        if gone and wanted:
            await collection.delete_many({"_id": {"$in": gone}})

    def _id(self, number: int) -> str:
        return join(self.connection, number)

    def _company(self, row: CompanyRow) -> MirrorCompany:
        return MirrorCompany(
            id=self._id(row.company),
            connection=self.connection,
            company=row.company,
            name=row.name,
            company_type=row.company_type,
            is_active=row.is_active,
        )

    def _service(self, row: ServiceRow) -> MirrorService:
        return MirrorService(
            id=self._id(row.service),
            connection=self.connection,
            service=row.service,
            name=row.name,
            is_active=row.is_active,
            period_type=row.period_type,
            unit_price=row.unit_price,
        )

    def _contract(self, row: ContractRow) -> MirrorContract:
        return MirrorContract(
            id=self._id(row.facts.contract),
            connection=self.connection,
            contract=row.facts.contract,
            company=row.facts.company,
            name=row.name,
            contract_type=row.contract_type,
            period_type=row.facts.period_type,
            status=row.facts.status,
            start=row.facts.start,
            end=row.facts.end,
        )

    def _line(self, row: LineRow, contracts: Mapping[ContractId, ContractRow], rows: tuple[UnitRow, ...]) -> MirrorLine:
        return MirrorLine(
            id=self._id(row.line),
            connection=self.connection,
            line=row.line,
            contract=row.contract,
            company=contracts[row.contract].facts.company,
            service=row.service,
            unit_price=row.unit_price,
            rows=rows,
        )


def _same(stored: Json | None, wanted: Json) -> bool:
    return stored is not None and all(stored.get(key) == value for key, value in wanted.items())

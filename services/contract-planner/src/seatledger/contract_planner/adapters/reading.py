"""The mirror and the books, read through the store; both are written by the PSA writer alone."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from seatledger.contract_planner.domain.facts import LineEnd
from seatledger.contract_planner.domain.state import CompanyDocument
from seatledger.contract_planner.ports import Surroundings
from seatledger.runtime.store import Documents, Store
from seatledger.schemas.book import LINES, LineBook
from seatledger.schemas.ids import CompanyKey, ConnectionName, ContractId, LineId, LineKey, join
from seatledger.schemas.mirror import (
    PSA_CONTRACTS,
    PSA_LINES,
    PSA_MIRRORS,
    MirrorContract,
    MirrorLine,
    MirrorState,
)


class StoreReading:
    """Three reads for a whole batch of companies: contracts, lines, books."""

    def __init__(self, store: Store) -> None:
        self._contracts = Documents(store.collection(PSA_CONTRACTS), MirrorContract)
        self._lines = Documents(store.collection(PSA_LINES), MirrorLine)
        self._books = Documents(store.collection(LINES), LineBook)
        self._mirrors = Documents(store.collection(PSA_MIRRORS), MirrorState)

    async def prepare(self) -> None:
        """Indexes for reads by company, on collections that somebody else writes."""
        await self._contracts.collection.ensure_index("company")
        await self._lines.collection.ensure_index("company")

    async def around(self, documents: Sequence[CompanyDocument]) -> Mapping[str, Surroundings]:
        where = {"company": {"$in": sorted({document.company for document in documents})}}
        contracts: defaultdict[str, dict[ContractId, MirrorContract]] = defaultdict(dict)
        for contract in await self._contracts.find(where):
            contracts[_company(contract)][contract.contract] = contract
        lines: defaultdict[str, dict[LineId, MirrorLine]] = defaultdict(dict)
        for line in await self._lines.find(where):
            lines[_company(line)][line.line] = line
        wanted = {document.id: _book_ids(document, lines[document.id]) for document in documents}
        books = await self._books.get_many(sorted({one for ids in wanted.values() for one in ids}))
        return {
            company: Surroundings(
                contracts[company], lines[company], {books[one].at.line: books[one] for one in ids if one in books}
            )
            for company, ids in wanted.items()
        }

    async def ends(self, lines: Sequence[LineKey]) -> Mapping[LineKey, LineEnd]:
        ids = sorted({str(key) for key in lines})
        found = await self._lines.get_many(ids)
        wanted = {str(LineKey(connection=one.connection, line=one.line)): _contract_id(one) for one in found.values()}
        contracts = await self._contracts.get_many(sorted(set(wanted.values())))
        books = await self._books.get_many(ids) if found else {}
        return {
            LineKey.parse(key): LineEnd(line, contracts.get(wanted[key]), books.get(key)) for key, line in found.items()
        }

    async def mirrors(self) -> Mapping[ConnectionName, MirrorState]:
        return {state.connection: state for state in await self._mirrors.find({})}


def _contract_id(row: MirrorLine) -> str:
    return join(row.connection, row.contract)


def _company(row: MirrorContract | MirrorLine) -> str:
    return str(CompanyKey(connection=row.connection, company=row.company))


def _book_ids(document: CompanyDocument, lines: Mapping[LineId, MirrorLine]) -> list[str]:
    """Books of the lines that it has, and of those that its members may be given."""
    services = {mapped.service for member in document.members.values() if (mapped := member.mapped) is not None}
    wanted = {line.line for line in lines.values() if line.service in services}
    wanted |= {line.line for line in document.lines.values()}
    return [str(LineKey(connection=document.connection, line=line)) for line in sorted(wanted)]

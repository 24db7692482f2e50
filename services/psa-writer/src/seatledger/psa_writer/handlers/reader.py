"""Reads many lines in few calls: their contracts, their rows, and the line itself where it shows no row."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from seatledger.psa_writer.domain.drift import read_from
from seatledger.psa_writer.domain.reading import ContractFacts, Reading
from seatledger.psa_writer.ports import Psa
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.store import Documents
from seatledger.schemas.book import LineBook, OpenState, Trust
from seatledger.schemas.ids import ContractId, LineId
from seatledger.schemas.mirror import MirrorLine, UnitRow

RECENTLY = timedelta(days=62)
"""Lines read from an older day are asked for apart, so that one of them does not make all answers long."""
CONTRACT_KEPT = 30.0
"""Seconds for which a contract's grid is used again where nothing is about to be sent."""


@dataclass
class Reader:
    psa: Psa
    machine: MachineClock
    mirror: Documents[MirrorLine]
    contracts: dict[ContractId, tuple[float, ContractFacts]] = field(default_factory=dict)

    async def read(self, books: Sequence[LineBook], today: date) -> dict[str, Reading]:
        """A reading for each book, by its id. Raises :class:`PsaError` where Autotask cannot be read."""
        read_at = self.machine.seconds()
        contracts = await self._contracts(books, read_at)
        since = {book.id: None if _wholly(book) else read_from(book, today) for book in books}
        rows = await self._rows(books, since, today)
        without = [book.at.line for book in books if not _reaches(rows.get(book.at.line, ()), read_from(book, today))]
        readable = {line.line for line in await self.psa.read_lines(without)} if without else set()
        unseen = {
            one.id for one in books if one.at.contract not in contracts or _is_missing(one.at.line, rows, readable)
        }
        mirrored = await self._mirrored(unseen)
        return {
            book.id: Reading(
                line=book.at.line,
                rows=rows.get(book.at.line, ()),
                contract=contracts.get(book.at.contract),
                readable=book.at.line in readable or book.at.line not in without,
                mirrored=book.id not in unseen or book.id in mirrored,
                since=since[book.id],
                read_at=read_at,
            )
            for book in books
        }

    async def _mirrored(self, lines: Collection[str]) -> frozenset[str]:
        if not lines:
            return frozenset()
        found = await self.mirror.collection.find({"_id": {"$in": sorted(lines)}}, fields=["_id"])
        return frozenset(row["_id"] for row in found)

    async def _contracts(self, books: Sequence[LineBook], now: float) -> dict[ContractId, ContractFacts]:
        """Fresh for what may be sent; elsewhere as read within the same half minute."""
        wanted = sorted({book.at.contract for book in books if _may_be_sent(book) or not self._kept(book, now)})
        if wanted:
            for row in await self.psa.read_contracts(wanted):
                self.contracts[row.facts.contract] = (now, row.facts)
        fresh = {contract: facts for contract, (at, facts) in self.contracts.items() if now - at <= CONTRACT_KEPT}
        self.contracts = {contract: (self.contracts[contract][0], facts) for contract, facts in fresh.items()}
        return {c: facts for c, facts in fresh.items() if c not in wanted or self.contracts[c][0] == now}

    def _kept(self, book: LineBook, now: float) -> bool:
        known = self.contracts.get(book.at.contract)
        return known is not None and now - known[0] <= CONTRACT_KEPT

    async def _rows(
        self, books: Sequence[LineBook], since: dict[str, date | None], today: date
    ) -> dict[LineId, tuple[UnitRow, ...]]:
        days = {book.at.line: since[book.id] for book in books}
        whole = [line for line, day in days.items() if day is None]
        recent = {line: day for line, day in days.items() if day is not None and day >= today - RECENTLY}
        older = {line: day for line, day in days.items() if day is not None and day < today - RECENTLY}
        found: dict[LineId, tuple[UnitRow, ...]] = {}
        if whole:
            found |= await self.psa.read_rows(whole, None)
        for group in (recent, older):
            if group:
                found |= await self.psa.read_rows(list(group), min(group.values()))
        return found


def _reaches(rows: Sequence[UnitRow], day: date) -> bool:
    """Whether a row shows the line from ``day`` on; where none does, the line itself is asked for."""
    return any(row.end >= day for row in rows)


def _is_missing(line: LineId, rows: Mapping[LineId, Sequence[UnitRow]], readable: Collection[LineId]) -> bool:
    return not rows.get(line) and line not in readable


def _may_be_sent(book: LineBook) -> bool:
    return book.open is not None and book.open.state is OpenState.TAKEN


def _wholly(book: LineBook) -> bool:
    """Before the first intent of a ``new`` line is sent or settled, all its rows are read (kernel.md section 2)."""
    return book.trust is Trust.NEW and _may_be_sent(book) and not (book.open and book.open.sends)

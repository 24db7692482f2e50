"""Reads Autotask in bulk: the mirror for everybody, births and baselines of line books (kernel.md section 2)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from seatledger.psa_writer.domain.baseline import Baseline, SplitOnly, baseline_of, born, watched
from seatledger.psa_writer.domain.drift import read_from
from seatledger.psa_writer.domain.windows import windows
from seatledger.psa_writer.handlers.gate import Gate
from seatledger.psa_writer.handlers.projection import Projection
from seatledger.psa_writer.handlers.report import Reporter
from seatledger.psa_writer.handlers.worklist import DRIFTED, OPEN
from seatledger.psa_writer.ports import CompanyRow, ContractRow, LineRow, Psa, PsaError, PsaUnreachableError, ServiceRow
from seatledger.psa_writer.settings import ConnectionSettings
from seatledger.runtime.clock import BusinessClock, MachineClock
from seatledger.runtime.lease import Lease
from seatledger.runtime.store import Documents
from seatledger.schemas.book import LineBook
from seatledger.schemas.ids import ContractId, LineId, LineKey
from seatledger.schemas.intents import LineRef
from seatledger.schemas.mirror import RECURRING_SERVICE, MirrorState, UnitRow

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

BLIND_LINES = 2
"""From so many lines on without one unit row among them all, a missing right is likelier than that all stand at 0."""
AFTER_FAILURE = 15.0
"""Seconds until a reading that failed is tried again."""


@dataclass(frozen=True)
class Seen:
    """All that one full reading showed."""

    companies: Sequence[CompanyRow]
    services: Sequence[ServiceRow]
    contracts: Mapping[ContractId, ContractRow]
    lines: Sequence[LineRow]
    rows: Mapping[LineId, tuple[UnitRow, ...]]
    windows: Mapping[ContractId, date]
    """First day that the rows of a contract cover."""

    @property
    def blind(self) -> int:
        """Lines that should have rows by now, where not one of them shows any; 0 where some do."""
        expected = sum(line.contract in self.windows for line in self.lines)
        return expected if expected >= BLIND_LINES and not any(self.rows.values()) else 0


@dataclass
class Mirror:
    """One connection's mirror on one replica; it reads under the executor's lease."""

    settings: ConnectionSettings
    psa: Psa
    books: Documents[LineBook]
    states: Documents[MirrorState]
    projection: Projection
    gate: Gate
    report: Reporter
    lease: Lease
    calendar: BusinessClock
    machine: MachineClock
    random_bits: Callable[[int], int]
    log: "FilteringBoundLogger"
    due_at: float = field(default=0.0)
    _troubles: dict[str, str] = field(default_factory=dict)
    """Of the newest reading, by line."""

    def trouble(self) -> str | None:
        """One line while some line cannot be judged by what Autotask shows of it."""
        return next((f"line {line} waits alone: {why}" for line, why in self._troubles.items()), None)

    async def run(self) -> None:
        """Read where it is time, or where somebody asked; called each second."""
        if not self.lease.held():
            self._troubles = {}
            return
        state = await self.state()
        if self.machine.seconds() < self.due_at and state.asked == state.answered and not self.gate.locked_out:
            return
        if not await self.gate.admits():
            await self._unable(state)
            return
        self.due_at = self.machine.seconds() + self.settings.mirror_seconds
        await self._read(state.asked)

    async def state(self) -> MirrorState:
        found = await self.states.get(self.settings.name)
        return found or MirrorState(id=self.settings.name, connection=self.settings.name, generation=0)

    async def _unable(self, state: MirrorState) -> None:
        """Whoever asked is told at once that Autotask may not be called now."""
        if state.asked != state.answered:
            await self._note(state.asked, 0, None, state.error or "Autotask may not be called now; see the findings")

    async def _read(self, asked: int) -> None:
        calls = self.psa.calls
        try:
            seen = await self._seen()
        except PsaError as error:
            self.due_at = self.machine.seconds() + min(AFTER_FAILURE, self.settings.mirror_seconds)
            await self._note(asked, self.psa.calls - calls, None, str(error))
            await self.gate.failed(error)
            return
        await self.projection.write(seen.companies, seen.services, list(seen.contracts.values()), seen.lines, seen.rows)
        await self._books(seen)
        await self._note(asked, self.psa.calls - calls, seen, None)
        await self.gate.succeeded(blind=seen.blind)

    async def _seen(self) -> Seen:
        companies = await self.psa.read_companies()
        services = await self.psa.read_services()
        contracts = {row.facts.contract: row for row in await self.psa.read_contracts()}
        lines = [line for line in await self.psa.read_lines() if line.contract in contracts]
        await self._refuse_emptiness(len(contracts), len(lines))
        rows, since = await self._rows(contracts, lines)
        return Seen(companies, services, contracts, lines, rows, since)

    async def _refuse_emptiness(self, contracts: int, lines: int) -> None:
        """Limited rights show as empty lists, not as errors (reference 15): nothing is concluded from them."""
        before = await self.state()
        if (before.contracts and not contracts) or (before.lines and not lines):
            raise PsaUnreachableError("Autotask shows no contracts or lines any more; check the API user's rights")

    async def _rows(
        self, contracts: Mapping[ContractId, ContractRow], lines: Sequence[LineRow]
    ) -> tuple[dict[LineId, tuple[UnitRow, ...]], dict[ContractId, date]]:
        billed = {line.contract for line in lines}
        facts = [contracts[contract].facts for contract in billed if _recurring(contracts[contract])]
        rows: dict[LineId, tuple[UnitRow, ...]] = {}
        since: dict[ContractId, date] = {}
        today = self.calendar.today(self.settings.zone)
        for window in windows(facts, today):
            found = await self.psa.read_window(window.span, window.named)
            rows |= {line: _merged(rows.get(line, ()), units) for line, units in found.items()}
            since |= dict.fromkeys(window.contracts, window.span.start)
        for line, units in (await self._older(today, since)).items():
            rows[line] = _merged(rows.get(line, ()), units)
        return rows, since

    async def _older(self, today: date, since: Mapping[ContractId, date]) -> Mapping[LineId, tuple[UnitRow, ...]]:
        """Rows from the oldest open effective date on, where that lies before the window."""
        mine = {"at.connection": self.settings.name}
        books = [*await self.books.find(mine | OPEN), *await self.books.find(mine | DRIFTED)]
        days = {book.at.line: read_from(book, today) for book in books}
        old = [book.at.line for book in books if days[book.at.line] < since.get(book.at.contract, today)]
        return await self.psa.read_rows(sorted(set(old)), min(days[line] for line in old)) if old else {}

    async def _books(self, seen: Seen) -> None:
        """Births, and the baselines of lines that are new with nothing open."""
        known = {book.id: book for book in await self.books.find({"at.connection": self.settings.name})}
        self._troubles = {}
        judged = [(line, self._judge_alone(line, known.get(self._id(line)), seen)) for line in seen.lines]
        changed = [after for _, after in judged if isinstance(after, LineBook)]
        if changed:
            await self.books.save_many(changed)
        unclear = [line for line, after in judged if isinstance(after, SplitOnly)]
        await self.report.unclear([self._ref(line, seen.contracts[line.contract]) for line in unclear])

    def _judge_alone(self, line: LineRow, book: LineBook | None, seen: Seen) -> LineBook | SplitOnly | None:
        """A line that cannot be judged is left as it is and turns readiness red; the books of all others are born."""
        try:
            return self._judge(line, book, seen)
        except Exception as error:
            self._troubles[self._id(line)] = f"{type(error).__name__}: {error}"
            self.log.exception("line cannot be mirrored", line=self._id(line), contract=line.contract)
            return None

    def _judge(self, line: LineRow, book: LineBook | None, seen: Seen) -> LineBook | SplitOnly | None:
        """The line's book where it is born or moves; whether it can have none; None where nothing changes."""
        contract = seen.contracts[line.contract]
        if not _recurring(contract):
            return None
        since = seen.windows.get(line.contract, contract.facts.start)
        baseline = baseline_of(contract.facts, seen.rows.get(line.line, ()), since)
        if isinstance(baseline, SplitOnly):
            return baseline if book is None else None
        if book is None and seen.blind:
            return None
        after = self._after(book, self._ref(line, contract), baseline)
        return None if after is book else after

    def _after(self, book: LineBook | None, at: LineRef, baseline: Baseline) -> LineBook:
        if book is None:
            return born(at, baseline, self.random_bits)
        return watched(book, baseline, self.calendar.now())

    def _ref(self, line: LineRow, contract: ContractRow) -> LineRef:
        return LineRef(
            connection=self.settings.name,
            company=contract.facts.company,
            contract=line.contract,
            line=line.line,
            service=line.service,
        )

    def _id(self, line: LineRow) -> str:
        return str(LineKey(connection=self.settings.name, line=line.line))

    async def _note(self, asked: int, calls: int, seen: Seen | None, error: str | None) -> None:
        """The result in ``psa_mirrors``, where the command that asked finds it. An error leaves the figures."""
        now = self.machine.now()

        def decide(state: MirrorState | None) -> MirrorState:
            before = state or MirrorState(id=self.settings.name, connection=self.settings.name, generation=0)
            changes: dict[str, object] = {"answered": max(before.answered, asked), "calls": calls, "error": error}
            if seen is not None:
                changes |= {
                    "generation": before.generation + 1,
                    "first_mirrored_at": before.first_mirrored_at or now,
                    "mirrored_at": now,
                    "contracts": len(seen.contracts),
                    "lines": len(seen.lines),
                }
            return before.model_copy(update=changes)

        await self.states.change(self.settings.name, decide)


def _recurring(contract: ContractRow) -> bool:
    return contract.contract_type == RECURRING_SERVICE


def _merged(some: tuple[UnitRow, ...], more: tuple[UnitRow, ...]) -> tuple[UnitRow, ...]:
    """A line may be met in two windows: each row once, by start."""
    rows = {row.id: row for row in (*some, *more)}
    return tuple(sorted(rows.values(), key=lambda row: (row.start, row.end)))

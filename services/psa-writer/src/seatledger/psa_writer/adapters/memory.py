"""The memory twin of Autotask: the step function of units, its rows, and answers that lie, lag or never come.

It is our own reading of the API for fast tests; the independent one is the sandbox under ``simulators/``.
"""

from calendar import monthrange
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

from seatledger.psa_writer.domain.reading import ContractFacts
from seatledger.psa_writer.ports import (
    Adjustment,
    Cause,
    CompanyRow,
    ContractRow,
    Deadline,
    LineRow,
    NoByteLeft,
    Posted200,
    PostOutcome,
    PsaCredentialsError,
    PsaUnreachableError,
    Refused,
    ServiceRow,
    ThreadLimit,
    Unauthorized,
    Unknown,
)
from seatledger.runtime.clock import MachineClock
from seatledger.schemas.ids import CompanyId, ContractId, LineId, ServiceId
from seatledger.schemas.intents import Refusal, Span
from seatledger.schemas.mirror import PERIOD_MONTHS, RECURRING_SERVICE, UnitRow
from seatledger.schemas.steps import StepFunction

DUPLICATE_TEXT = "Attempt to insert duplicate data into contract_service_period"

Script = Literal[
    "ok",
    "refused",
    "thread_limit",
    "status_429",
    "unauthorized",
    "fault_with_effect",
    "fault_without_effect",
    "time_out_with_effect",
    "time_out_without_effect",
    "effect_after_time_out",
    "reset",
    "duplicate",
    "no_byte",
]
"""How a post is answered, one word a post; *ok* when the script has run out."""

_EFFECT_NOW = frozenset({"ok", "fault_with_effect", "time_out_with_effect"})


@dataclass
class MemoryLine:
    """A contract line and what it holds; ``changes`` are deltas by date."""

    row: LineRow
    initial: int
    changes: list[tuple[date, int]] = field(default_factory=list)
    posted_through: date | None = None

    def units(self) -> StepFunction:
        function = StepFunction.constant(self.initial)
        for day, change in self.changes:
            function = function.shifted_from(day, change)
        return function


@dataclass(frozen=True)
class Effect:
    """A delta that took effect through the API."""

    line: LineId
    on: date
    unit_change: int


@dataclass
class MemoryPsa:
    """Autotask in memory. ``late`` holds effects that come at a machine second, ``read_lag`` delays what is shown."""

    machine: MachineClock
    companies: dict[CompanyId, CompanyRow] = field(default_factory=dict)
    services: dict[ServiceId, ServiceRow] = field(default_factory=dict)
    contracts: dict[ContractId, ContractRow] = field(default_factory=dict)
    lines: dict[LineId, MemoryLine] = field(default_factory=dict)
    script: deque[Script] = field(default_factory=deque)
    effects: list[Effect] = field(default_factory=list)
    late: list[tuple[float, Adjustment]] = field(default_factory=list)
    late_by: float = 100.0
    posts: int = 0
    shown: deque[dict[LineId, StepFunction]] = field(default_factory=deque)
    """Frozen views that the next reads show instead of the truth: reads that go back in time."""
    zero_rows: bool = True
    down: bool = False
    locked_out: bool = False
    split_rows: Literal["total", "delta"] = "total"
    _calls: int = 0

    def add_line(
        self,
        line: int,
        units: int,
        *,
        contract: int = 1,
        company: int = 101,
        service: int = 9,
        start: date = date(2026, 1, 1),
        end: date = date(2026, 12, 31),
        period_type: int = 2,
    ) -> LineId:
        """A line on a (new) contract with these units from its start on."""
        facts = ContractFacts(
            contract=ContractId(contract),
            company=CompanyId(company),
            start=start,
            end=end,
            status=1,
            period_type=period_type,
        )
        self.contracts.setdefault(facts.contract, ContractRow(facts, f"Contract {contract}", RECURRING_SERVICE))
        self.companies.setdefault(facts.company, CompanyRow(facts.company, f"Company {company}", 1, True))
        self.services.setdefault(
            ServiceId(service), ServiceRow(ServiceId(service), f"Service {service}", True, 2, None)
        )
        row = LineRow(LineId(line), facts.contract, ServiceId(service), None)
        self.lines[row.line] = MemoryLine(row, units)
        return row.line

    def edit(self, line: LineId, on: date, unit_change: int) -> None:
        """As a person does, behind our back."""
        self.lines[line].changes.append((on, unit_change))

    def set_status(self, contract: ContractId, status: int) -> None:
        row = self.contracts[contract]
        self.contracts[contract] = replace(row, facts=row.facts.model_copy(update={"status": status}))

    def units(self, line: LineId) -> StepFunction:
        """The truth, whatever reads show."""
        self._settle_late()
        return self.lines[line].units()

    def snapshot(self) -> dict[LineId, StepFunction]:
        return {line: self.units(line) for line in self.lines}

    async def read_companies(self) -> Sequence[CompanyRow]:
        self._reading()
        return list(self.companies.values())

    async def read_services(self) -> Sequence[ServiceRow]:
        self._reading()
        return list(self.services.values())

    async def read_contracts(self, only: Sequence[ContractId] | None = None) -> Sequence[ContractRow]:
        self._reading()
        return [row for contract, row in self.contracts.items() if only is None or contract in only]

    async def read_lines(self, only: Sequence[LineId] | None = None) -> Sequence[LineRow]:
        self._reading()
        return [line.row for number, line in self.lines.items() if only is None or number in only]

    async def read_rows(self, lines: Sequence[LineId], since: date | None) -> Mapping[LineId, tuple[UnitRow, ...]]:
        self._reading()
        view = self.shown.popleft() if self.shown else {}
        return {line: tuple(self._rows(line, since, date.max, view.get(line))) for line in lines}

    async def read_window(
        self, window: Span, contracts: Sequence[ContractId] | None
    ) -> Mapping[LineId, tuple[UnitRow, ...]]:
        self._reading()
        wanted = [n for n, line in self.lines.items() if contracts is None or line.row.contract in contracts]
        return {line: tuple(self._rows(line, window.start, window.end)) for line in wanted}

    async def post(self, adjustment: Adjustment, deadline: Deadline) -> PostOutcome:
        if self.machine.seconds() >= deadline.at:
            return NoByteLeft(Cause.DEADLINE)
        word: Script = self.script.popleft() if self.script else "ok"
        if word == "no_byte":
            return NoByteLeft(Cause.CONNECTION, "connection refused")
        self._calls += 1
        self.posts += 1
        if word in _EFFECT_NOW and (refusal := self._refusal(adjustment)) is not None:
            return refusal
        if word in _EFFECT_NOW:
            self._apply(adjustment)
        if word == "effect_after_time_out":
            self.late.append((self.machine.seconds() + self.late_by, adjustment))
        return self._answer(word)

    async def prepare(self, calls: int) -> int:
        return calls

    async def probe(self) -> None:
        self._reading()

    @property
    def calls(self) -> int:
        return self._calls

    async def close(self) -> None:
        """Nothing to close."""

    def _reading(self) -> None:
        self._calls += 1
        if self.locked_out:
            raise PsaCredentialsError("the sign-in was refused")
        if self.down:
            raise PsaUnreachableError("no answer")
        self._settle_late()

    def _refusal(self, adjustment: Adjustment) -> Refused | Unknown | None:
        line = self.lines[adjustment.line]
        contract = self.contracts[line.row.contract].facts
        if adjustment.on not in contract:
            return Refused(Refusal.CONTRACT_ENDED, "effectiveDate must be between the start date and end date", 500)
        if line.units().units_at(adjustment.on) + adjustment.unit_change < 0:
            return Refused(Refusal.BELOW_ZERO, "units cannot be negative", 500)
        begins_period = any(start == adjustment.on for start, _ in _periods(contract))
        if not begins_period and any(day == adjustment.on for day, _ in line.changes):
            return Unknown(DUPLICATE_TEXT, 500)
        return None

    def _answer(self, word: Script) -> PostOutcome:
        if word == "ok":
            return Posted200()
        if word == "refused":
            return Refused(Refusal.BY_PSA, "Reference value on field: contractServiceID does not exist", 500)
        if word == "thread_limit":
            return ThreadLimit()
        if word == "unauthorized":
            return Unauthorized("401")
        if word == "duplicate":
            return Unknown(DUPLICATE_TEXT, 500)
        status = {"status_429": 429, "fault_with_effect": 503, "fault_without_effect": 503}.get(word)
        return Unknown(word.replace("_", " "), status)

    def _apply(self, adjustment: Adjustment) -> None:
        self.lines[adjustment.line].changes.append((adjustment.on, adjustment.unit_change))
        self.effects.append(Effect(adjustment.line, adjustment.on, adjustment.unit_change))

    def _settle_late(self) -> None:
        now = self.machine.seconds()
        due = [adjustment for at, adjustment in self.late if at <= now]
        self.late = [(at, adjustment) for at, adjustment in self.late if at > now]
        for adjustment in due:
            if self._refusal(adjustment) is None:
                self._apply(adjustment)

    def _rows(
        self, line: LineId, since: date | None, until: date, view: StepFunction | None = None
    ) -> Iterator[UnitRow]:
        held = self.lines.get(line)
        if held is None:
            return
        units = view or held.units()
        slices = _slices(self.contracts[held.row.contract].facts, units)
        for number, (start, end) in enumerate(slices):
            shown = units.units_at(start)
            before = units.units_at(start - timedelta(days=1))
            if self.split_rows == "delta" and number and not _begins(self.contracts[held.row.contract].facts, start):
                shown -= before
            inside = (since is None or end >= since) and start <= until
            if inside and (self.zero_rows or units.units_at(start)):
                posted = held.posted_through is not None and end <= held.posted_through
                yield UnitRow(id=line * 10_000 + number, start=start, end=end, units=shown, posted=posted)


def _periods(contract: ContractFacts) -> Iterator[tuple[date, date]]:
    months = PERIOD_MONTHS[contract.period_type or 2]
    start = contract.start
    while start <= contract.end:
        year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
        following = date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
        yield start, min(contract.end, following - timedelta(days=1))
        start = following


def _begins(contract: ContractFacts, day: date) -> bool:
    return any(start == day for start, _ in _periods(contract))


def _slices(contract: ContractFacts, units: StepFunction) -> Iterator[tuple[date, date]]:
    for start, end in _periods(contract):
        cuts = [start, *(day for day in units.days if start < day <= end)]
        for begin, following in zip(cuts, [*cuts[1:], end + timedelta(days=1)], strict=True):
            yield begin, following - timedelta(days=1)

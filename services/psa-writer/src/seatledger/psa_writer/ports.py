"""The PSA as this service sees it, and what it may *not* assume of it.

A PSA of this kind gives no help: an adjustment is a write-only delta without id or tag, a time-out tells nothing, and
reads may lag, go back in time, or be empty for want of rights. Adapters: :mod:`.adapters.autotask` and the memory twin
:mod:`.adapters.memory`; both pass :mod:`seatledger.psa_writer.conformance`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Protocol

from seatledger.psa_writer.domain.reading import ContractFacts
from seatledger.schemas.ids import CompanyId, ContractId, LineId, ServiceId
from seatledger.schemas.intents import Refusal, Span
from seatledger.schemas.mirror import UnitRow
from seatledger.schemas.money import Amount

# ---------------------------------------------------------------------------------------------------- what is read


@dataclass(frozen=True)
class CompanyRow:
    company: CompanyId
    name: str
    company_type: int
    is_active: bool


@dataclass(frozen=True)
class ServiceRow:
    service: ServiceId
    name: str
    is_active: bool
    period_type: int | None
    unit_price: Amount | None


@dataclass(frozen=True)
class ContractRow:
    facts: ContractFacts
    name: str
    contract_type: int


@dataclass(frozen=True)
class LineRow:
    line: LineId
    contract: ContractId
    service: ServiceId
    unit_price: Amount | None


# ---------------------------------------------------------------------------------------------------- what is posted


@dataclass(frozen=True)
class Adjustment:
    """A delta for one contract line from a calendar date of the tenant on; never 0. Prices are never changed."""

    contract: ContractId
    line: LineId
    on: date
    unit_change: int


@dataclass(frozen=True)
class Deadline:
    """Machine seconds after which a claim may no longer be carried out."""

    at: float


@dataclass(frozen=True)
class Posted200:
    """Answered with success. The rows may still lag behind."""


@dataclass(frozen=True)
class Refused:
    """A refusal that is known to have had no effect."""

    kind: Refusal
    text: str
    status: int | None = None
    permission: bool = False
    """It was refused for want of a right: all others will be."""


class Cause(Enum):
    """Why nothing left, or nothing was done."""

    DEADLINE = "deadline"
    CONNECTION = "connection"
    BUDGET = "budget"


@dataclass(frozen=True)
class NoByteLeft:
    """It is certain that not one byte of the request left this machine."""

    cause: Cause
    text: str = ""


@dataclass(frozen=True)
class ThreadLimit:
    """Too many calls in flight at this endpoint: refused before it was looked at."""


@dataclass(frozen=True)
class Unauthorized:
    """The sign-in was refused: no effect."""

    text: str
    moved: bool = False
    """The tenant moved to another address, which is known by now: the sign-in itself is not in doubt."""


@dataclass(frozen=True)
class Unknown:
    """Anything else. The effect may be there, may come within five minutes, or may never come."""

    why: str
    status: int | None = None
    permission: bool = False
    """The answer looks like a missing right."""


PostOutcome = Posted200 | Refused | NoByteLeft | ThreadLimit | Unauthorized | Unknown


class Psa(Protocol):
    """One PSA connection. Reads raise :class:`PsaError`; a post never raises but returns what is known."""

    async def read_companies(self) -> Sequence[CompanyRow]:
        """All companies that the API user may see; an empty answer does not mean that there are none."""

    async def read_services(self) -> Sequence[ServiceRow]:
        """The catalogue of services, inactive ones included."""

    async def read_contracts(self, only: Sequence[ContractId] | None = None) -> Sequence[ContractRow]:
        """All contracts, or those named that can be read. One that is missing may exist and be hidden."""

    async def read_lines(self, only: Sequence[LineId] | None = None) -> Sequence[LineRow]:
        """All contract service lines, or those named that can be read."""

    async def read_rows(self, lines: Sequence[LineId], since: date | None) -> Mapping[LineId, tuple[UnitRow, ...]]:
        """Unit rows that end on or after ``since`` (None: every row) of these lines, by start; a line without a row
        has an empty tuple. A caller may not assume that the rows are fresh, complete, or newer than an earlier read.
        """

    async def read_window(
        self, window: Span, contracts: Sequence[ContractId] | None
    ) -> Mapping[LineId, tuple[UnitRow, ...]]:
        """Unit rows that overlap ``window`` on these contracts (None: on all), by line and start."""

    async def post(self, adjustment: Adjustment, deadline: Deadline) -> PostOutcome:
        """Post once: no retries, no redirects, on a connection of its own. The deadline is checked after the
        connection is open and immediately before the first byte. A caller may not assume that an effect that was not
        confirmed is absent, nor that a confirmed one can be read at once."""

    async def prepare(self, calls: int) -> int:
        """Make sure that up to ``calls`` calls are within the hourly budget; returns how many are."""

    async def probe(self) -> None:
        """The cheapest call that shows whether the sign-in works."""

    @property
    def calls(self) -> int:
        """Calls made by this process so far."""

    async def close(self) -> None: ...


# ---------------------------------------------------------------------------------------------------- what goes wrong


class PsaError(Exception):
    """A read failed. Nothing follows from it about what exists."""


class PsaUnreachableError(PsaError):
    """No answer, or not one that can be read."""


class PsaCredentialsError(PsaError):
    """User, secret or integration code are refused."""


class PsaPermissionError(PsaError):
    """The API user lacks a right. ``entity`` names where."""

    def __init__(self, entity: str, text: str) -> None:
        super().__init__(f"{entity}: {text}")
        self.entity = entity


class PsaBudgetSpentError(PsaError):
    """The hourly budget is used up; ``resumes_in`` seconds until there is room again."""

    def __init__(self, resumes_in: float) -> None:
        super().__init__(f"the hourly call budget is used up; there is room again in {resumes_in:.0f} s")
        self.resumes_in = resumes_in


class PsaForbiddenHostError(PsaError):
    """The zone answer names a host that this installation may not talk to."""

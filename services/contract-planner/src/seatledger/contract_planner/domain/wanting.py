"""What members want of ``assignments``, what they are answered, and what is given back (kernel.md section 5)."""

from dataclasses import dataclass, replace
from datetime import date

from seatledger.contract_planner.domain.leaving import Awaited, Known, MoveYes
from seatledger.contract_planner.domain.state import Member
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import ConnectionName, ContractId, LineId, ServiceId, join
from seatledger.schemas.steps import StepFunction


@dataclass(frozen=True)
class Wanted:
    """A line that a member needs for itself, and the claim on its vendor id, if it needs one.

    Without a line it only says that this company has the subscription now, so that the one that had it lets it go.
    """

    member: str
    contract: ContractId | None
    line: LineId | None
    service: ServiceId | None
    mapping_revision: int
    claim: str | None
    ended_on: date | None = None
    """The day from which it asks for nothing any more."""

    def without_line(self) -> "Wanted":
        return replace(self, contract=None, line=None, service=None, claim=None)


@dataclass(frozen=True)
class Granted:
    """Assignment and claim stand in the store. ``free_from``: the day from which an earlier line holds nothing.

    ``awaits``: lines that may still hold it; until there is none the member has its line and does not count.
    """

    free_from: date | None = None
    claim_version: int = 0
    awaits: tuple[Awaited, ...] = ()
    arriving: bool = False
    lost_from: date | None = None
    yes: MoveYes | None = None
    known: tuple[Known, ...] = ()


@dataclass(frozen=True)
class Denied:
    """Somebody else has it: a company the subscription itself, a line its vendor id."""

    code: FindingCode
    holder: str


@dataclass(frozen=True)
class Freed:
    """A claim that the document noted as given back; ``on`` is the day from which the line holds nothing of it."""

    claim: str
    company: str
    """Id of the company document that had it."""
    line: LineId | None
    on: date | None
    version: int
    """The claim's version as that document knows it."""


def claim_id(connection: ConnectionName, member: Member) -> str | None:
    """The claim that stands for a vendor id and resource in one connection; None where the source gives no such id."""
    return None if member.vendor is None else "claim/" + join(connection, member.vendor, member.key.resource)


def counts_from(asked: StepFunction, today: date) -> date | None:
    """The first date from ``today`` on at which something is asked for; None where all of it has ended."""
    return next((day for day in asked.days_from(today) if asked.at(day) is not None), None)

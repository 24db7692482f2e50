"""What the planner needs of the world outside: the mirror and the books to read, assignments to take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from seatledger.contract_planner.domain.assignments import Assignment
from seatledger.contract_planner.domain.facts import LineEnd
from seatledger.contract_planner.domain.holding import Out
from seatledger.contract_planner.domain.state import CompanyDocument
from seatledger.contract_planner.domain.wanting import Denied, Freed, Granted, Wanted
from seatledger.schemas.book import LineBook
from seatledger.schemas.ids import ConnectionName, ContractId, LineId, LineKey
from seatledger.schemas.mirror import MirrorContract, MirrorLine, MirrorState


@dataclass(frozen=True)
class Surroundings:
    """Contracts and lines of one company as the mirror has them, and the books of all lines that it knows."""

    contracts: Mapping[ContractId, MirrorContract] = field(default_factory=dict)
    lines: Mapping[LineId, MirrorLine] = field(default_factory=dict)
    books: Mapping[LineId, LineBook] = field(default_factory=dict)


class Reading(Protocol):
    """Mirror and books, owned by the PSA writer. A caller may not assume that the mirror is newer than the books; the
    books are the truth about versions and agreed units."""

    async def around(self, documents: Sequence[CompanyDocument]) -> Mapping[str, Surroundings]:
        """By company document's id, in few reads however many companies."""

    async def ends(self, lines: Sequence[LineKey]) -> Mapping[LineKey, LineEnd]:
        """Lines of any company, those that the mirror knows; for subscriptions that move there."""

    async def mirrors(self) -> Mapping[ConnectionName, MirrorState]: ...


@dataclass(frozen=True)
class Taken:
    """What one company got of what it wanted. What is in neither could not be decided now; it is asked for again."""

    granted: Mapping[str, Granted] = field(default_factory=dict)
    denied: Mapping[str, Denied] = field(default_factory=dict)
    stirred: frozenset[str] = frozenset()
    """Company documents whose lines must leave what was taken now."""


class Assignments(Protocol):
    """Who has which subscription part, and which line has which vendor id: taken before the company document says so,
    given back after it has noted that it counts no more (kernel.md section 5)."""

    async def take(self, wanted: Mapping[str, tuple[CompanyDocument, Sequence[Wanted]]]) -> Mapping[str, Taken]:
        """By company document's id. Taking what one has already is granted again."""

    async def moving(self, companies: Sequence[str]) -> Mapping[str, Mapping[str, Assignment]]:
        """By company document's id, then subscription: assignments that lines of these companies must leave. One read
        for all of them."""

    async def leave(self, outs: Sequence[Out]) -> frozenset[str]:
        """Take lines out of assignments; their claims go along. The companies that waited for it. A line that is lost
        on the way is taken out at the next planning of its company."""

    async def free(self, freed: Sequence[Freed]) -> None:
        """Give claims back. A claim that is lost on the way is taken over after a minute."""

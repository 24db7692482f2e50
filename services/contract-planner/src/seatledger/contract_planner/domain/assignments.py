"""A row of ``assignments``: who has a subscription part, who may still hold it, and who has a vendor id."""

from datetime import date

from seatledger.contract_planner.domain.leaving import Known, MoveYes
from seatledger.schemas.base import Instant, Strict
from seatledger.schemas.documents import Document
from seatledger.schemas.ids import ConnectionName, ContractId, LineId


class Holder(Strict):
    """A line that may hold units of a subscription; ``company`` is the id of its company document."""

    company: str
    contract: ContractId
    line: LineId


class Assignment(Document):
    """Of a subscription part (id = its key) or the claim on a vendor id (id ``claim/…``).

    ``taken_at`` is a machine instant. ``free_from``: of a ``free`` claim the day from which its last line holds
    nothing; of a taken one the day from which its line counts, kept so that a crash after the taking loses no day.
    Of a subscription part: ``line`` is None while its company has no line for it; ``holders`` are in the order of their
    claims, ``told`` is the latest day from which one of those that left holds nothing.
    """

    connection: ConnectionName
    company: str
    """Id of the company document."""
    contract: ContractId | None
    line: LineId | None
    mapping_revision: int
    version: int = 1
    taken_at: Instant
    free: bool = False
    free_from: date | None = None
    told_before: date | None = None
    """Of a free claim: what its last line was told when it took it."""
    goes_with: str | None = None
    """Of a claim: the subscription that took it last, or for which a ``free`` one is kept since ``taken_at``."""
    holders: tuple[Holder, ...] = ()
    leaving: tuple[str, ...] = ()
    """Indexed: companies of the holders that must leave, once each."""
    ended_on: date | None = None
    """The day from which it asks for nothing any more, as its company knows."""
    told: date | None = None
    lost_from: date | None = None
    """The first day on which no line could bill it."""
    yes: MoveYes | None = None
    known: tuple[Known, ...] = ()
    """What those that left knew of it."""

    @property
    def is_claim(self) -> bool:
        return self.id.startswith("claim/")

    def is_at(self, holder: Holder) -> bool:
        return (self.company, self.line) == (holder.company, holder.line)

    @property
    def others(self) -> tuple[Holder, ...]:
        """Lines that may hold it and are not the one that has it now."""
        return tuple(holder for holder in self.holders if not self.is_at(holder))

    def held_by(self, company: str) -> tuple[Holder, ...]:
        """Lines of this company that must leave."""
        return tuple(holder for holder in self.others if holder.company == company)

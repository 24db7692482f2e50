"""What a line holds of all sightings of one vendor subscription, those included that have left it or ended."""

from datetime import date

from seatledger.contract_planner.domain.state import NOTHING, CompanyDocument, LineState, Member
from seatledger.contract_planner.domain.wanting import claim_id
from seatledger.schemas.steps import StepFunction, total


def still_held(document: CompanyDocument, line: LineState, claim: str) -> list[str]:
    """The sightings of which the line holds units for good; not those that left a contract that is over."""
    found = _held(document, line, claim)
    gone = line.left.keys() - line.leavers.keys() - {member.id for member in document.on_line(line.line)}
    return [key for key, held in found.items() if (held.last or 0) > 0 and key not in gone]


def claim_until(document: CompanyDocument, line: LineState, claim: str) -> date | None:
    """The day from which the line holds nothing of any sighting; None where it never held anything."""
    found = _held(document, line, claim)
    days = [line.left[key] if (held.last or 0) > 0 else held.days[-1] for key, held in found.items() if held.days]
    return max(days, default=None)


def held_of_all(document: CompanyDocument, line: LineState, member: Member) -> StepFunction:
    """What the line holds of a subscription, whichever of its sightings counts."""
    claim = claim_id(document.connection, member)
    return total(_held(document, line, claim).values()) if claim is not None else line.held.get(member.id, NOTHING)


def _held(document: CompanyDocument, line: LineState, claim: str) -> dict[str, StepFunction]:
    members = [one for one in document.members.values() if claim_id(document.connection, one) == claim]
    return {one.id: line.held[one.id] for one in members if one.id in line.held}

"""Days of a subscription that moves on which no line bills it (kernel.md section 9.10)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from seatledger.contract_planner.domain.costs import monthly
from seatledger.contract_planner.domain.facts import Facts
from seatledger.contract_planner.domain.member_notices import named, subject_of
from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.reporting import Line
from seatledger.contract_planner.domain.sightings import held_of_all
from seatledger.contract_planner.domain.state import ZERO, CompanyDocument, Member, with_member
from seatledger.schemas.book import Trust
from seatledger.schemas.findings import FindingCode, FindingDraft
from seatledger.schemas.steps import StepFunction


@dataclass(frozen=True)
class Lost:
    """From ``first`` on no line bills ``seats`` of it; its new line takes it on ``takes``, None where it never will."""

    first: date
    takes: date | None
    seats: int


def note_losses(document: CompanyDocument, lines: Iterable[Line], facts: Facts) -> CompanyDocument:
    """Days that are lost wholly leave no wish behind that could keep their finding: they are told for a day."""
    for line in lines:
        for member in _arriving(line):
            lost = _lost(document, member, line)
            if lost is not None and lost.takes is None and member.lost_on is None:
                document = with_member(document, member.model_copy(update={"lost_on": facts.today}))
    return document


def unbilled(document: CompanyDocument, line: Line, facts: Facts, policy: Policy) -> Iterator[FindingDraft]:
    """Until its plus is posted; where there will be none, for the day on which that was found."""
    for member in _arriving(line):
        lost = _lost(document, member, line)
        if lost is None or (lost.takes is None and document.members[member.id].lost_on != facts.today):
            continue
        period = line.seen.contract.period_type if line.seen.contract is not None else None
        cost = monthly(line.seen.mirrored, period, lost.seats, policy.currency)
        until = (
            "and ended before any could" if lost.takes is None else f"before line {line.key} takes it on {lost.takes}"
        )
        what = f"{named(member)} is billed on no line from {lost.first} on, {until}"
        do = "Bill these days by hand if they matter."
        yield FindingDraft(FindingCode.UNBILLED_DAYS, subject_of(document, member), what, do, cost)


def _arriving(line: Line) -> list[Member]:
    leavers = line.seen.state.leavers
    return [one for one in line.seen.members if one.arriving and one.joined_on is not None and one.id not in leavers]


def _lost(document: CompanyDocument, member: Member, line: Line) -> Lost | None:
    """By its share, and by what the line holds of any sighting: what another one counts, or counted, is billed. Days
    before it joined are its own where it counts from that day on."""
    share, held = line.seen.shares.get(member.id, ZERO), line.seen.state.held_of(member.id)
    takes = next((on for on in _ons(line) if share.units_at(on) > held.units_at(on)), None)
    gap = _gap(share, held_of_all(document, line.seen.state, member), takes)
    begins = gap or takes
    if begins is None or (takes is None and not _is_told_all(line)):
        return None
    first = member.lost_from if member.lost_from is not None and begins == member.joined_on else gap
    if first is None or _may_be_billed(line, first):
        return None
    return Lost(first, takes, share.units_at(takes or begins))


def _gap(share: StepFunction, held: StepFunction, takes: date | None) -> date | None:
    """The first day owed and not held, of those since the line held any last: earlier ones were told when that went
    out."""
    first = None
    for day in sorted({*share.days, *held.days}):
        if takes is not None and day >= takes:
            break
        if held.units_at(day):
            first = None
        elif share.units_at(day):
            first = first or day
    return first


def _may_be_billed(line: Line, day: date) -> bool:
    """What is out may hold on this day: the book can show its effect before its settlement is told."""
    released = line.seen.state.released
    return released is not None and released.awaited and released.from_day <= day


def _ons(line: Line) -> list[date]:
    """The days on which the line changes; the day on which it cannot any more where its contract is over by then."""
    outside = line.seen.chain.outside
    return [*(wish.on for wish in line.wishes), *([] if outside is None else [outside])]


def _is_told_all(line: Line) -> bool:
    """Whether a linked line's wishes are all that there will be: what is under way may have it."""
    book = line.seen.book
    linked = book is not None and book.trust is Trust.LINKED and book.open is None
    return linked and line.seen.plannable and line.seen.state.released is None

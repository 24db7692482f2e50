"""How a subscription becomes a member of a line, and gives its vendor id back (kernel.md section 5)."""

from collections.abc import Iterable, Mapping
from datetime import date

from seatledger.contract_planner.domain.facts import Facts
from seatledger.contract_planner.domain.shares import contribution
from seatledger.contract_planner.domain.state import (
    NOTHING,
    CompanyDocument,
    Leaver,
    LineState,
    Member,
    with_leaver,
    with_line,
    with_member,
    without_leaver,
)
from seatledger.contract_planner.domain.wanting import Freed, Granted, Wanted, claim_id, counts_from
from seatledger.schemas.book import Trust
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Unassigned


def assign(document: CompanyDocument, granted: Mapping[str, Granted], wanted: Iterable[Wanted]) -> CompanyDocument:
    """The document with the lines that were granted."""
    for want in wanted:
        grant = granted.get(want.member)
        if grant is None:
            continue
        member = _claimed(document.members[want.member], want, grant)
        if want.line is not None and want.contract is not None and want.service is not None:
            document = with_known_line(
                document, LineState(line=want.line, contract=want.contract, service=want.service)
            )
            document = _placed(document, member, want, grant)
        else:
            document = with_member(document, member)
    return document


def _claimed(member: Member, want: Wanted, grant: Granted) -> Member:
    told: dict[str, object] = {
        "claimed": want.mapping_revision,
        "ended_told": want.ended_on,
        "awaits": grant.awaits,
        "lost_from": grant.lost_from,
        "yes": grant.yes,
    }
    if member.joined_on is None:
        told |= {"arriving": grant.arriving, "free_from": grant.free_from, "asked": _its_steps(member, grant)}
    return member.model_copy(update=told)


def _placed(document: CompanyDocument, member: Member, want: Wanted, grant: Granted) -> CompanyDocument:
    line = document.lines[str(want.line)]
    leaver = line.leavers.get(member.id)
    here: dict[str, object] = {"line": want.line, "contract": want.contract, "service": want.service}
    if leaver is not None and leaver.left is None:
        back = with_member(document, stays(leaver.member, member).model_copy(update=here))
        return without_leaver(back, back.lines[str(want.line)], member.id)
    if leaver is not None:
        document = without_leaver(document, line, member.id)
    if want.claim is not None and not grant.awaits:
        here |= {"claim": want.claim, "asked": _awake(member, grant), "resting": False, "rests_from": None}
    if member.joined_on is None:
        here |= {"free_from": _latest(grant.free_from, leaver, line.left.get(member.id))}
    document = with_member(document, member.model_copy(update=here))
    return document if want.claim is None or grant.awaits else _with_version(document, want.claim, grant.claim_version)


def _its_steps(member: Member, grant: Granted) -> StepFunction:
    """With what it asked for before this company heard of it: unposted steps go with a subscription that moves."""
    if not grant.known:
        return member.asked
    asked = NOTHING
    for one in grant.known:
        asked = asked.replaced_from(one.since, one.asked)
    return member.asked if member.known_from is None else asked.replaced_from(member.known_from, member.asked)


def _with_version(document: CompanyDocument, claim: str, version: int) -> CompanyDocument:
    """Each sighting that takes the claim raises its version: whoever gives it back for all of them knows the newest."""
    for member in document.members.values():
        if member.claim == claim and member.claim_version != version:
            document = with_member(document, member.model_copy(update={"claim_version": version}))
    for key, line in document.lines.items():
        for leaver in line.leavers.values():
            if leaver.member.claim == claim:
                newest = leaver.member.model_copy(update={"claim_version": version})
                stands = document.lines[key]
                document = with_leaver(document, stands, leaver.model_copy(update={"member": newest}))
    return document


def _latest(told: date | None, leaver: Leaver | None, left: date | None) -> date | None:
    """From when it may count: this line's own last day of it may not have been told to anybody yet."""
    noted = leaver.left.until if leaver is not None and leaver.left is not None else None
    return max((day for day in (told, noted, left) if day is not None), default=None)


def stays(leaver: Member, member: Member) -> Member:
    """It comes back to a line that still holds it: it goes on as before (kernel.md section 7.5)."""
    kept = ("joined_on", "claim", "claim_version", "resting", "rests_from", "free_from")
    return member.model_copy(update={**{name: getattr(leaver, name) for name in kept}, "awaits": ()})


def _awake(member: Member, grant: Granted) -> StepFunction:
    """What it asks for once it counts again: where another line had its vendor id meanwhile, from the day on which that
    one holds nothing."""
    asked = member.asked
    if member.rests_from is None or grant.free_from is None:
        return asked
    return asked.before(member.rests_from).replaced_from(max(member.rests_from, grant.free_from), asked)


def with_known_line(document: CompanyDocument, line: LineState) -> CompanyDocument:
    return document if str(line.line) in document.lines else with_line(document, line)


def settle_in(document: CompanyDocument) -> CompanyDocument:
    """Who came from another line, or was about to leave, and is held where it belongs, is a member like any other."""
    for member in document.members.values():
        line = document.lines.get(str(member.line))
        if not member.arriving or member.joined_on is None or line is None or line.released is not None:
            continue
        if (line.held_of(member.id).last or 0) > 0:
            settled = member.model_copy(update={"arriving": False, "lost_from": None, "lost_on": None, "yes": None})
            document = with_member(document, settled)
    return document


def join_members(document: CompanyDocument, facts: Facts) -> CompanyDocument:
    """Each member that nothing hinders any more counts from today, or from the day that its claim came free."""
    joined = {
        key: member.model_copy(update={"joined_on": member.free_from or facts.today})
        for key, member in document.members.items()
        if _unhindered(document, member, facts)
    }
    return document.model_copy(update={"members": {**document.members, **joined}}) if joined else document


def _unhindered(document: CompanyDocument, member: Member, facts: Facts) -> bool:
    if member.joined_on is not None or member.line is None or not member.complete or member.awaits:
        return False
    if not _speaks(member) or member.claim != claim_id(document.connection, member):
        return False
    book = facts.books.get(member.line)
    return book is not None and (book.trust is Trust.LINKED or facts.ready)


def _speaks(member: Member) -> bool:
    """Whether its mapping lets it join. A freeze stops its source, not a move that is under way."""
    if member.frozen:
        return member.arriving and not isinstance(member.outcome, Unassigned)
    return member.mapped is not None


def rest(document: CompanyDocument, facts: Facts) -> tuple[CompanyDocument, list[Freed]]:
    """Gives back each claim whose members on its line have all ended and of whom the line holds nothing. A claim that
    goes along with a subscription that leaves is not given back."""
    freed: list[Freed] = []
    along = {leaver.member.claim for line in document.lines.values() for leaver in line.leavers.values()}
    for claim in sorted({one.claim for one in document.members.values() if one.claim is not None} - along):
        owners = [member for member in document.members.values() if member.claim == claim]
        if all(_is_over(document, member, facts) for member in owners):
            until = max((day for one in owners if (day := held_until(document, one))), default=None)
            freed.append(Freed(claim, document.id, owners[0].line, until, owners[0].claim_version))
            for member in owners:
                document = with_member(document, _at_rest(member, facts.today))
    return document, freed


def _at_rest(member: Member, today: date) -> Member:
    rests_from = None if member.joined_on is None else today
    return member.model_copy(update={"claim": None, "resting": True, "rests_from": rests_from})


def _is_over(document: CompanyDocument, member: Member, facts: Facts) -> bool:
    line = document.lines.get(str(member.line))
    if line is None or line.released is not None:
        return False
    if counts_from(member.asked if member.joined_on is None else contribution(member), facts.today) is not None:
        return False
    held = line.held_of(member.id)
    return all(held.units_at(day) == 0 for day in held.days_from(facts.today))


def held_until(document: CompanyDocument, member: Member) -> date | None:
    """The day from which its line holds nothing of a member that is over; None where it never held anything."""
    held = document.lines[str(member.line)].held.get(member.id)
    return held.days[-1] if held is not None and held.days else None

"""What the members of a company lack: a line, the claim on a vendor id, a word that they are here now."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from seatledger.contract_planner.domain.candidates import Found, Missing, find_line
from seatledger.contract_planner.domain.facts import Facts
from seatledger.contract_planner.domain.member_notices import named, subject_of
from seatledger.contract_planner.domain.members import other_line
from seatledger.contract_planner.domain.state import CompanyDocument, Member
from seatledger.contract_planner.domain.wanting import Wanted, claim_id, counts_from
from seatledger.schemas.findings import FindingCode, FindingDraft
from seatledger.schemas.subscriptions import Mapped, Unassigned


def seek(document: CompanyDocument, facts: Facts) -> tuple[list[Wanted], list[FindingDraft]]:
    """What the members without a line, or without their claim, need; and why some find nothing."""
    wanted: list[Wanted] = []
    notices: list[FindingDraft] = []
    if not facts.mirrored:
        return wanted, notices
    for member in document.members.values():
        # Said under the company named last, it is only a hint: it claims nothing. Nor does what is known to be old.
        if isinstance(member.outcome, Unassigned) or member.mapping_revision < member.superseded:
            continue
        want, notice = (
            _settled(document, member, facts) if member.line is not None else _sought(document, member, facts)
        )
        wanted.extend([] if want is None else [want])
        notices.extend([] if notice is None else [notice])
    return wanted, notices


def _settled(document: CompanyDocument, member: Member, facts: Facts) -> tuple[Wanted | None, None]:
    """A member with a line: claimed anew under each mapping revision, and for its vendor id."""
    claim = claim_id(document.connection, member)
    lacks = claim is not None and member.claim != claim and _may_claim(document, member, facts)
    if member.claimed >= member.mapping_revision and not member.awaits and not lacks:
        return None, None
    return (
        Wanted(
            member.id,
            member.contract,
            member.line,
            member.service,
            member.mapping_revision,
            claim if lacks else None,
            ended_on(member),
        ),
        None,
    )


def _owed_from(member: Member, facts: Facts) -> date | None:
    """The first date on which it is to count; None where all of it has ended. One that left another line may have ended
    since: the days between are owed all the same."""
    left = member.free_from if member.arriving and member.joined_on is None and not member.awaits else None
    now = counts_from(member.asked, facts.today)
    return now if now is not None or left is None else counts_from(member.asked, left)


def _may_claim(document: CompanyDocument, member: Member, facts: Facts) -> bool:
    alive = member.complete and _owed_from(member, facts) is not None
    stands = member.arriving if member.frozen else member.mapped is not None
    return alive and stands and not _promised(document, member, facts)


def _promised(document: CompanyDocument, member: Member, facts: Facts) -> bool:
    """Whether the claim on its vendor id goes along with another sighting that leaves its line."""
    line, claim = document.lines.get(str(member.line)), claim_id(document.connection, member)
    leavers = [] if line is None else [one for one in line.leavers.values() if one.with_claim]
    waiting = [one for one in leavers if one.left is None or one.id in facts.moves]
    return any(claim_id(document.connection, one.member) == claim for one in waiting)


def ended_on(member: Member) -> date | None:
    """The day from which it asks for nothing any more; None while it goes on, or stands still."""
    if member.mapped is None or not member.complete or member.asked.last is not None:
        return None
    return member.asked.days[-1] if member.asked.days else member.since


def _sought(document: CompanyDocument, member: Member, facts: Facts) -> tuple[Wanted | None, FindingDraft | None]:
    day = _owed_from(member, facts)
    notice = None
    if member.mapped is not None and member.complete and day is not None:
        found = _held_still(document, member, member.mapped) or _found(member, member.mapped, day, facts)
        if isinstance(found, Found):
            claim = claim_id(document.connection, member)
            revision, end = member.mapping_revision, ended_on(member)
            return Wanted(member.id, found.contract, found.line, member.mapped.service, revision, claim, end), None
        notice = FindingDraft(
            found.code, subject_of(document, member), f"{named(member)}: {found.message}", _to_do(member, found)
        )
    return _without_line(member), notice


def words(document: CompanyDocument, wanted: Iterable[Wanted]) -> list[Wanted]:
    """What a company in ``observe`` asks of ``assignments``: that a subscription which may have been elsewhere is here
    now, so that its former line hears of it; never a line."""
    found = []
    for want in wanted:
        member = document.members[want.member]
        if member.line is not None:
            found.append(replace(want, claim=None))
        elif (word := _without_line(member)) is not None:
            found.append(word)
    return found


def _found(member: Member, mapped: Mapped, day: date, facts: Facts) -> Found | Missing:
    return find_line(mapped, member.cycle, day, facts.contracts.values(), facts.lines.values())


def _held_still(document: CompanyDocument, member: Member, mapped: Mapped) -> Found | None:
    """The line that it is about to leave, where its mapping names that line again."""
    for line in document.lines.values():
        leaver = line.leavers.get(member.id)
        if leaver is not None and leaver.left is None and other_line(leaver.member, mapped) is None:
            return Found(line.contract, line.line)
    return None


def _without_line(member: Member) -> Wanted | None:
    """A subscription that never had another result was nowhere else: nobody has to let it go."""
    if member.mapping_revision <= 1:
        return None
    said = (member.claimed, member.ended_told) == (member.mapping_revision, ended_on(member))
    if said and not member.awaits:
        return None
    return Wanted(member.id, None, None, None, member.mapping_revision, None, ended_on(member))


def _to_do(member: Member, found: Missing) -> str:
    if not found.fitting:
        return _DO[found.code]
    choose = f"seatledger map contract {member.key.source} {member.key.subscription}"
    return "Choose one: " + " or ".join(f"{choose} {contract}" for contract in found.fitting)


_DO = {
    FindingCode.BILLING_CYCLE_UNSUPPORTED: "Bill it by hand, or ignore its offer; only monthly and annual cycles fit.",
    FindingCode.CONTRACT_MISSING: "Create a recurring-service contract in effect, or choose one with `map contract`.",
    FindingCode.CONTRACT_ENDED: "Renew or create the contract, then choose it with `map contract`.",
    FindingCode.LINE_MISSING: "Add the service to the contract in Autotask; nothing is created from here.",
    FindingCode.LINE_AMBIGUOUS: "Keep one line of this service on the contract.",
}

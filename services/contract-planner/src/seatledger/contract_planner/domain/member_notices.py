"""What is wrong with members, whatever their lines do."""

from seatledger.contract_planner.domain.costs import monthly
from seatledger.contract_planner.domain.facts import Facts
from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.shares import contribution
from seatledger.contract_planner.domain.state import CompanyDocument, Member
from seatledger.contract_planner.domain.wanting import Denied, counts_from
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject


def subject_of(document: CompanyDocument, member: Member) -> Subject:
    return Subject(
        source=member.key.source,
        subscription=member.key.subscription,
        connection=document.connection,
        company=document.company,
        contract=member.contract,
        line=member.line,
        detail=member.key.resource or None,
    )


def denied_notice(document: CompanyDocument, member: Member, denied: Denied) -> FindingDraft:
    """Why a member waits for what another company, or another line, has."""
    if denied.code is FindingCode.MEMBER_FROZEN:
        what = f"{named(member)} is still assigned to {denied.holder}; no company counts it meanwhile"
        do = "Map it once more to the company where it belongs."
    else:
        what = f"{named(member)} shows a vendor subscription that {denied.holder} already counts"
        do = "Map both sightings to one line, or end one of them."
    return FindingDraft(denied.code, subject_of(document, member), what, do)


def waits_in_vain(member: Member, denied: Denied, facts: Facts) -> bool:
    """Whether all that it asked for is over while another sighting of it counts: nothing will come of its waiting."""
    return denied.code is FindingCode.DUPLICATE_SIGHTING and counts_from(member.asked, facts.today) is None


def member_notices(document: CompanyDocument, facts: Facts, policy: Policy) -> list[FindingDraft]:
    """What is wrong with members of lines, whatever their lines do."""
    found: list[FindingDraft] = []
    for member in document.members.values():
        if member.line is None:
            continue
        if member.frozen and _counts(member, facts) and not _replaced(document, member, policy):
            found.append(_frozen_notice(document, member, facts, policy))
        foreign = [currency for currency in member.currencies if currency != policy.currency]
        if foreign and not member.frozen:
            what = f"{named(member)} is priced in {', '.join(foreign)}, the PSA in {policy.currency}; units go on"
            subject = subject_of(document, member)
            found.append(
                FindingDraft(FindingCode.CURRENCY_DIFFERS, subject, what, "Check the price on the contract line.")
            )
    return found


def _counts(member: Member, facts: Facts) -> bool:
    return counts_from(contribution(member), facts.today) is not None


def _replaced(document: CompanyDocument, member: Member, policy: Policy) -> bool:
    """Whether a member of a retired source has yielded: then it asks for nobody any more."""
    if member.vendor is None or not policy.source(member.key.source).retired or member.line is None:
        return False
    return any(
        other.vendor == member.vendor and other.key.source != member.key.source and other.joined_on is not None
        for other in document.on_line(member.line)
    )


def _frozen_notice(document: CompanyDocument, member: Member, facts: Facts, policy: Policy) -> FindingDraft:
    seats = contribution(member).units_at(facts.today)
    contract = facts.contracts.get(member.contract) if member.contract is not None else None
    mirrored = facts.lines.get(member.line) if member.line is not None else None
    state = document.lines.get(str(member.line))
    held = None if state is None else state.held.get(member.id)
    posted = "" if not seats or (held is not None and held.units_at(facts.today)) else ", of which none was posted"
    return FindingDraft(
        FindingCode.MEMBER_FROZEN,
        subject_of(document, member),
        f"{named(member)} stands still at {seats} units on line {member.line}{posted}: {member.frozen_why}",
        "Map it to its line again; while it is frozen nothing at its source counts.",
        monthly(mirrored, contract.period_type if contract else None, seats, policy.currency),
    )


def named(member: Member) -> str:
    resource = f" ({member.key.resource})" if member.key.resource else ""
    return f"subscription {member.key.subscription}{resource} of {member.key.source}"

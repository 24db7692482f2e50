"""What moves have to say to people: who waits for which line, what is nobody's, which days no line bills."""

from collections.abc import Iterable, Iterator

from seatledger.contract_planner.domain.costs import monthly
from seatledger.contract_planner.domain.facts import Facts
from seatledger.contract_planner.domain.leaving import Awaited
from seatledger.contract_planner.domain.lines import line_subject
from seatledger.contract_planner.domain.member_notices import named, subject_of
from seatledger.contract_planner.domain.moving import holds
from seatledger.contract_planner.domain.plans import approval_of, is_rejected
from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.reporting import Line
from seatledger.contract_planner.domain.state import CompanyDocument, Leaver, LineState, Member, with_line
from seatledger.contract_planner.domain.unbilled import unbilled
from seatledger.schemas.book import Trust
from seatledger.schemas.findings import FindingCode, FindingDraft
from seatledger.schemas.ids import CompanyKey


def explained(document: CompanyDocument, lines: Iterable[Line]) -> CompanyDocument:
    """The document where each decrease that may be planned says why it does not go."""
    for line in lines:
        state = document.lines[line.key]
        if state.leavers:
            why = _why_it_waits(document, state, line)
            after = {key: _explained(state, leaver, why) for key, leaver in state.leavers.items()}
            document = with_line(document, state.model_copy(update={"leavers": after}))
    return document


def _explained(line: LineState, leaver: Leaver, why: str) -> Leaver:
    going = leaver.goes and leaver.left is None and holds(line, leaver.id)
    return leaver.model_copy(update={"why": why}) if going else leaver


def _why_it_waits(document: CompanyDocument, state: LineState, line: Line) -> str:
    """Approval, drift, a refusal, a send nobody knows the end of; "" while it goes on by itself or waits for its
    day."""
    if state.released is not None:
        return "" if state.released.awaited else "nobody knows whether its last change took effect"
    if state.blocked is not None:
        return "Autotask refused its decrease"
    if line.head is None:
        return ""
    if is_rejected(document, line.head.hash) is not None:
        return "its decrease was rejected"
    if approval_of(document, line.head.hash) is None:
        return "its decrease waits for approval"
    drifted = line.seen.book is not None and line.seen.book.drift is not None
    return "somebody changed it in Autotask (drift)" if drifted else ""


def stirred(before: CompanyDocument, after: CompanyDocument, facts: Facts) -> tuple[str, ...]:
    """Companies that wait for a line of this one, for another reason than before."""
    known, reasons = _reasons(before), _reasons(after).items()
    changed = [one for one, why in reasons if one in facts.moves and why != known.get(one, "")]
    return tuple(sorted({facts.moves[one].company for one in changed}))


def _reasons(document: CompanyDocument) -> dict[str, str]:
    return {key: leaver.why for line in document.lines.values() for key, leaver in line.leavers.items()}


def move_notices(
    document: CompanyDocument, lines: Iterable[Line], facts: Facts, policy: Policy, known: Iterable[FindingDraft]
) -> list[FindingDraft]:
    """``known``: what is said already of members that found no line."""
    said = {(one.subject.source, one.subject.subscription, one.subject.detail) for one in known}
    found = [one for line in document.lines.values() for one in _of_line(document, line, facts, policy)]
    for member in document.members.values():
        told = (member.key.source, member.key.subscription, member.key.resource or None) in said
        waits = _waits(document, member) if not (told and member.line is None) else None
        found.extend([] if waits is None else [waits])
    return [*found, *(one for line in lines for one in unbilled(document, line, facts, policy))]


def _of_line(document: CompanyDocument, line: LineState, facts: Facts, policy: Policy) -> Iterator[FindingDraft]:
    mirrored, contract = facts.lines.get(line.line), facts.contracts.get(line.contract)
    period = contract.period_type if contract is not None else None
    for leaver in line.leavers.values():
        if not leaver.why or leaver.goes or leaver.left is not None or policy.observes(document.company):
            continue
        units = line.held_of(leaver.id).last or 0
        what = f"{named(leaver.member)} is to leave line {line.line} with its {units} units, which stay: {leaver.why}"
        do = "Mend what its new line lacks, or map it back."
        cost = monthly(mirrored, period, units, policy.currency)
        yield FindingDraft(FindingCode.MOVE_WAITS, subject_of(document, leaver.member), what, do, cost)
    book = facts.books.get(line.line)
    for subscription, units in line.not_ours.items():
        if book is None or book.trust is not Trust.NEW or book.agreed.units_at(facts.today) != units:
            continue
        what = f"{subscription} was mapped away from line {line.line}, which was never linked: its {units} units stay"
        do = "Take them off in Autotask if they were meant for it; nobody here put them there."
        cost = monthly(mirrored, period, units, policy.currency)
        yield FindingDraft(FindingCode.UNITS_NOT_OURS, line_subject(document, line, subscription), what, do, cost)


def _waits(document: CompanyDocument, member: Member) -> FindingDraft | None:
    """One finding a subscription on its new company, naming the old lines; none while they let go by themselves."""
    others = [one for one in member.awaits if one.company != document.id]
    if not others or (member.line is not None and not any(one.why for one in others)):
        return None
    what = f"{named(member)} waits, {'; '.join(map(_named, others))}"
    do = "Approve or mend what its old line waits for." if member.line is not None else "Give it a line here."
    return FindingDraft(FindingCode.MOVE_WAITS, subject_of(document, member), what, do)


def _named(one: Awaited) -> str:
    why = f": {one.why}" if one.why else ""
    return f"line {one.line} of company {CompanyKey.parse(one.company).company} still has it{why}"

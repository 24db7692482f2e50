"""What a planning has to say to people: every finding of one company at once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from seatledger.contract_planner.domain.costs import monthly
from seatledger.contract_planner.domain.facts import Facts
from seatledger.contract_planner.domain.lines import View, line_notices, line_subject
from seatledger.contract_planner.domain.losses import loss_notices
from seatledger.contract_planner.domain.member_notices import denied_notice, member_notices, waits_in_vain
from seatledger.contract_planner.domain.plans import approval_of, is_rejected, is_whole
from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.state import CompanyDocument, Wish, with_member
from seatledger.contract_planner.domain.wanting import Denied, Granted, Wanted
from seatledger.schemas.findings import FindingCode, FindingDraft

COMPANY_CODES = (
    FindingCode.MEMBER_FROZEN,
    FindingCode.CONTRACT_MISSING,
    FindingCode.CONTRACT_AMBIGUOUS,
    FindingCode.CONTRACT_ENDED,
    FindingCode.DATE_OUTSIDE_CONTRACT,
    FindingCode.LINE_MISSING,
    FindingCode.LINE_AMBIGUOUS,
    FindingCode.PERIOD_POSTED,
    FindingCode.DATE_USED,
    FindingCode.BILLING_CYCLE_UNSUPPORTED,
    FindingCode.CURRENCY_DIFFERS,
    FindingCode.PRICE_UNKNOWN,
    FindingCode.DUPLICATE_SIGHTING,
    FindingCode.FIRST_LINK,
    FindingCode.FIRST_DECREASE,
    FindingCode.REFUSED,
    FindingCode.PLAN_REJECTED,
    FindingCode.MOVE_WAITS,
    FindingCode.UNITS_NOT_OURS,
    FindingCode.UNBILLED_DAYS,
)
"""Findings of one company: each planning says all of them, and what it no longer says is closed."""


@dataclass(frozen=True)
class Seekings:
    """What members sought, and what became of it at ``assignments``."""

    wanted: tuple[Wanted, ...] = ()
    granted: Mapping[str, Granted] = field(default_factory=dict)
    denied: Mapping[str, Denied] = field(default_factory=dict)
    notices: tuple[FindingDraft, ...] = ()

    @property
    def unanswered(self) -> bool:
        """Whether somebody was neither granted nor denied what it wants: it asks again."""
        return any(want.member not in self.granted and want.member not in self.denied for want in self.wanted)


@dataclass(frozen=True)
class Line:
    """A line with its wishes, between dating and release."""

    seen: View
    wishes: tuple[Wish, ...]
    asks: str

    @property
    def head(self) -> Wish | None:
        return self.wishes[0] if self.wishes else None

    @property
    def key(self) -> str:
        return str(self.seen.state.line)


def note_vain(document: CompanyDocument, seekings: Seekings, facts: Facts) -> CompanyDocument:
    """Who waits in vain is told of it for a day."""
    for key, one in seekings.denied.items():
        member = document.members[key]
        if member.lost_on is None and waits_in_vain(member, one, facts):
            document = with_member(document, member.model_copy(update={"lost_on": facts.today}))
    return document


def _denied(document: CompanyDocument, seekings: Seekings, facts: Facts) -> Iterator[FindingDraft]:
    for key, one in seekings.denied.items():
        member = document.members[key]
        if member.lost_on == facts.today or not waits_in_vain(member, one, facts):
            yield denied_notice(document, member, one)


def noticed(
    document: CompanyDocument, lines: Iterable[Line], facts: Facts, policy: Policy, seekings: Seekings
) -> tuple[FindingDraft, ...]:
    """Findings of members that seek a line, of members that have one, and of lines."""
    found = [*seekings.notices, *_denied(document, seekings, facts), *member_notices(document, facts, policy)]
    for line in lines:
        found.extend(line_notices(document, line.seen, line.wishes, facts, policy))
        found.extend(loss_notices(document, line.seen, facts, policy))
        found.extend(_waiting(document, line, policy))
    return tuple(found)


def _waiting(document: CompanyDocument, line: Line, policy: Policy) -> Iterable[FindingDraft]:
    """Why the line's first wish does not go."""
    state, head = document.lines[line.key], line.head
    period = line.seen.contract.period_type if line.seen.contract is not None else None
    if state.blocked is not None:
        subject = line_subject(document, state)
        cost = monthly(line.seen.mirrored, period, state.blocked.seats, policy.currency)
        what = f"Autotask refused the change of line {state.line} ({state.blocked.refusal.value}): "
        do = "Mend the cause in Autotask, then `resolve` this finding with `retry`."
        yield FindingDraft(FindingCode.REFUSED, subject, what + (state.blocked.message or "no text"), do, cost)
    if head is None:
        return
    said_no = is_rejected(document, head.hash)
    first = line.asks in _FIRST and approval_of(document, head.hash) is None
    if said_no is None and not first:
        return
    cost = monthly(line.seen.mirrored, period, head.jump, policy.currency)
    subject = line_subject(document, state)
    what = f"line {state.line} should go from {head.before} to {head.after} on {head.on}"
    if said_no is not None:
        yes = f"seatledger plan approve {said_no.id} --hash {said_no.hash}"
        do = "Nothing goes out until the difference changes" + (f", or: {yes}" if is_whole(said_no) else ".")
        yield FindingDraft(FindingCode.PLAN_REJECTED, subject, f"{what}; rejected: {said_no.asks}", do, cost)
    else:
        do = "Look at `plan list`, then approve or reject its plan."
        yield FindingDraft(_FIRST[line.asks], subject, f"{what}; it was never linked to our subscriptions", do, cost)


_FIRST = {code.value: code for code in (FindingCode.FIRST_LINK, FindingCode.FIRST_DECREASE)}

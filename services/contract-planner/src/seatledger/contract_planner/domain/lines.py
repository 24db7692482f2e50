"""One line at one planning: its members' shares, its target, its chain of dated wishes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from seatledger.contract_planner.domain.costs import monthly
from seatledger.contract_planner.domain.dating import Chain, Dated, Kept, Openings, chain
from seatledger.contract_planner.domain.facts import Facts
from seatledger.contract_planner.domain.plans import item_hash
from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.shares import line_shares, target
from seatledger.contract_planner.domain.state import CompanyDocument, LineState, Member, Wish
from seatledger.schemas.book import LineBook, Trust
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject
from seatledger.schemas.intents import Span
from seatledger.schemas.mirror import MirrorContract, MirrorLine
from seatledger.schemas.steps import StepFunction


@dataclass(frozen=True)
class View:
    """All that is known of one line now. ``chain`` is empty where the line cannot be planned at all."""

    state: LineState
    members: tuple[Member, ...]
    """Who counts here, those that are about to leave included."""
    shares: Mapping[str, StepFunction]
    mirrored: MirrorLine | None
    contract: MirrorContract | None
    book: LineBook | None
    target: StepFunction | None
    chain: Chain
    linking: bool
    """A ``new`` line that stands at its target already: an intent without a jump links it."""

    @property
    def plannable(self) -> bool:
        """Whether book, line and contract can be seen. A gap in the mirror is no information: nothing is taken back
        or forgotten for it."""
        return self.book is not None and self.mirrored is not None and self.contract is not None

    @property
    def is_new(self) -> bool:
        return self.book is None or self.book.trust is Trust.NEW

    @property
    def fingerprint(self) -> str:
        """What of the mirrored contract lifts a refusal when it changes."""
        one = self.contract
        return "gone" if one is None else f"{one.status}/{one.start}/{one.end}"

    def changed(self, on: date) -> list[Member]:
        """Members whose share on that day is not what the line holds of them."""
        return [
            one for one in self.members if self.shares[one.id].units_at(on) != self.state.held_of(one.id).units_at(on)
        ]


def view(line: LineState, members: Iterable[Member], facts: Facts, policy: Policy) -> View:
    """The line with its members, of whom those count that have joined."""
    joined = tuple(member for member in members if member.joined_on is not None)
    parts = line_shares(line, joined, policy)
    everybody = (*joined, *(leaver.member for leaver in line.leavers.values()))
    book = facts.books.get(line.line)
    mirrored = facts.lines.get(line.line)
    contract = facts.contracts.get(line.contract)
    wanted = None
    found = Chain()
    if book is not None:
        wanted = target(parts, line.held, extra=book.extra, agreed=book.agreed, asks_from=line.asks_from)
        if wanted is not None and contract is not None and mirrored is not None:
            found = chain(wanted, book.agreed, openings_of(line, book, mirrored, contract, facts.today))
    return View(line, everybody, parts, mirrored, contract, book, wanted, found, _links(book, wanted, found, facts))


def _links(book: LineBook | None, wanted: StepFunction | None, found: Chain, facts: Facts) -> bool:
    if book is None or wanted is None or book.trust is not Trust.NEW or found != Chain():
        return False
    return wanted.equals_from(facts.today, book.agreed)


def openings_of(
    line: LineState | None, book: LineBook, mirrored: MirrorLine, contract: MirrorContract, today: date
) -> Openings:
    """The dates that a line can take; ``line`` is what its own company learnt, None where another company asks."""
    # The date of the intent under way is its own: it must not look used to the very wish that it carries out.
    under_way = {book.open.intent.on} if book.open is not None else set()
    lost = () if line is None else line.lost_dates
    return Openings(
        start=contract.start,
        end=contract.end,
        today=today,
        used=frozenset({*book.dates_used, *lost} - under_way),
        mirrored=tuple(Span(start=row.start, end=row.end) for row in mirrored.rows if row.posted),
        told=() if line is None else line.posted,
        kept={} if line is None else {wish.effective: Kept(wish.on, wish.moved) for wish in line.wishes},
    )


def wishes(seen: View) -> tuple[Wish, ...]:
    """The chain as wishes that remember how often they were moved, and by which events they were made."""
    if not seen.plannable:
        return seen.state.wishes
    before = {wish.effective: wish for wish in seen.state.wishes}
    price = seen.mirrored.unit_price if seen.mirrored is not None else None
    return tuple(_wish(step, before.get(step.effective), seen, price) for step in seen.chain.steps)


def _wish(step: Dated, earlier: Wish | None, seen: View, price: Decimal | None) -> Wish:
    stands, becomes = step.before.units_at(step.on), step.after.units_at(step.on)
    return Wish(
        effective=step.effective,
        on=step.on,
        before=stands,
        after=becomes,
        jump=step.jump,
        moved=step.moved,
        moves=_moves(step, earlier),
        causes=_causes(step, seen),
        hash=item_hash(seen.state.line, step.on, stands, becomes, price),
    )


def _moves(step: Dated, earlier: Wish | None) -> int:
    if earlier is not None and earlier.on == step.on:
        return earlier.moves
    return (earlier.moves if earlier else 0) + int(step.moved is FindingCode.PERIOD_POSTED)


def _causes(step: Dated, seen: View) -> tuple[str, ...]:
    """The events of the members that change on that day; of all where none does (a first link)."""
    return tuple(sorted({member.cause.id for member in seen.changed(step.on) or seen.members}))


def line_subject(document: CompanyDocument, line: LineState, detail: str | None = None) -> Subject:
    return Subject(
        connection=document.connection,
        company=document.company,
        contract=line.contract,
        line=line.line,
        detail=detail,
    )


def line_notices(
    document: CompanyDocument, seen: View, chosen: tuple[Wish, ...], facts: Facts, policy: Policy
) -> list[FindingDraft]:
    """What is wrong with the line itself, and what its dates cost."""
    return [*_state_notices(document, seen, facts, policy), *_date_notices(document, seen, chosen, policy)]


def _state_notices(document: CompanyDocument, seen: View, facts: Facts, policy: Policy) -> list[FindingDraft]:
    line = seen.state
    subject = line_subject(document, line)
    if not seen.members:
        return []
    if seen.contract is None or seen.mirrored is None:
        what = f"line {line.line} of contract {line.contract} is gone from Autotask"
        return [
            FindingDraft(FindingCode.LINE_MISSING, subject, what, "Map its subscriptions to a contract that exists.")
        ]
    found: list[FindingDraft] = []
    over = not seen.contract.in_effect or seen.contract.end < facts.today
    seats = sum(share.units_at(facts.today) for share in seen.shares.values())
    if over and (seats or seen.chain != Chain()):
        cost = monthly(seen.mirrored, seen.contract.period_type, seats, policy.currency)
        what = f"contract {line.contract} is not in effect or over; line {line.line} still carries {seats} units"
        do = "Renew it in Autotask, then choose the new contract with `map contract`."
        found.append(FindingDraft(FindingCode.CONTRACT_ENDED, subject, what, do, cost))
    if seen.mirrored.unit_price is None:
        what = f"line {line.line} has no unit price in Autotask; its units are posted, its money is not known here"
        found.append(FindingDraft(FindingCode.PRICE_UNKNOWN, subject, what, "Set a price on the contract line."))
    if seen.chain.outside is not None and not over:
        found.append(_outside(subject, seen, seen.contract, policy))
    return found


def _outside(subject: Subject, seen: View, contract: MirrorContract, policy: Policy) -> FindingDraft:
    cost = monthly(seen.mirrored, contract.period_type, seen.chain.outside_seats, policy.currency)
    code = FindingCode.DATE_OUTSIDE_CONTRACT
    what = f"units of line {seen.state.line} differ from {seen.chain.outside} on, contract ends on {contract.end}"
    return FindingDraft(code, subject, what, "Extend or renew the contract.", cost)


def _date_notices(
    document: CompanyDocument, seen: View, chosen: tuple[Wish, ...], policy: Policy
) -> list[FindingDraft]:
    period = seen.contract.period_type if seen.contract is not None else None
    return [
        FindingDraft(
            wish.moved,
            line_subject(document, seen.state, f"{wish.effective}"),
            f"line {seen.state.line} should change by {wish.jump:+d} on {due}, "
            f"{_WHY[wish.moved]}: it goes out on {wish.on}",
            "Bill the days between by hand if they matter.",
            monthly(seen.mirrored, period, wish.jump, policy.currency),
        )
        for wish in chosen
        if wish.moved is not None and (due := due_day(wish, seen)) is not None
    ]


def due_day(wish: Wish, seen: View) -> date | None:
    """The first of the days that this very change loses, all from there to its date; None where it loses none. Days
    before them that differ by another number are losses of their own, or were told by earlier changes."""
    step = next((step for step in seen.chain.steps if step.effective == wish.effective), None)
    if step is None or seen.target is None:
        return wish.effective
    due = None
    for day in sorted({wish.effective, *seen.target.days, *step.before.days}, reverse=True):
        if wish.effective <= day < wish.on:
            if seen.target.units_at(day) - step.before.units_at(day) != wish.jump:
                break
            due = day
    return due


_WHY = {
    FindingCode.PERIOD_POSTED: "a day of a period that is posted",
    FindingCode.DATE_USED: "a day that was used already",
    FindingCode.DATE_OUTSIDE_CONTRACT: "a day before the contract begins",
}

"""Which wishes need a person: by mode, for a first link, and not where somebody said yes with the decrease already."""

from collections.abc import Iterable
from itertools import chain

from seatledger.contract_planner.domain.facts import Facts
from seatledger.contract_planner.domain.grouping import grouped
from seatledger.contract_planner.domain.leaving import MoveYes
from seatledger.contract_planner.domain.lines import View
from seatledger.contract_planner.domain.plans import POLICY, Asked, item_of, warned
from seatledger.contract_planner.domain.policy import Mode, Policy
from seatledger.contract_planner.domain.reporting import Line
from seatledger.contract_planner.domain.state import CompanyDocument, LineState, Wish, with_line
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import CompanyKey, PlanId
from seatledger.schemas.planning import MovedUnits, PlanDocument, PlanItem


def asks(seen: View, chosen: tuple[Wish, ...], policy: Policy, mode: Mode) -> str:
    """Why the line's wishes need a person, or "". A line that was never linked asks for its first difference; a first
    decrease always asks, for automation never takes away units that it did not put there."""
    if not chosen:
        return ""
    if mode is not Mode.AUTO:
        return mode.value
    if seen.is_new and chosen[0].jump < 0:
        return FindingCode.FIRST_DECREASE.value
    if seen.is_new and policy.first_link_asks:
        return FindingCode.FIRST_LINK.value
    return ""


def asked(document: CompanyDocument, lines: Iterable[Line], facts: Facts, policy: Policy) -> list[Asked]:
    """Every wish with its item and group, and who says yes to it."""
    return grouped(chain.from_iterable(_asked_of(document, line, facts, policy) for line in lines))


def _asked_of(document: CompanyDocument, line: Line, facts: Facts, policy: Policy) -> Iterable[Asked]:
    shown: set[str] = set()
    for wish in line.wishes:
        moves = tuple(one for one in _moves(line.seen.state, wish, facts) if str(one.subscription) not in shown)
        shown |= {str(one.subscription) for one in moves}
        yes = covering(document, line, wish)
        why = "" if yes else line.asks
        item = item_of(line.seen.state, wish, line.seen.mirrored, policy.currency)
        covered = [f"approved with plan {one.plan}, which took its units off their old line" for one in yes]
        first = line.seen.is_new and wish is line.wishes[0]
        warnings = (*warned(wish, why, first=first), *sorted(set(covered)))
        group = "+".join(sorted({one.group for one in yes}))
        item = item.model_copy(update={"group": group, "moves": moves, "warnings": warnings})
        yield Asked(line.seen.state, wish, why, item, ", ".join(sorted({one.by for one in yes})) or POLICY)


def _moves(line: LineState, wish: Wish, facts: Facts) -> Iterable[MovedUnits]:
    """The plus of each subscription that this decrease takes off the line."""
    for leaver in line.leavers.values():
        row = facts.moves.get(leaver.id)
        units = line.held_of(leaver.id).units_at(wish.on)
        gone = leaver.goes and leaver.on is not None and leaver.on <= wish.on and units > 0
        if gone and row is not None and row.line is not None and row.contract is not None:
            company = CompanyKey.parse(row.company).company
            yield MovedUnits(
                subscription=leaver.member.key, company=company, contract=row.contract, line=row.line, units=units
            )


def covering(document: CompanyDocument, line: Line, wish: Wish) -> list[MoveYes]:
    """The yes that people gave with the decreases of these very units on that very day; none where anything else is
    in the wish (kernel.md section 7.6)."""
    if line.asks in {"", Mode.OBSERVE.value}:
        return []
    moved = line.seen.changed(wish.on)
    found = [member.yes for member in moved if member.yes is not None]
    place = (document.company, line.seen.state.line, wish.on)
    fits = [one for one in found if (one.company, one.line, one.on) == place]
    return fits if len(fits) == len(moved) and sum(one.units for one in fits) == wish.jump else []


def with_yes(document: CompanyDocument, key: str, wish: Wish, plan: PlanDocument) -> CompanyDocument:
    """Whose plus the released decrease showed when a person said yes to it remembers that."""
    line = document.lines[key]
    if not line.leavers:
        return document
    leavers = dict(line.leavers)
    for item in plan.items:
        for one in item.moves if item.hash == wish.hash else ():
            leaver = leavers.get(str(one.subscription))
            if leaver is not None:
                leavers[leaver.id] = leaver.model_copy(update={"yes": _yes(one, item, plan)})
    return with_line(document, line.model_copy(update={"leavers": leavers}))


def _yes(moved: MovedUnits, item: PlanItem, plan: PlanDocument) -> MoveYes | None:
    """The policy's word is good for its own company alone: it knows nothing of the other one's mode."""
    if plan.approved_by is None or plan.approved_by == POLICY:
        return None
    return MoveYes(
        by=plan.approved_by,
        plan=PlanId(plan.id),
        company=moved.company,
        line=moved.line,
        units=moved.units,
        on=item.effective_on,
        group=item.group,
    )

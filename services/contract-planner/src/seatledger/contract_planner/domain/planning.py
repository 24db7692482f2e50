"""One planning of one company: ``document`` and ``facts`` in, the new document and its findings out.

Planning what was planned changes nothing: ``plan(apply(plan))`` is nothing (kernel.md section 9.6).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from seatledger.contract_planner.domain.asking import asked, asks, with_yes
from seatledger.contract_planner.domain.assigning import assign, join_members, rest, settle_in
from seatledger.contract_planner.domain.facts import Facts
from seatledger.contract_planner.domain.grouping import minus_first, plus_comes
from seatledger.contract_planner.domain.holding import Out
from seatledger.contract_planner.domain.lines import View, view, wishes
from seatledger.contract_planner.domain.losses import losses
from seatledger.contract_planner.domain.move_notices import explained, move_notices, stirred
from seatledger.contract_planner.domain.moving import finish, follow
from seatledger.contract_planner.domain.plans import (
    approval_of,
    arrange,
    digest,
    is_rejected,
    mark_item,
)
from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.releasing import (
    first_wish,
    in_flight,
    release_link,
    release_wish,
    saying,
    still_wished,
    withdraw,
)
from seatledger.contract_planner.domain.reporting import Line, Seekings, note_vain, noticed
from seatledger.contract_planner.domain.state import (
    Blocked,
    CompanyDocument,
    LineState,
    Released,
    Wish,
    unanswered,
    with_line,
)
from seatledger.contract_planner.domain.unbilled import note_losses
from seatledger.contract_planner.domain.wanting import Freed, Granted
from seatledger.schemas.book import Trust
from seatledger.schemas.findings import FindingDraft
from seatledger.schemas.planning import ItemState, PlanDocument
from seatledger.schemas.steps import StepFunction


@dataclass(frozen=True)
class Planned:
    """The outcome: save ``document``, tell ``notices``, then give ``freed`` claims back and take ``outs`` out of their
    assignments. ``again``: it stays dirty, for some member's race for its line was lost, or a leave is noted and not
    yet known to be told."""

    document: CompanyDocument
    notices: tuple[FindingDraft, ...]
    freed: tuple[Freed, ...] = ()
    outs: tuple[Out, ...] = ()
    again: bool = False
    stirred: tuple[str, ...] = ()
    """Companies that wait for a line here, for another reason than before."""


def plan(document: CompanyDocument, facts: Facts, policy: Policy, seekings: Seekings) -> Planned:
    """Everything about one company, once."""
    followed = follow(document, facts, policy)
    if policy.observes(document.company):
        planned = _observe(followed, facts, policy, seekings)
    else:
        planned = _plan(_left_observe(followed, facts.today), facts, policy, seekings)
    return replace(planned, stirred=stirred(document, planned.document, facts))


def _plan(document: CompanyDocument, facts: Facts, policy: Policy, seekings: Seekings) -> Planned:
    document = join_members(settle_in(assign(document, seekings.granted, seekings.wanted)), facts)
    lines = _dated(document, facts, policy)
    document = arrange(document, asked(document, lines, facts, policy), facts.now)
    document = _settled(document, lines, facts)
    document = _counted(document, lines, facts, policy)
    for line in minus_first(lines):
        document = _release(document, line, facts, policy)
    document, freed = rest(document, facts)
    document = note_vain(note_losses(explained(document, lines), lines, facts), seekings, facts)
    document, outs = finish(document, facts)
    notices = _noticed(document, lines, facts, policy, seekings)
    again = seekings.unanswered or bool(outs)
    return Planned(_planned(document, facts, notices, again=again), notices, tuple(freed), tuple(outs), again)


def _noticed(
    document: CompanyDocument, lines: Iterable[Line], facts: Facts, policy: Policy, seekings: Seekings
) -> tuple[FindingDraft, ...]:
    found = noticed(document, lines, facts, policy, seekings)
    return (*found, *move_notices(document, lines, facts, policy, seekings.notices))


def _left_observe(document: CompanyDocument, today: date) -> CompanyDocument:
    """Leaving ``observe`` is a join: what changed meanwhile counts from today."""
    if not document.observed:
        return document
    lines = {key: line.model_copy(update={"asks_from": today}) for key, line in document.lines.items()}
    return document.model_copy(update={"lines": lines, "observed": False})


def _observe(document: CompanyDocument, facts: Facts, policy: Policy, seekings: Seekings) -> Planned:
    """Nothing is dated, assigned or released; the plan shows what leaving it today would do."""
    everybody = {want.member: Granted() for want in seekings.wanted}
    shown = assign(document, everybody, seekings.wanted)
    document = assign(document, seekings.granted, [want.without_line() for want in seekings.wanted])
    shown = join_members(_left_observe(shown.model_copy(update={"observed": True}), facts.today), facts)
    lines = _dated(shown, facts, policy)
    document = arrange(document, asked(shown, lines, facts, policy), facts.now)
    for line in document.lines.values():
        document = _taken_back(document, line, "the company is observed", facts)
    stopped = {key: line.model_copy(update={"wishes": ()}) for key, line in document.lines.items()}
    document = document.model_copy(update={"lines": stopped, "observed": True})
    document = document.model_copy(update={"due": 0, "waiting_approval": 0, "waiting_day": 0})
    document, outs = finish(document, facts)
    notices = _noticed(document, (), facts, policy, seekings)
    again = seekings.unanswered or bool(outs)
    return Planned(_planned(document, facts, notices, again=again), notices, (), tuple(outs), again)


def _planned(
    document: CompanyDocument, facts: Facts, notices: Iterable[FindingDraft], *, again: bool = False
) -> CompanyDocument:
    hindered = any(member.line is not None and member.joined_on is None for member in document.members.values())
    moving = any(line.leavers for line in document.lines.values())
    moving = moving or any(member.awaits for member in document.members.values())
    open_notices = list(notices)
    return document.model_copy(
        update={
            "dirty": bool(document.unprojected) or again,
            "planned_for": facts.today,
            "unanswered": unanswered(document),
            "restless": hindered or moving or bool(open_notices) or document.due > 0,
            "told": digest(*sorted(map(repr, open_notices))) if open_notices else "",
        }
    )


def _dated(document: CompanyDocument, facts: Facts, policy: Policy) -> list[Line]:
    found = []
    members = document.by_line()
    for key in sorted(document.lines):
        line = document.lines[key]
        seen = view(line, members.get(line.line, ()), facts, policy)
        chosen = _as_released(seen, wishes(seen))
        found.append(Line(seen, chosen, asks(seen, chosen, policy, policy.mode_of(document.company))))
    return found


def _as_released(seen: View, chosen: tuple[Wish, ...]) -> tuple[Wish, ...]:
    """The wish that is out keeps the item under which it went, though the mirror's price moved since."""
    out = seen.state.released
    if out is None or out.item is None or not chosen or not still_wished(out, seen):
        return chosen
    return (chosen[0].model_copy(update={"hash": out.item}), *chosen[1:])


def _settled(document: CompanyDocument, lines: Iterable[Line], facts: Facts) -> CompanyDocument:
    """What each line remembers of this planning; wishes that are no more are counted."""
    gone = 0
    after = dict(document.lines)
    for line in lines:
        before = document.lines[line.key]
        gone += sum(_vanished(wish, line.wishes, before.released) for wish in before.wishes)
        after[line.key] = _remembering(before, line, facts)
    return document.model_copy(update={"lines": after, "not_needed": document.not_needed + gone})


def _remembering(before: LineState, line: Line, facts: Facts) -> LineState:
    """The line's own memory: its wishes, whose units the agreed ones are, and a refusal unless it is over."""
    blocked = before.blocked
    if blocked and line.seen.plannable and _lifted(blocked, line.seen):
        blocked = None
    return before.model_copy(
        update={
            "wishes": line.wishes,
            "blocked": blocked,
            "held": _held(line.seen, facts.today),
            "losses": losses(line.seen, line.wishes, facts.today),
        }
    )


def _lifted(blocked: Blocked, seen: View) -> bool:
    return blocked.wish != first_wish(seen) or blocked.contract != seen.fingerprint


def _vanished(wish: Wish, chosen: Iterable[Wish], out: Released | None) -> bool:
    if out is not None and out.intent.on == wish.on:
        return False
    return all(one.effective != wish.effective and one.on != wish.on for one in chosen)


def _held(seen: View, today: date) -> dict[str, StepFunction]:
    """Where nothing is out and target = agreed, this planning says what of it is whose (a hand-over moves no unit)."""
    line, book = seen.state, seen.book
    quiet = line.released is None and book is not None and book.open is None and book.trust is Trust.LINKED
    if not quiet or book is None or seen.target is None or seen.chain.steps:
        return line.held
    if not seen.target.equals_from(today, book.agreed):
        return line.held
    return {
        key: line.held_of(key).replaced_from(today, share.map(lambda units: units or 0))
        for key, share in seen.shares.items()
    }


def _counted(document: CompanyDocument, lines: Iterable[Line], facts: Facts, policy: Policy) -> CompanyDocument:
    """What waits for a yes and what for its day; ``due`` is counted where it is released."""
    approval = day = 0
    horizon = facts.today + timedelta(days=policy.ahead)
    for line in lines:
        out = document.lines[line.key].released
        for wish in line.wishes:
            if is_rejected(document, wish.hash) or (out is not None and out.intent.on == wish.on):
                continue
            if approval_of(document, wish.hash) is None:
                approval += 1
            elif wish.on > horizon and not wish.ahead:
                day += 1
    return document.model_copy(update={"waiting_approval": approval, "waiting_day": day, "due": 0})


def _release(document: CompanyDocument, line: Line, facts: Facts, policy: Policy) -> CompanyDocument:
    state = document.lines[line.key]
    out = state.released
    if out is not None:
        changed = line.seen.plannable and in_flight(out, line.seen.book) and not still_wished(out, line.seen)
        return _taken_back(document, state, "its wish changed", facts) if changed else document
    if not _free(line.seen, state):
        return document
    if line.head is None:
        return _link(document, line, facts)
    yes = approval_of(document, line.head.hash)
    early = line.head.on > facts.today + timedelta(days=policy.ahead) and not line.head.ahead
    if yes is None or early or plus_comes(document, line, facts):
        return document
    if not facts.settled:
        return document.model_copy(update={"due": document.due + 1})
    return _go(document, line, line.head, yes, facts)


def _free(seen: View, state: LineState) -> bool:
    """Whether nothing stands in the line's way: an open intent, a refusal, a drift that the wish does not equal, a
    contract out of effect."""
    if seen.book is None or seen.book.open is not None or state.blocked is not None:
        return False
    if seen.contract is None or seen.mirrored is None or not seen.contract.in_effect:
        return False
    drift = seen.book.drift
    if drift is None:
        return True
    head = next(iter(seen.chain.steps), None)
    return head is not None and drift.rows is not None and head.after.equals_from(drift.from_day, drift.rows)


def _go(document: CompanyDocument, line: Line, head: Wish, yes: PlanDocument, facts: Facts) -> CompanyDocument:
    released = release_wish(document, line.seen, line.seen.chain.steps[0], head, yes, facts.now)
    if released is None:
        return document
    document = mark_item(_out(document, line, released), head.hash, ItemState.RELEASED)
    return with_yes(document, line.key, head, yes)


def _link(document: CompanyDocument, line: Line, facts: Facts) -> CompanyDocument:
    released = release_link(document, line.seen, facts.today, facts.now) if line.seen.linking else None
    return document if released is None else _out(document, line, released)


def _out(document: CompanyDocument, line: Line, released: Released) -> CompanyDocument:
    state = document.lines[line.key].model_copy(update={"released": released})
    return _say(with_line(document, state), released)


def _taken_back(document: CompanyDocument, line: LineState, reason: str, facts: Facts) -> CompanyDocument:
    if line.released is None or line.released.withdrawal is not None:
        return document
    released = withdraw(line.released, reason, facts.now)
    return _say(with_line(document, line.model_copy(update={"released": released})), released)


def _say(document: CompanyDocument, released: Released) -> CompanyDocument:
    return document.model_copy(update={"outbox": (*document.outbox, saying(document, released))})

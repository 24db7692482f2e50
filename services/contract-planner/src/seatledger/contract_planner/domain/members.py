"""How a member takes in what the mapper says: state, freeze, thaw (kernel.md section 5)."""

from datetime import date

from seatledger.contract_planner.domain.state import (
    CompanyDocument,
    Leaver,
    LineState,
    Member,
    with_leaver,
    with_line,
    with_member,
)
from seatledger.schemas.envelope import Cause
from seatledger.schemas.steps import Step, StepFunction
from seatledger.schemas.subscriptions import Asked, Excluded, Ignored, Mapped, SubscriptionMapped, Unassigned, Unmapped


def hear(document: CompanyDocument, said: SubscriptionMapped, cause: Cause, on: date) -> CompanyDocument:
    """The document after one result of the mapper; a revision not above the one stored changes nothing.

    ``on`` is the day, in the PSA's zone, on which the mapper said it: the day of a freeze that it does not date.
    """
    key = str(said.key)
    if said.revision <= document.seen.get(key, -1):
        return document
    old = document.members.get(key)
    member = _heard(old, said, cause, document, on)
    document = leaves(document, old, member)
    changed = old is None or member.model_copy(update={"cause": old.cause}) != old
    kept = member if changed or old is None else old
    if old is not None and said.mapping_revision > old.mapping_revision:
        document = _may_go_again(document, old)
    return with_member(document, kept).model_copy(
        update={
            "seen": {**document.seen, key: said.revision},
            "dirty": True,
            "changes": document.changes + int(changed),
        }
    )


def leaves(document: CompanyDocument, old: Member | None, member: Member) -> CompanyDocument:
    """Who counted on a line, or has a vendor id there, and now belongs elsewhere, is about to leave it."""
    line = None if old is None else _line_of(document, old)
    if old is None or line is None or member.line == old.line:
        return document
    elsewhere = isinstance(member.outcome, Mapped | Unassigned)
    if old.joined_on is None and not (elsewhere and old.claim is not None):
        return document
    return with_leaver(document, line, Leaver(member=old, with_claim=_goes_along(document, line, old)))


def _goes_along(document: CompanyDocument, line: LineState, member: Member) -> bool:
    """Whether the claim on its vendor id leaves with it: not where another sighting counts in its stead."""
    if member.claim is None:
        return False
    counts = (line.held_of(member.id).last or 0) > 0
    here = (*document.on_line(line.line), *(leaver.member for leaver in line.leavers.values() if leaver.with_claim))
    return counts or not any(one.claim == member.claim and one.id != member.id for one in here)


def _may_go_again(document: CompanyDocument, member: Member) -> CompanyDocument:
    """Who changes a mapping may have mended what was refused: its line tries again (kernel.md section 3)."""
    line = _line_of(document, member)
    if line is None or line.blocked is None:
        return document
    return with_line(document, line.model_copy(update={"blocked": None}))


def _heard(old: Member | None, said: SubscriptionMapped, cause: Cause, document: CompanyDocument, on: date) -> Member:
    facts = _described(old, said, cause)
    if old is not None and isinstance(old.outcome, Unassigned) and not isinstance(said.outcome, Unassigned):
        facts = facts.model_copy(update={"known_from": _told_since(said, document.seen.get(old.id, -1))})
    if isinstance(said.outcome, Mapped):
        here = facts if other_line(facts, said.outcome) is None else off_its_line(facts)
        return _taken_in(here.model_copy(update={"frozen_on": None, "frozen_why": ""}), said.subscription.asks)
    if facts.joined_on is None and not _is_arriving(facts, said):
        # It never counted anywhere: nothing is held of it, so it may be assigned anew.
        return _taken_in(off_its_line(facts), said.subscription.asks)
    return _frozen(facts, said, _why_frozen(said), _line_of(document, facts), on)


def _is_arriving(member: Member, said: SubscriptionMapped) -> bool:
    """Freezing stops its source, not a move that is under way: it keeps the line to which it goes."""
    return member.arriving and member.line is not None and not isinstance(said.outcome, Unassigned)


def off_its_line(member: Member) -> Member:
    """Without a line; what it asks for stays, for its unposted steps go with it."""
    return member.model_copy(
        update={
            "line": None,
            "contract": None,
            "service": None,
            "claim": None,
            "resting": False,
            "rests_from": None,
            "free_from": None,
            "joined_on": None,
            "awaits": (),
            "arriving": False,
        }
    )


def _described(old: Member | None, said: SubscriptionMapped, cause: Cause) -> Member:
    subscription = said.subscription
    money = (subscription.unit_price, subscription.unit_cost)
    base = old or _told_before(said, cause)
    return base.model_copy(
        update={
            "mapping_revision": said.mapping_revision,
            "outcome": said.outcome,
            "cause": cause,
            "name": subscription.offer_name,
            # A delivery may leave it out; what is known to be one subscription does not become two by that.
            "vendor": subscription.vendor_subscription_id or base.vendor,
            "cycle": subscription.billing_cycle,
            "currencies": tuple(sorted({one.currency for one in money if one is not None})),
        }
    )


def _told_before(said: SubscriptionMapped, cause: Cause) -> Member:
    """A new member with what results asked for that never came: where it comes from another line it counts from the
    day on which it left that (decision 0013)."""
    member = Member(key=said.key, mapping_revision=0, outcome=said.outcome, cause=cause)
    for one in said.earlier if said.mapping_revision > 1 else ():
        member = _taken_in(member, one.asks)
    return member


def _told_since(said: SubscriptionMapped, read: int) -> date | None:
    """The day of which the first result spoke that this company missed since it was told of another one; None where it
    missed none."""
    return min((one.asks.since for one in said.earlier if read < one.revision < said.revision), default=None)


def _why_frozen(said: SubscriptionMapped) -> str:
    match said.outcome:
        case Unmapped(missing=missing):
            return f"its {missing} is no longer mapped"
        case Ignored():
            return "it was ignored after it had been billed here"
        case Excluded(reason=reason):
            return reason or "its customer or its source no longer counts"
        case Unassigned(company=company):
            return f"its mapping now names company {company}"
        case Mapped():
            return ""


def other_line(member: Member, mapped: Mapped) -> str | None:
    """Why a member's line is not the one that its mapping names; None where it is."""
    if member.line is None:
        return None
    if member.service != mapped.service:
        return f"its mapping now names service {mapped.service}, its units stand on service {member.service}"
    if mapped.contract is not None and mapped.contract != member.contract:
        return f"its mapping now names contract {mapped.contract}, its units stand on contract {member.contract}"
    return None


def _taken_in(member: Member, asks: Asked | None) -> Member:
    if asks is None:
        return member
    asked = member.asked.replaced_from(asks.since, asks.units)
    here = min(asks.since, member.known_from or asks.since)
    return member.model_copy(update={"complete": True, "asked": asked, "since": asks.since, "known_from": here})


def _frozen(member: Member, said: SubscriptionMapped, why: str, line: LineState | None, on: date) -> Member:
    """The state that counted last is applied; later steps go, except those that are released or held already."""
    day = said.frozen.on if said.frozen else member.frozen_on or on
    if member.frozen_on == day:
        return member.model_copy(update={"frozen_why": why})
    last = _taken_in(member, said.frozen.asks if said.frozen else None)
    kept = [step for step in last.asked.steps if step.on <= day or _is_out(step, member.id, line)]
    return last.model_copy(
        update={
            "asked": StepFunction(initial=last.asked.initial, steps=tuple(kept)),
            "frozen_on": day,
            "frozen_why": why,
        }
    )


def _is_out(step: Step, member: str, line: LineState | None) -> bool:
    if line is None:
        return False
    if line.released is not None and line.released.from_day >= step.on:
        return True
    held = line.held_of(member)
    return any(day >= step.on and held.units_at(day) == (step.units or 0) for day in held.days)


def _line_of(document: CompanyDocument, member: Member) -> LineState | None:
    return None if member.line is None else document.lines.get(str(member.line))

"""What an outcome changes: the released intent, held shares, dates and spans (kernel.md sections 3, 5 and 6).

Outcomes arrive late, twice and out of order. An end of the intent that is out ends it; all else only informs.
"""

from collections.abc import Mapping
from types import MappingProxyType

from seatledger.contract_planner.domain.plans import mark_item
from seatledger.contract_planner.domain.releasing import wish_of
from seatledger.contract_planner.domain.state import (
    Blocked,
    CompanyDocument,
    LineState,
    Released,
    marked,
    unanswered,
    with_line,
)
from seatledger.schemas.intents import AdjustmentSettled, Outcome, Refusal, Span
from seatledger.schemas.planning import ItemState
from seatledger.schemas.steps import StepFunction, total

ITEM_STATES: Mapping[Outcome, ItemState] = MappingProxyType(
    {
        Outcome.POSTED: ItemState.POSTED,
        Outcome.IN_PLACE: ItemState.IN_PLACE,
        Outcome.REFUSED: ItemState.REFUSED,
        Outcome.DRIFTED: ItemState.DRIFTED,
        # Taken back or overtaken: the yes still stands while the wish does; planning supersedes it where not.
        Outcome.WITHDRAWN: ItemState.APPROVED,
        Outcome.STALE: ItemState.APPROVED,
        Outcome.ADOPTED: ItemState.SUPERSEDED,
        Outcome.RESTORED: ItemState.SUPERSEDED,
        Outcome.HELD: ItemState.HELD,
        Outcome.NOT_SEEN: ItemState.NOT_SEEN,
    }
)
_IN_EFFECT = frozenset({Outcome.POSTED, Outcome.IN_PLACE})
_DATE_REFUSALS = frozenset({Refusal.DATE_USED, Refusal.DATE_TAKEN})


def settle(document: CompanyDocument, said: AdjustmentSettled) -> CompanyDocument:
    """The document after one outcome."""
    line = document.lines.get(str(said.at.line))
    if line is None:
        return document
    learnt = _learn(line, said)
    released = line.released
    if released is None or released.intent.id != said.intent:
        changed = marked(with_line(document, learnt))
        return document if learnt == line else changed
    if said.outcome.ends:
        return _ended(document, learnt, released, said)
    return _heard(document, learnt, released, said)


def _learn(line: LineState, said: AdjustmentSettled) -> LineState:
    """Spans seen posted and dates seen used or taken: dated by from now on, with the mirror."""
    spans = {*line.posted, *said.posted_spans}
    lost = set(line.lost_dates)
    if said.outcome is Outcome.REFUSED and said.on is not None:
        if said.refusal in _DATE_REFUSALS:
            lost.add(said.on)
        elif said.refusal is Refusal.PERIOD_POSTED and not any(said.on in span for span in spans):
            # A refusal must move the wish, or it would be sent and refused for ever.
            spans.add(Span(start=said.on, end=said.on))
    ordered = tuple(sorted(spans, key=lambda span: (span.start, span.end)))
    return line.model_copy(update={"posted": ordered, "lost_dates": tuple(sorted(lost))})


def _heard(document: CompanyDocument, line: LineState, released: Released, said: AdjustmentSettled) -> CompanyDocument:
    newer = said.sequence > released.sequence
    heard = released.model_copy(
        update={
            "outcome": said.outcome if newer else released.outcome,
            "sequence": max(said.sequence, released.sequence),
            "heard_after_withdrawal": released.withdrawal is not None,
        }
    )
    if heard == released and line == document.lines[str(line.line)]:
        return document
    after = with_line(document, line.model_copy(update={"released": heard}))
    state = ITEM_STATES.get(said.outcome, ItemState.RELEASED)
    after = mark_item(after, released.item, state) if newer else after
    return marked(after).model_copy(update={"unanswered": unanswered(after)})


def _ended(document: CompanyDocument, line: LineState, released: Released, said: AdjustmentSettled) -> CompanyDocument:
    after = line.model_copy(update={"released": None})
    if said.outcome in _IN_EFFECT:
        rest = tuple(wish for wish in line.wishes if wish.on != released.intent.on)
        after = after.model_copy(update={"held": held_after(line, released), "wishes": rest, "blocked": None})
    elif said.outcome is Outcome.REFUSED:
        after = _refused(after, released, said)
    document = mark_item(with_line(document, after), released.item, ITEM_STATES[said.outcome])
    vain = said.outcome is Outcome.WITHDRAWN and all(wish.on != released.intent.on for wish in line.wishes)
    return document.model_copy(
        update={
            "dirty": True,
            "unanswered": unanswered(document),
            "not_needed": document.not_needed + int(vain and released.intent.jump != 0),
        }
    )


def held_after(line: LineState, released: Released) -> dict[str, StepFunction]:
    """From the intent's day on each member holds its share; later steps that are posted already move along with it,
    so that what is held goes on adding up to what is agreed. Where it would not, such a step was of a day that the
    member's earlier states asked for, and went with them: its share holds from the day on (kernel.md section 5)."""
    keys = {*line.held, *released.shares}
    day = released.from_day
    held = {key: line.held_of(key) for key in keys}
    shares = {key: released.shares.get(key, 0) for key in keys}
    moved = {key: one.shifted_from(day, shares[key] - one.units_at(day)) for key, one in held.items()}
    steady = {key: one.before(day, shares[key]) for key, one in held.items()}
    after = released.intent.after
    fits = total(moved.values()).equals_from(day, after) or not total(steady.values()).equals_from(day, after)
    return moved if fits else steady


def _refused(line: LineState, released: Released, said: AdjustmentSettled) -> LineState:
    """A date refusal re-dates the wish; any other waits for a change or a person."""
    intent = released.intent
    if said.refusal in {*_DATE_REFUSALS, Refusal.PERIOD_POSTED}:
        return line
    blocked = Blocked(
        wish=wish_of(intent),
        contract=released.contract,
        refusal=said.refusal or Refusal.OTHER,
        message=said.message or (said.answer.text if said.answer else ""),
        seats=abs(intent.jump),
    )
    if said.refusal is Refusal.CONTRACT_ENDED:
        # Its date is no longer kept: the mirrored contract says where it may go.
        line = line.model_copy(update={"wishes": ()})
    return line.model_copy(update={"blocked": blocked})

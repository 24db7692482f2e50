"""What the writer answers to an intent or a withdrawal: the book first, then the history, then the version.

Pure: (book, record, message) → (book, record), of which those that changed are saved (kernel.md sections 2 and 3).
"""

from dataclasses import dataclass, replace
from datetime import datetime

from seatledger.psa_writer.domain import transitions
from seatledger.psa_writer.domain.announce import settled
from seatledger.psa_writer.domain.table import State, check
from seatledger.psa_writer.domain.transitions import NOTHING_MORE, Said, settlement
from seatledger.schemas.book import IntentRecord, LineBook, OpenState
from seatledger.schemas.envelope import Cause, Event, EventHead
from seatledger.schemas.ids import IntentId
from seatledger.schemas.intents import (
    AdjustmentSettled,
    IntentReleased,
    IntentWithdrawn,
    LineRef,
    Outcome,
    Refusal,
)
from seatledger.schemas.steps import StepFunction

WITHDRAWABLE = frozenset({OpenState.TAKEN, OpenState.NOT_SEEN})


@dataclass(frozen=True)
class Desk:
    """What stands about one intent: the line's book, and the intent's row of the history."""

    book: LineBook | None
    record: IntentRecord | None


def receive_intent(desk: Desk, intent: IntentReleased, event: EventHead, now: datetime, *, line_is_gone: bool) -> Desk:
    """Released → taken, or an answer. ``line_is_gone``: a full mirror has no such line."""
    again = _known(desk, intent.id, now)
    if again is not None:
        return again
    if desk.book is None:
        return replace(desk, record=_no_line(intent, event, now)) if line_is_gone else desk
    outcome, said = judge(desk.book, intent)
    if outcome is Outcome.TAKEN:
        return replace(desk, book=transitions.taken(desk.book, intent, now, Cause.of(event)))
    check(State.RELEASED, State(outcome))
    return replace(desk, book=_answered(desk.book, intent, outcome, said, event, now))


def judge(book: LineBook, intent: IntentReleased) -> tuple[Outcome, Said]:
    """Whether a book takes an intent that it has never seen."""
    if intent.version != book.version:
        return Outcome.STALE, Said(message=f"the line is at version {book.version}, not {intent.version}")
    if book.open is not None:
        return Outcome.STALE, Said(message=f"intent {book.open.intent.id} is open on this line")
    if book.drift is not None and not _equals_drift(book, intent):
        said = Said(message="the line shows somebody else's units", rows=book.drift.rows)
        return Outcome.DRIFTED, said
    if intent.on is not None and intent.on in book.dates_used:
        return Outcome.REFUSED, Said(refusal=Refusal.DATE_USED, message=f"{intent.on} was used on this line before")
    return Outcome.TAKEN, NOTHING_MORE


def receive_withdrawal(desk: Desk, withdrawal: IntentWithdrawn, event: EventHead, now: datetime) -> Desk:
    """*Withdrawn*, or what had already happened. It may come before its intent: it is recorded all the same."""
    book = desk.book
    if book is not None and book.open is not None and book.open.intent.id == withdrawal.intent:
        if book.open.state in WITHDRAWABLE:
            return replace(desk, book=transitions.withdrawn(book, withdrawal.reason, now))
        desk = replace(desk, book=transitions.taken_back(book, withdrawal.reason))
    again = _known(desk, withdrawal.intent, now)
    if again is not None:
        return again
    check(State.RELEASED, State.WITHDRAWN)
    if book is None:
        empty = StepFunction.constant(0)
        data = _overtaking(withdrawal, empty, (), withdrawal.version, now)
        return replace(desk, record=_recorded(data, None, event))
    version = book.version + (withdrawal.version == book.version)
    data = _overtaking(withdrawal, book.agreed, book.dates_used, version, now)
    entry = settled(data, Cause.of(event))
    return replace(desk, book=book.model_copy(update={"version": version, "outbox": (*book.outbox, entry)}))


def _known(desk: Desk, intent: IntentId, now: datetime) -> Desk | None:
    """An intent that was seen before is answered with what stands of it, and never taken again."""
    book = desk.book
    if book is not None and any(_is_about(entry.event, intent) for entry in book.outbox):
        return desk
    if desk.record is not None:
        return replace(desk, record=said_again(desk.record))
    if book is not None and book.open is not None and book.open.intent.id == intent:
        state = Outcome.TAKEN if book.open.state is OpenState.SENT else Outcome(book.open.state)
        data = settlement(book, book.open.intent, state, book.open.sequence, now)
        return replace(desk, book=book.model_copy(update={"outbox": (*book.outbox, settled(data, book.open.cause))}))
    return None


def said_again(record: IntentRecord) -> IntentRecord:
    """The record with its newest settlement in the outbox, under the id that it always had."""
    entry = settled(record.settled, record.cause)
    if any(waiting.event.id == entry.event.id for waiting in record.outbox):
        return record
    return record.model_copy(update={"outbox": (*record.outbox, entry)})


def _is_about(event: Event, intent: IntentId) -> bool:
    return event.type == AdjustmentSettled.event_type and event.subject == intent


def _equals_drift(book: LineBook, intent: IntentReleased) -> bool:
    if book.drift is None or book.drift.rows is None:
        return False
    return book.drift.rows.equals_from(intent.on or book.drift.from_day, intent.after)


def _answered(
    book: LineBook, intent: IntentReleased, outcome: Outcome, said: Said, event: EventHead, now: datetime
) -> LineBook:
    """The answer in the book's outbox. A *stale* one has sequence 0: it is said, and not recorded."""
    sequence = 0 if outcome is Outcome.STALE else 1
    data = settlement(book, intent, outcome, sequence, now, said)
    return book.model_copy(update={"outbox": (*book.outbox, settled(data, Cause.of(event)))})


def _no_line(intent: IntentReleased, event: EventHead, now: datetime) -> IntentRecord:
    check(State.RELEASED, State.REFUSED)
    data = _without_book(intent.id, intent.at, intent.version, now).model_copy(
        update={
            "outcome": Outcome.REFUSED,
            "refusal": Refusal.LINE_GONE,
            "message": f"Autotask has no contract service line {intent.at.line}",
            "on": intent.on,
            "before": intent.before,
            "after": intent.after,
            "jump": intent.jump,
            "agreed": intent.before,
            "plan": intent.plan,
            "causes": intent.causes,
        }
    )
    return _recorded(data, intent, event)


def _overtaking(
    withdrawal: IntentWithdrawn, agreed: StepFunction, used: tuple[object, ...], version: int, now: datetime
) -> AdjustmentSettled:
    """Only the withdrawal is known: the intent's own content is not, so nothing is said to have changed."""
    return _without_book(withdrawal.intent, withdrawal.at, version, now).model_copy(
        update={"message": withdrawal.reason, "before": agreed, "after": agreed, "agreed": agreed, "dates_used": used}
    )


def _without_book(intent: IntentId, at: LineRef, version: int, now: datetime) -> AdjustmentSettled:
    nothing = StepFunction.constant(0)
    return AdjustmentSettled(
        intent=intent,
        sequence=1,
        at=at,
        outcome=Outcome.WITHDRAWN,
        on=None,
        before=nothing,
        after=nothing,
        jump=0,
        version=version,
        agreed=nothing,
        settled_at=now,
    )


def _recorded(data: AdjustmentSettled, intent: IntentReleased | None, event: EventHead) -> IntentRecord:
    cause = Cause.of(event)
    return IntentRecord(
        id=data.intent,
        connection=data.at.connection,
        intent=intent,
        settled=data,
        cause=cause,
        history=(data,),
        outcome=data.outcome.value,
        outbox=(settled(data, cause),),
    )

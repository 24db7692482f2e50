"""The steps of the table, each a pure function from a line book to the next (kernel.md sections 2 and 3).

What a step says goes into the book's outbox in the same value, so that one write saves both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from seatledger.psa_writer.domain.announce import observed, settled
from seatledger.psa_writer.domain.table import State, check
from seatledger.schemas.book import Confirmed, Drift, LineBook, OpenIntent, OpenState, Trust
from seatledger.schemas.envelope import Cause
from seatledger.schemas.ids import CommandId
from seatledger.schemas.intents import (
    AdjustmentSettled,
    IntentReleased,
    Observation,
    Outcome,
    PsaAnswer,
    Refusal,
    Span,
)
from seatledger.schemas.steps import StepFunction


@dataclass(frozen=True)
class Said:
    """What an outcome adds to the intent's own data."""

    refusal: Refusal | None = None
    message: str = ""
    rows: StepFunction | None = None
    posted_spans: tuple[Span, ...] = ()


NOTHING_MORE = Said()


def opened(book: LineBook) -> OpenIntent:
    """The open intent; ValueError where a caller did not look first."""
    if book.open is None:
        raise ValueError(f"line {book.id} has no open intent")
    return book.open


def taken(book: LineBook, intent: IntentReleased, now: datetime, cause: Cause | None = None) -> LineBook:
    """Released → taken. The version stays: the first send, or the end, raises it."""
    check(State.RELEASED, State.TAKEN)
    claim = OpenIntent(intent=intent, state=OpenState.TAKEN, cause=cause)
    return _say(book.model_copy(update={"open": claim}), Outcome.TAKEN, now)


def sent(book: LineBook, token: str, at: datetime) -> LineBook:
    """Taken → sent, *before* the first byte: the date is used from here on."""
    claim = opened(book)
    check(State(claim.state), State.SENT)
    marked = claim.model_copy(
        update={
            "state": OpenState.SENT,
            "sends": claim.sends + 1,
            "token": token,
            "first_sent_at": claim.first_sent_at or at,
            "sent_at": at,
            "answer": None,
        }
    )
    return book.model_copy(
        update={"open": marked, "version": book.version + 1, "dates_used": _using(book, claim.intent.on)}
    )


def without_effect(book: LineBook, now: datetime) -> LineBook:
    """Sent → taken: no byte left, thread limit, 401. D is free again unless an earlier send was ever unknown."""
    claim = opened(book)
    check(State(claim.state), State.TAKEN)
    back = claim.model_copy(update={"state": OpenState.TAKEN, "token": None})
    return _followed(book.model_copy(update={"open": back, "dates_used": _given_back(book, claim)}), now)


def unknown(book: LineBook, answer: PsaAnswer | None, now: datetime) -> LineBook:
    """Sent → unknown: only reading decides. The answer is kept, a 200 whose rows are not there yet included."""
    claim = opened(book)
    check(State(claim.state), State.UNKNOWN)
    doubtful = claim.model_copy(update={"state": OpenState.UNKNOWN, "ever_unknown": True, "answer": answer})
    return _say(book.model_copy(update={"open": doubtful}), Outcome.UNKNOWN, now)


def blocked(book: LineBook, state: OpenState, said: Said, now: datetime) -> LineBook:
    """To held or not_seen: a person is needed, and reading goes on."""
    claim = opened(book)
    check(State(claim.state), State(state))
    stays = book.model_copy(update={"open": claim.model_copy(update={"state": state, "token": None})})
    blocks = _say(stays, Outcome(state), now, said)
    return _followed(blocks, now) if state is OpenState.NOT_SEEN else blocks


def taken_back(book: LineBook, reason: str) -> LineBook:
    """The planner's withdrawal of an intent that may have its effect: kept until the intent can be withdrawn, so that
    nobody's ``retry`` sends a wish that has changed."""
    claim = opened(book)
    if claim.withdrawal is not None:
        return book
    return book.model_copy(update={"open": claim.model_copy(update={"withdrawal": reason})})


def _followed(book: LineBook, now: datetime) -> LineBook:
    reason = opened(book).withdrawal
    return book if reason is None else withdrawn(book, reason, now)


def taken_again(book: LineBook, command: CommandId, now: datetime) -> LineBook:
    """Not seen → taken, because a person said so: a new claim, with its own number and its own W. The command stands
    with it in the same write."""
    book = retry_heard(book, command)
    claim = opened(book)
    check(State(claim.state), State.TAKEN)
    again = book.model_copy(update={"open": claim.model_copy(update={"state": OpenState.TAKEN, "token": None})})
    return _say(again, Outcome.TAKEN, now)


def retry_heard(book: LineBook, command: CommandId) -> LineBook:
    """The book that knows this command: it asks for no send beyond the one that is on its way."""
    claim = opened(book)
    heard = claim.model_copy(update={"retried_by": (*claim.retried_by, command)})
    return book.model_copy(update={"open": heard})


def confirmed(book: LineBook, said: Said, now: datetime, at: datetime) -> LineBook:
    """Rows show ``after``: *posted* if a request of ours may have done it, else *in_place*. ``at`` is the machine's
    instant."""
    claim = opened(book)
    intent = claim.intent
    may_be_ours = claim.ever_unknown or claim.state is OpenState.SENT
    outcome = Outcome.POSTED if may_be_ours else Outcome.IN_PLACE
    check(State(claim.state), State(outcome))
    changes: dict[str, Any] = {"agreed": _agreed_after(book.agreed, intent), "trust": Trust.LINKED}
    if intent.jump:
        changes["dates_used"] = _using(book, intent.on)
    if outcome is Outcome.POSTED and intent.on is not None:
        write = Confirmed(before=intent.before, after=intent.after, on=intent.on, confirmed_at=at)
        changes["recent"] = (*book.recent, write)
    ended = _ended(book, claim, outcome, changes, said, now)
    return _without_drift(ended, now) if outcome is Outcome.IN_PLACE else ended


def refused(book: LineBook, said: Said, now: datetime, answer: PsaAnswer | None = None) -> LineBook:
    """The intent ends without an effect. D comes back unless a send was ever unknown or the date was taken."""
    claim = opened(book)
    check(State(claim.state), State.REFUSED)
    claim = claim.model_copy(update={"answer": answer or claim.answer})
    keeps = said.refusal is Refusal.DATE_TAKEN
    used = _using(book, claim.intent.on) if keeps else _given_back(book, claim)
    return _ended(book, claim, Outcome.REFUSED, {"dates_used": used}, said, now)


def withdrawn(book: LineBook, reason: str, now: datetime) -> LineBook:
    claim = opened(book)
    check(State(claim.state), State.WITHDRAWN)
    changes = {"dates_used": _given_back(book, claim)}
    return _ended(book, claim, Outcome.WITHDRAWN, changes, Said(message=reason), now)


def drifted(book: LineBook, day: date, said: Said, now: datetime) -> LineBook:
    """Taken → drifted before the first send: the rows are neither ``before`` nor ``after``; somebody else's units.

    A drift that stands already keeps its day: it closes where rows = agreed from there on.
    """
    claim = opened(book)
    check(State(claim.state), State.DRIFTED)
    earliest = min(day, book.drift.from_day) if book.drift else day
    drift = Drift(since=now, from_day=earliest, rows=said.rows)
    ended = _ended(book, claim, Outcome.DRIFTED, {"drift": drift}, said, now)
    return observed(ended, Observation.DRIFT_OPENED, now)


def stale(book: LineBook, agreed: StepFunction, now: datetime) -> LineBook:
    """Taken → stale: the whole reading of a ``new`` line moved its baseline."""
    claim = opened(book)
    check(State(claim.state), State.STALE)
    said = Said(message="the line's rows differ from the provisional baseline; the baseline was taken anew")
    ended = _ended(book, claim, Outcome.STALE, {"agreed": agreed}, said, now)
    return observed(ended, Observation.BASELINE, now)


def drift_closed(book: LineBook, now: datetime) -> LineBook:
    """Rows = agreed from the drift's day on: an intent that ended *drifted* stays so."""
    return _without_drift(book, now)


def drift_seen(book: LineBook, rows: StepFunction, now: datetime) -> LineBook:
    """Somebody changed the line again: a wish whose ``after`` equals these rows is what closes the drift now."""
    if book.drift is None:
        raise ValueError(f"line {book.id} has no drift")
    seen = book.model_copy(update={"drift": book.drift.model_copy(update={"rows": rows})})
    return observed(seen, Observation.DRIFT_OPENED, now, mark=f"rev {book.rev}")


def pruned(book: LineBook, live: Sequence[Confirmed]) -> LineBook:
    """Without the confirmed writes that are older than W."""
    return book if tuple(live) == book.recent else book.model_copy(update={"recent": tuple(live)})


def settlement(
    book: LineBook, intent: IntentReleased, outcome: Outcome, sequence: int, now: datetime, said: Said = NOTHING_MORE
) -> AdjustmentSettled:
    """The outcome as the planner reads it, with the book as it stands after it."""
    return AdjustmentSettled(
        intent=intent.id,
        sequence=sequence,
        at=intent.at,
        outcome=outcome,
        refusal=said.refusal,
        on=intent.on,
        before=intent.before,
        after=intent.after,
        jump=intent.jump,
        version=book.version,
        agreed=book.agreed,
        dates_used=book.dates_used,
        posted_spans=said.posted_spans,
        rows=said.rows,
        message=said.message,
        plan=intent.plan,
        causes=intent.causes,
        settled_at=now,
    )


def _ended(
    book: LineBook, claim: OpenIntent, outcome: Outcome, changes: dict[str, Any], said: Said, now: datetime
) -> LineBook:
    after = book.model_copy(update={**changes, "open": claim, "version": book.version + 1})
    return _say(after, outcome, now, said).model_copy(update={"open": None})


def _say(book: LineBook, outcome: Outcome, now: datetime, said: Said = NOTHING_MORE) -> LineBook:
    claim = opened(book)
    claim = claim.model_copy(update={"sequence": claim.sequence + 1})
    sends = {"sends": claim.sends, "sent_at": claim.sent_at}
    data = settlement(book, claim.intent, outcome, claim.sequence, now, said).model_copy(
        update={"answer": claim.answer, "posted_at": claim.sent_at if outcome is Outcome.POSTED else None, **sends}
    )
    return book.model_copy(update={"open": claim, "outbox": (*book.outbox, settled(data, claim.cause))})


def _agreed_after(agreed: StepFunction, intent: IntentReleased) -> StepFunction:
    return agreed if intent.on is None else agreed.replaced_from(intent.on, intent.after)


def _using(book: LineBook, day: date | None) -> tuple[date, ...]:
    return book.dates_used if day is None else tuple(sorted({*book.dates_used, day}))


def _given_back(book: LineBook, claim: OpenIntent) -> tuple[date, ...]:
    if claim.ever_unknown:
        return book.dates_used
    return tuple(day for day in book.dates_used if day != claim.intent.on)


def _without_drift(book: LineBook, now: datetime) -> LineBook:
    if book.drift is None:
        return book
    closed = book.model_copy(update={"drift": None})
    return observed(closed, Observation.DRIFT_CLOSED, now, mark=book.drift.since.isoformat())

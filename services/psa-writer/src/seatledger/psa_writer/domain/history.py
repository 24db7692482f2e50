"""The append-only history: rows of ``intents``, copied from the book's outbox before an entry leaves it."""

from collections.abc import Sequence
from dataclasses import dataclass

from seatledger.schemas.book import IntentRecord, LineBook
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Cause
from seatledger.schemas.ids import IntentId
from seatledger.schemas.intents import AdjustmentSettled, IntentReleased, Outcome


@dataclass(frozen=True)
class Told:
    """An outcome in the outbox of a book, and what it answered."""

    book: str
    settled: AdjustmentSettled
    cause: Cause | None


def settlements(book: str, outgoing: Sequence[Outgoing]) -> list[Told]:
    """What of an outbox goes into the history. *Stale* without ever being taken is answered, not recorded."""
    events = [entry.event for entry in outgoing if entry.event.type == AdjustmentSettled.event_type]
    told = [Told(book, AdjustmentSettled.model_validate(event.data), event.cause) for event in events]
    return [one for one in told if not (one.settled.outcome is Outcome.STALE and one.settled.sequence == 0)]


def recorded(record: IntentRecord | None, told: Told, intent: IntentReleased | None) -> IntentRecord | None:
    """The row with one more outcome, or None where it stands there already."""
    settled = told.settled
    if record is None:
        return IntentRecord(
            id=settled.intent,
            connection=settled.at.connection,
            intent=intent,
            settled=settled,
            cause=told.cause,
            history=(settled,),
            outcome=settled.outcome.value,
        )
    if any(known.sequence == settled.sequence for known in record.history):
        return None
    history = tuple(sorted((*record.history, settled), key=lambda one: one.sequence))
    newest = history[-1]
    return record.model_copy(
        update={
            "history": history,
            "settled": newest,
            "outcome": newest.outcome.value,
            "intent": record.intent or intent,
        }
    )


def open_intent(book: LineBook | None, intent: IntentId) -> IntentReleased | None:
    """The intent itself, while its book still has it open."""
    if book is None or book.open is None or book.open.intent.id != intent:
        return None
    return book.open.intent

"""The append-only history: rows of ``intents``, copied from the book's outbox before an entry leaves it."""

from collections.abc import Sequence

from seatledger.schemas.book import IntentRecord, LineBook
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.ids import IntentId
from seatledger.schemas.intents import AdjustmentSettled, IntentReleased, Outcome


def settlements(outgoing: Sequence[Outgoing]) -> list[AdjustmentSettled]:
    """What of an outbox goes into the history. *Stale* without ever being taken is answered, not recorded."""
    data = [
        AdjustmentSettled.model_validate(entry.event.data)
        for entry in outgoing
        if entry.event.type == AdjustmentSettled.event_type
    ]
    return [one for one in data if not (one.outcome is Outcome.STALE and one.sequence == 0)]


def recorded(
    record: IntentRecord | None, settled: AdjustmentSettled, intent: IntentReleased | None
) -> IntentRecord | None:
    """The row with one more outcome, or None where it stands there already."""
    if record is None:
        return IntentRecord(
            id=settled.intent,
            connection=settled.at.connection,
            intent=intent,
            settled=settled,
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

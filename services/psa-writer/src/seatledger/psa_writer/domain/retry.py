"""A person says ``retry`` to an intent that was not seen (kernel.md sections 3 and 4.3)."""

from dataclasses import dataclass
from datetime import datetime

from seatledger.psa_writer.domain import transitions
from seatledger.psa_writer.domain.transitions import Said
from seatledger.psa_writer.domain.verdict import is_duplicate, taken_text
from seatledger.schemas.book import LineBook, OpenState
from seatledger.schemas.ids import CommandId
from seatledger.schemas.intents import Refusal

AGAIN = "taken again: it is compared with Autotask and sent"


@dataclass(frozen=True)
class Retried:
    """The book after the retry, None where nothing is to be saved; and what to tell the person."""

    book: LineBook | None
    message: str
    ok: bool = True


def retry(book: LineBook | None, intent_id: str, command: CommandId, now: datetime) -> Retried:
    """Taken again under a new claim; or *date_taken*, nothing sent, where the last answer was the duplicate text.

    One command is one send at most: run again by a process that died before its answer was stored, it may find the
    intent not seen once more, and nobody has asked for that.
    """
    claim = book.open if book else None
    if book is None or claim is None or claim.intent.id != intent_id:
        return Retried(None, f"intent {intent_id} has ended: an ended intent is never sent again", ok=False)
    if command in claim.retried_by:
        return Retried(None, AGAIN)
    if claim.state is OpenState.TAKEN:
        return Retried(transitions.retry_heard(book, command), AGAIN)
    if claim.state is not OpenState.NOT_SEEN:
        return Retried(None, f"intent {intent_id} is {claim.state.value}: only reading decides", ok=False)
    if is_duplicate(claim):
        said = Said(refusal=Refusal.DATE_TAKEN, message=taken_text(claim.intent))
        return Retried(transitions.refused(book, said, now), "refused: its date is taken; the planner dates it anew")
    return Retried(transitions.taken_again(book, command, now), AGAIN)

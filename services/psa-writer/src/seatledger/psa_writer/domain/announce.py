"""What the writer says: events in the outbox of a book or a record; said again they have the same ids."""

from datetime import date, datetime

from seatledger.schemas.book import LineBook
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Cause, Event
from seatledger.schemas.ids import CompanyKey
from seatledger.schemas.intents import AdjustmentSettled, LineObserved, LineRef, Observation
from seatledger.schemas.topics import SETTLED

SOURCE = "/psa-writer"


def outgoing(
    data: AdjustmentSettled | LineObserved, subject: str, revision: str | int, cause: Cause | None = None
) -> Outgoing:
    """An event for ``adjustments.settled.v1``, keyed by company."""
    time = data.settled_at if isinstance(data, AdjustmentSettled) else data.observed_at
    event = Event.about(data, source=SOURCE, subject=subject, revision=revision, time=time, cause=cause)
    return Outgoing(topic=SETTLED.name, key=company_key(data.at), event=event)


def settled(data: AdjustmentSettled, cause: Cause | None = None) -> Outgoing:
    return outgoing(data, data.intent, data.sequence, cause)


def observed(
    book: LineBook, observation: Observation, now: datetime, *, since: date | None = None, mark: str = ""
) -> LineBook:
    """The book with a ``LineObserved`` in its outbox; ``mark`` tells two of one version apart."""
    rows = book.drift.rows if book.drift else None
    data = LineObserved(
        at=book.at, observation=observation, version=book.version, agreed=book.agreed, rows=rows, observed_at=now
    )
    entry = outgoing(data, book.id, f"{book.version}/{observation.value}/{mark or since or ''}")
    return book.model_copy(update={"outbox": (*book.outbox, entry)})


def company_key(at: LineRef) -> str:
    return str(CompanyKey(connection=at.connection, company=at.company))

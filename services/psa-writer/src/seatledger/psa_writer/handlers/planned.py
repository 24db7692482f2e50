"""``adjustments.planned.v1``: intents and withdrawals into the books. Intake only: no PSA is ever called here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from seatledger.psa_writer.domain.intake import Desk, receive_intent, receive_withdrawal
from seatledger.runtime.bus import Received
from seatledger.runtime.clock import BusinessClock
from seatledger.runtime.store import ConflictError, Documents
from seatledger.schemas.book import IntentRecord, LineBook
from seatledger.schemas.ids import ConnectionName, LineKey
from seatledger.schemas.intents import IntentReleased, IntentWithdrawn
from seatledger.schemas.mirror import MirrorLine, MirrorState

ATTEMPTS = 20


@dataclass
class Intake:
    """One batch: books and records are read and saved in bulk, each decided on its own."""

    books: Documents[LineBook]
    records: Documents[IntentRecord]
    lines: Documents[MirrorLine]
    mirrors: Documents[MirrorState]
    connections: frozenset[ConnectionName]
    calendar: BusinessClock
    wake: Callable[[ConnectionName], None]

    async def handle(self, batch: Sequence[Received]) -> None:
        """Every message is safe in a book or a record when this returns."""
        waiting = [one for one in batch if _message(one).at.connection in self.connections]
        for _ in range(ATTEMPTS):
            if not waiting:
                return
            waiting = await self._round(waiting)
        raise ConflictError(f"{len(waiting)} intents met a book that never stood still")

    async def _round(self, batch: Sequence[Received]) -> list[Received]:
        """Decide all; returns the messages whose book or record somebody else changed meanwhile."""
        desks = await self._desks(batch)
        for one in batch:
            desks.decide(one, self.calendar)
        lost = await desks.save(self.books, self.records)
        for connection in {_message(one).at.connection for one in batch}:
            self.wake(connection)
        return [one for one in batch if _line(one) in lost or _intent(one) in lost]

    async def _desks(self, batch: Sequence[Received]) -> "_Desks":
        books = await self.books.get_many(sorted({_line(one) for one in batch}))
        records = await self.records.get_many(sorted({_intent(one) for one in batch}))
        without = sorted({_line(one) for one in batch} - set(books))
        return _Desks(books, records, await self._gone(without))

    async def _gone(self, lines: Sequence[str]) -> frozenset[str]:
        """Of lines without a book, those that a full mirror does not have."""
        if not lines:
            return frozenset()
        mirrored = await self.lines.get_many(lines)
        full = {state.connection for state in await self.mirrors.find({"generation": {"$gt": 0}})}
        return frozenset(line for line in set(lines) - set(mirrored) if LineKey.parse(line).connection in full)


@dataclass
class _Desks:
    books: dict[str, LineBook]
    records: dict[str, IntentRecord]
    gone: frozenset[str]
    changed_books: dict[str, LineBook] = field(default_factory=dict)
    changed_records: dict[str, IntentRecord] = field(default_factory=dict)

    def decide(self, one: Received, calendar: BusinessClock) -> None:
        line, intent, message = _line(one), _intent(one), _message(one)
        desk = Desk(self.books.get(line), self.records.get(intent))
        if isinstance(message, IntentReleased):
            after = receive_intent(desk, message, one.event, calendar.now(), line_is_gone=line in self.gone)
        else:
            after = receive_withdrawal(desk, message, one.event, calendar.now())
        if after.book is not None and after.book is not desk.book:
            self.books[line] = self.changed_books[line] = after.book
        if after.record is not None and after.record is not desk.record:
            self.records[intent] = self.changed_records[intent] = after.record

    async def save(self, books: Documents[LineBook], records: Documents[IntentRecord]) -> frozenset[str]:
        """Ids of the documents that somebody else was faster to change."""
        book_list, record_list = list(self.changed_books.values()), list(self.changed_records.values())
        books_done = await books.save_many(book_list) if book_list else []
        records_done = await records.save_many(record_list) if record_list else []
        lost = [b.id for b, done in zip(book_list, books_done, strict=True) if not done]
        lost += [r.id for r, done in zip(record_list, records_done, strict=True) if not done]
        return frozenset(lost)


def _message(one: Received) -> IntentReleased | IntentWithdrawn:
    if not isinstance(one.data, IntentReleased | IntentWithdrawn):
        raise TypeError(f"{one.event.type} is not an event of the planner")
    return one.data


def _line(one: Received) -> str:
    at = _message(one).at
    return str(LineKey(connection=at.connection, line=at.line))


def _intent(one: Received) -> str:
    message = _message(one)
    return message.id if isinstance(message, IntentReleased) else message.intent

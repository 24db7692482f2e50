"""Copies outcomes into ``intents`` before they leave a book's outbox, and says them again when asked."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from seatledger.psa_writer.domain.announce import settled
from seatledger.psa_writer.domain.history import Told, open_intent, recorded, settlements
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import ConflictError, Documents, StoreUnavailableError
from seatledger.schemas.book import IntentRecord, LineBook
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.intents import AdjustmentSettled

ATTEMPTS = 20


@dataclass
class History:
    books: Documents[LineBook]
    records: Documents[IntentRecord]
    metrics: Metrics

    async def before_publish(self, outgoing: Mapping[str, Sequence[Outgoing]]) -> dict[str, Exception]:
        """An entry leaves the outbox of its book only after it stands here; doing it twice changes nothing.

        All books are recorded together. Where that fails each is tried by itself, so that one book's trouble does not
        hold the others; a store that is away is nobody's own trouble and holds all.
        """
        try:
            await self._record(outgoing)
        except StoreUnavailableError:
            raise
        except Exception:
            return await self._record_apart(outgoing)
        return {}

    async def _record_apart(self, outgoing: Mapping[str, Sequence[Outgoing]]) -> dict[str, Exception]:
        """The books that cannot be recorded, and why."""
        kept: dict[str, Exception] = {}
        for book_id, entries in outgoing.items():
            try:
                await self._record({book_id: entries})
            except StoreUnavailableError:
                raise
            except Exception as error:
                kept[book_id] = error
        return kept

    async def _record(self, outgoing: Mapping[str, Sequence[Outgoing]]) -> None:
        waiting = [told for book_id, entries in outgoing.items() for told in settlements(book_id, entries)]
        for _ in range(ATTEMPTS):
            if not waiting:
                return
            waiting = await self._round(waiting)
        lines = ", ".join(sorted({told.book for told in waiting}))
        raise ConflictError(f"the history of {lines} never stood still")

    async def _round(self, waiting: Sequence[Told]) -> list[Told]:
        """Record all; those whose row somebody else changed meanwhile are returned."""
        records = await self.records.get_many(sorted({told.settled.intent for told in waiting}))
        books = await self.books.get_many(sorted({told.book for told in waiting if told.settled.intent not in records}))
        changed: dict[str, IntentRecord] = {}
        for told in waiting:
            intent = told.settled.intent
            after = recorded(records.get(intent), told, open_intent(books.get(told.book), intent))
            if after is not None:
                records[intent] = changed[intent] = after
        done = await self.records.save_many(list(changed.values())) if changed else []
        lost = {record.id for record, ok in zip(changed.values(), done, strict=True) if not ok}
        self._count([record.settled for record in changed.values() if record.id not in lost])
        return [told for told in waiting if told.settled.intent in lost]

    def _count(self, stored: Sequence[AdjustmentSettled]) -> None:
        for one in stored:
            self.metrics.outcomes.labels(one.at.connection, one.outcome.value).inc()

    async def say_again(self) -> AsyncIterator[Outgoing]:
        """The newest outcome of each intent, under the id that it always had."""
        async for page in self.records.pages():
            for record in page:
                yield settled(record.settled, record.cause)

"""Sends claims, once each: the mark *sent* is on disk before a byte leaves, and what came back is judged by reading."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from seatledger.psa_writer.domain import transitions
from seatledger.psa_writer.domain.compare import Sight
from seatledger.psa_writer.domain.reading import Reading
from seatledger.psa_writer.domain.transitions import Said, opened
from seatledger.psa_writer.domain.watch import READ_VALID, Moment, look
from seatledger.psa_writer.handlers.gate import Gate
from seatledger.psa_writer.handlers.memory import Memory
from seatledger.psa_writer.handlers.reader import Reader
from seatledger.psa_writer.handlers.send_log import SendLog
from seatledger.psa_writer.ports import (
    Adjustment,
    Deadline,
    NoByteLeft,
    Posted200,
    PostOutcome,
    Psa,
    PsaCredentialsError,
    PsaError,
    PsaPermissionError,
    Refused,
    ThreadLimit,
    Unauthorized,
    Unknown,
)
from seatledger.psa_writer.settings import ConnectionSettings
from seatledger.runtime.lease import Lease
from seatledger.runtime.store import Documents
from seatledger.schemas.book import LineBook, OpenState
from seatledger.schemas.intents import PsaAnswer

CHUNK = 30
"""Claims marked in one write and posted before the next are marked: their deadline runs meanwhile."""
AGAIN = 1.0
"""Seconds before a claim whose first send certainly had no effect is looked at again."""
SUCCESS = PsaAnswer(status=200, text="")

Ready = tuple[LineBook, Reading]
Told = tuple[LineBook, PostOutcome]


@dataclass
class Sender:
    settings: ConnectionSettings
    books: Documents[LineBook]
    psa: Psa
    reader: Reader
    gate: Gate
    memory: Memory
    moment: Callable[[], Moment]
    new_token: Callable[[], str]
    lease: Lease
    log: SendLog

    async def send(self, ready: Sequence[Ready]) -> list[LineBook]:
        """Claim, post and read back; the books as they were saved last. Stops early where the gate closes or the lease
        is lost: then somebody else calls."""
        saved: list[LineBook] = []
        answered: list[LineBook] = []
        for start in range(0, len(ready), CHUNK):
            told = await self._posted(ready[start : start + CHUNK])
            answered += [book for book, outcome in told if isinstance(outcome, Posted200)]
            saved += await self._without_success([one for one in told if not isinstance(one[1], Posted200)])
            if not told or self.gate.is_closed() or not self.lease.held():
                break
        return saved + await self._read_back(answered)

    async def _posted(self, chunk: Sequence[Ready]) -> list[Told]:
        """The mark *sent* by compare-and-set, then the bytes. The deadline runs from before the mark."""
        allowed = await self.psa.prepare(len(chunk))
        moment, token = self.moment(), self.new_token()
        deadline = Deadline(moment.seconds + self.settings.claim_seconds)
        fresh = [book for book, reading in chunk[:allowed] if moment.seconds - reading.read_at <= READ_VALID]
        marked = await self._save([transitions.sent(book, token, moment.machine_now) for book in fresh])
        self.log.sending(marked)
        outcomes = await asyncio.gather(*(self._post(book, deadline) for book in marked))
        told = list(zip(marked, outcomes, strict=True))
        self.log.answered(told)
        return told

    async def _post(self, book: LineBook, deadline: Deadline) -> PostOutcome:
        """A fault of the adapter is this line's alone, and nobody knows what had left."""
        try:
            return await self.psa.post(adjustment_of(book), deadline)
        except Exception as error:
            return Unknown(f"the call failed: {type(error).__name__}")

    async def _without_success(self, told: Sequence[Told]) -> list[LineBook]:
        moment = self.moment()
        outcomes = {book.id: outcome for book, outcome in told}
        saved = await self._conclude([book for book, _ in told], lambda book: _told(book, outcomes[book.id], moment))
        for book, outcome in told:
            if isinstance(outcome, NoByteLeft | ThreadLimit | Unauthorized):
                self.memory.pause(book.id, moment.seconds, again_in(opened(book).sends))
            await self._tell_gate(outcome)
        return saved

    async def _conclude(self, sent: Sequence[LineBook], conclusion: Callable[[LineBook], LineBook]) -> list[LineBook]:
        """Save what became of these sends. Where a book changed meanwhile and still holds this very send (a withdrawal
        came in), its conclusion is drawn anew; where it does not, somebody else took the send over."""
        saved = await self._save([conclusion(book) for book in sent])
        lost = {book.id: opened(book).token for book in sent} | dict.fromkeys((book.id for book in saved), None)
        stands = await self.books.get_many([book_id for book_id, token in lost.items() if token])
        still = [book for book in stands.values() if _is_sent_under(book, lost[book.id])]
        return saved + await self._save([conclusion(book) for book in still])

    async def _tell_gate(self, outcome: PostOutcome) -> None:
        if isinstance(outcome, Unauthorized) and not outcome.moved:
            await self.gate.failed(PsaCredentialsError(outcome.text))
        if isinstance(outcome, Unknown | Refused) and outcome.permission:
            text = outcome.text if isinstance(outcome, Refused) else outcome.why
            await self.gate.failed(PsaPermissionError("ContractServiceAdjustments", text))

    async def _read_back(self, answered: Sequence[LineBook]) -> list[LineBook]:
        """A 200 whose rows equal ``after`` at once is *posted*; else the answer is kept and reading goes on."""
        if not answered:
            return []
        try:
            readings = await self.reader.read(answered, self.moment().today)
        except PsaError:
            now = self.moment().now
            await self._conclude(answered, lambda book: transitions.unknown(book, SUCCESS, now))
            raise
        moment = self.moment()
        saved = await self._conclude(answered, lambda book: self._judged(book, readings[book.id], moment))
        for book in saved:
            if book.open is not None:
                self.memory.answered[book.id] = moment.seconds
                self.memory.wait(book.id, moment.seconds, self.settings.slowest_read)
        return saved

    def _judged(self, sent: LineBook, reading: Reading, moment: Moment) -> LineBook:
        book = _acknowledged(sent)
        watch = self.memory.watch(book, moment.seconds)
        recent = self.memory.recent.live(book.recent, moment, self.settings.wait)
        seen, _, watch = look(watch, opened(book), reading, recent, moment, self.settings.wait)
        self.memory.watches[book.id] = watch
        if seen is Sight.AFTER:
            said = Said(posted_spans=reading.posted_spans)
            return transitions.confirmed(transitions.pruned(book, recent), said, moment.now, moment.machine_now)
        return transitions.unknown(book, SUCCESS, moment.now)

    async def _save(self, books: Sequence[LineBook]) -> list[LineBook]:
        return await save(self.books, self.memory, books, self.moment(), self.settings.wait)


async def save(
    documents: Documents[LineBook], memory: Memory, books: Sequence[LineBook], moment: Moment, wait: float
) -> list[LineBook]:
    """Compare-and-set each; those that were stored, with the revision they now have. Of the others somebody else was
    faster: they are met again, as they now stand, in the next pass."""
    if not books:
        return []
    done = await documents.save_many(books)
    stored = [book.model_copy(update={"rev": book.rev + 1}) for book, ok in zip(books, done, strict=True) if ok]
    for book in stored:
        memory.moved(book)
        memory.recent.live(book.recent, moment, wait)
    return stored


def again_in(sends: int) -> float:
    """Seconds until a claim that certainly had no effect is looked at again: twice as long after each."""
    return AGAIN * 2.0 ** min(sends - 1, 6)


def _is_sent_under(book: LineBook, token: str | None) -> bool:
    return book.open is not None and book.open.state is OpenState.SENT and book.open.token == token


def adjustment_of(book: LineBook) -> Adjustment:
    """What is posted for the open intent: the jump, on D; ValueError for a link, which is never sent."""
    intent = opened(book).intent
    if intent.on is None or not intent.jump:
        raise ValueError(f"intent {intent.id} has no jump")
    return Adjustment(book.at.contract, book.at.line, intent.on, intent.jump)


def _acknowledged(book: LineBook) -> LineBook:
    return book.model_copy(update={"open": opened(book).model_copy(update={"answer": SUCCESS})})


def _told(book: LineBook, outcome: PostOutcome, moment: Moment) -> LineBook:
    match outcome:
        case Refused(kind=kind, text=text, status=status):
            said = Said(refusal=kind, message=text)
            return transitions.refused(book, said, moment.now, PsaAnswer(status=status, text=text))
        case NoByteLeft() | ThreadLimit() | Unauthorized():
            return transitions.without_effect(book, moment.now)
        case Unknown(why=why, status=status):
            return transitions.unknown(book, PsaAnswer(status=status, text=why), moment.now)
        case Posted200():
            return transitions.unknown(book, SUCCESS, moment.now)
        case _:
            assert_never(outcome)

"""The executor: works through the books of one connection that have something to do, under that connection's lease.

The book is its queue. One pass: take over what was found *sent*, read in bulk, decide, save, send, read back in bulk.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from seatledger.psa_writer.domain import transitions
from seatledger.psa_writer.domain.drift import followed
from seatledger.psa_writer.domain.reading import Reading
from seatledger.psa_writer.domain.verdict import Policy, Save, Send, Verdict, Wait, decide
from seatledger.psa_writer.domain.watch import Moment
from seatledger.psa_writer.handlers.gate import Gate
from seatledger.psa_writer.handlers.memory import Memory
from seatledger.psa_writer.handlers.reader import Reader
from seatledger.psa_writer.handlers.report import Reporter
from seatledger.psa_writer.handlers.send import Sender, save
from seatledger.psa_writer.handlers.send_log import whose
from seatledger.psa_writer.handlers.worklist import BLOCKED, Worklist, worklist
from seatledger.psa_writer.ports import PsaError
from seatledger.psa_writer.settings import ConnectionSettings
from seatledger.runtime.lease import Lease
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import Documents
from seatledger.schemas.book import LineBook, OpenState

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

BATCH = 200
"""Books of one pass: two full queries of unit rows, and few enough that a reading is still fresh at the last send."""


@dataclass
class Executor:
    """One connection's executor on one replica."""

    settings: ConnectionSettings
    books: Documents[LineBook]
    reader: Reader
    sender: Sender
    gate: Gate
    report: Reporter
    lease: Lease
    moment: Callable[[], Moment]
    memory: Memory
    metrics: Metrics
    log: "FilteringBoundLogger"
    _troubles: dict[str, str] = field(default_factory=dict)
    _reported: frozenset[tuple[str, int]] | None = None
    """Ids and revisions of the books whose findings stand as they should; None until the first look."""

    def trouble(self) -> str | None:
        """One line while some line cannot be decided."""
        return next((f"line {line} waits alone: {why}" for line, why in self._troubles.items()), None)

    async def run(self) -> None:
        """One pass. Autotask's failures close the gate or are raised for the loop to back off."""
        if not self.lease.held():
            self.memory.forget()
            self._reported = None
            return
        work = await self._worklist()
        await self._report(work.waiting)
        due = await self._without_observed(await self._due(work))
        if not due or not await self.gate.admits():
            return
        try:
            await self._work(due)
            self.gate.answered()
        except PsaError as error:
            await self.gate.failed(error)

    async def _worklist(self) -> Worklist:
        return await worklist(self.books, self.settings.name)

    async def _report(self, waiting: Mapping[str, int]) -> None:
        """Findings follow from the books, whoever changed them; ``drain`` waits until the two agree. The books are read
        where one of them, or their number, has changed since the findings were written."""
        now = frozenset(waiting.items())
        if now != self._reported:
            await self.report.books(await self._read(list(waiting)))
            self._reported = now

    async def _due(self, work: Worklist) -> list[LineBook]:
        """Books that may have a next step now: what is on its way, and each ``mirror_seconds`` what is blocked."""
        seconds = self.moment().seconds
        due = [book_id for book_id in work.working if self.memory.is_due(book_id, seconds)]
        if seconds >= self.memory.slow_due:
            self.memory.slow_due = seconds + self.settings.mirror_seconds
            self.memory.recent.tidy(seconds, self.settings.wait)
            self.memory.slow = list(work.waiting)
        return await self._read(list(dict.fromkeys((*self.memory.slow[: BATCH // 2], *due)))[:BATCH])

    async def _read(self, ids: Sequence[str]) -> list[LineBook]:
        found = await self.books.get_many(ids)
        return [found[book_id] for book_id in ids if book_id in found]

    async def _without_observed(self, due: Sequence[LineBook]) -> list[LineBook]:
        """The stop switch works without Autotask: what is not yet sent is withdrawn, the rest is only read."""
        stopped = [book for book in due if _is_taken(book) and self.settings.observes(book.at.company)]
        reason, now = "the connection observes: nothing is sent", self.moment().now
        await self._saved([transitions.withdrawn(book, reason, now) for book in stopped])
        return [book for book in due if book not in stopped]

    async def _work(self, due: Sequence[LineBook]) -> None:
        books = await self._taken_over(due)
        readings = await self.reader.read(books, self.moment().today)
        del self.memory.slow[: BATCH // 2]
        moment = self.moment()
        decided = [(book, self._decide_alone(book, readings[book.id], moment)) for book in books]
        changed = [verdict.book for _, verdict in decided if isinstance(verdict, Save)]
        await self._saved(changed)
        for book, verdict in decided:
            if isinstance(verdict, Wait):
                self.memory.wait(book.id, moment.seconds, self.settings.slowest_read)
        ready = [(book, readings[book.id]) for book, verdict in decided if isinstance(verdict, Send)]
        await self.sender.send(ready)
        await self._tell_lag(self.memory.take_lag())
        await self._report((await self._worklist()).waiting)

    async def _tell_lag(self, seconds: float | None) -> None:
        if seconds is not None:
            self.metrics.read_lag.labels(self.settings.name).observe(seconds)
            await self.report.lag(seconds)

    async def _taken_over(self, books: Sequence[LineBook]) -> list[LineBook]:
        """What is found *sent* is nobody's send of ours: its outcome is unknown from now on, for W."""
        found = [book for book in books if _is_sent(book)]
        now = self.moment().now
        unknown = await self._saved([transitions.unknown(book, None, now) for book in found])
        return [*(book for book in books if not _is_sent(book)), *unknown]

    def _decide_alone(self, book: LineBook, reading: Reading, moment: Moment) -> Verdict:
        """A poisoned line waits alone and turns readiness red; everybody else goes on (kernel.md section 9.7)."""
        try:
            verdict = self._decide(book, reading, moment)
        except Exception as error:
            self._troubles[book.id] = f"{type(error).__name__}: {error}"
            self.log.exception("line cannot be decided", line=book.id, **whose([book]))
            return Wait("it cannot be decided")
        self._troubles.pop(book.id, None)
        return verdict

    def _decide(self, book: LineBook, reading: Reading, moment: Moment) -> Verdict:
        if book.open is None:
            return self._drift(book, reading, moment)
        policy = Policy(wait=self.settings.wait)
        watch = self.memory.watch(book, moment.seconds)
        recent = self.memory.recent.live(book.recent, moment, self.settings.wait)
        verdict, self.memory.watches[book.id] = decide(book, reading, watch, recent, moment, policy)
        self._note_lag(book, verdict, reading)
        match verdict:
            case Wait():
                return self._drift(book, reading, moment) if book.open.state in BLOCKED else verdict
            case Send() | Save():
                return verdict
            case _:
                assert_never(verdict)

    def _drift(self, book: LineBook, reading: Reading, moment: Moment) -> Verdict:
        if book.drift is None:
            return Wait("nothing has changed")
        watch = self.memory.drift(book.id, book.drift, moment.seconds)
        recent = self.memory.recent.live(book.recent, moment, self.settings.wait)
        changed, watch = followed(book, reading, watch, recent, moment, self.settings.wait)
        self.memory.drifts[book.id] = watch
        return Wait("the drift stands") if changed is None else Save(changed)

    def _note_lag(self, book: LineBook, verdict: Verdict, reading: Reading) -> None:
        answered = self.memory.answered.get(book.id)
        if answered is not None and isinstance(verdict, Save) and verdict.book.open is None:
            self.memory.lag = reading.read_at - answered

    async def _saved(self, books: Sequence[LineBook]) -> list[LineBook]:
        """Those that nobody was faster to change; the others are met again in the next pass."""
        return await save(self.books, self.memory, books, self.moment(), self.settings.wait)


def _is_taken(book: LineBook) -> bool:
    return book.open is not None and book.open.state is OpenState.TAKEN


def _is_sent(book: LineBook) -> bool:
    return book.open is not None and book.open.state is OpenState.SENT

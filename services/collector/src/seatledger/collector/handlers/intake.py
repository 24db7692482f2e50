"""How a reading gets into the books of its account: snapshots with their events, findings, then the cursor."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from seatledger.collector.domain.account import Account
from seatledger.collector.domain.reading import CustomerTrouble, Parcel, Problem, Reading
from seatledger.collector.domain.snapshots import Snapshot
from seatledger.collector.domain.sweeps import Cursor, Taking
from seatledger.collector.domain.taking import Taken, is_full, keys_of, subject_of, take
from seatledger.collector.handlers.books import Books
from seatledger.collector.handlers.usage import keep_usage
from seatledger.collector.ports import SourceUnreachableError
from seatledger.runtime.backoff import PASSING
from seatledger.runtime.clock import BusinessClock
from seatledger.runtime.findings import Findings
from seatledger.runtime.redaction import REDACTOR
from seatledger.runtime.store import ConflictError
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

BATCH = 500
"""Snapshots in one write: some 0.3 s of the embedded store."""
LONGEST_REASON: Final = 200


@dataclass(frozen=True)
class Intake:
    """One account's. Reading goes on side by side (a sweep, direct reads); taking in is one at a time, so that each
    decides on what the one before it stored."""

    account: Account
    books: Books
    findings: Findings
    calendar: BusinessClock
    log: "FilteringBoundLogger"
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def note(self, parcel: Parcel, turn: int) -> Taking:
        """The delivery's id and instant, on disk before anything of it; those it had where it was begun before.
        ``turn``: the number of the sweep that takes it."""
        taking: Taking | None = None

        def noted(cursor: Cursor) -> Cursor:
            nonlocal taking
            taking = cursor.taking
            if taking is not None and taking.parcel == parcel:
                return cursor
            begun = cursor.begun + 1
            name = f"{begun}-{parcel.identity}"
            now, rules = self.calendar.now(), self.account.rules
            taking = Taking(id=name, parcel=parcel, read_at=now, begun=begun, rules=rules)
            return cursor.model_copy(update={"begun": begun, "taking": taking})

        await self.change(noted, turn)
        if taking is None:
            raise AssertionError("a delivery is noted before it is applied")
        return taking

    async def begin(self, name: str) -> Taking:
        """A number and an instant for a direct read, before it is asked: what is begun later is newer. Cut off by a
        crash it is asked anew, under another number."""
        cursor = await self.change(lambda cursor: cursor.model_copy(update={"begun": cursor.begun + 1}))
        identity = f"{cursor.begun}-direct"
        parcel = Parcel(name=name, identity=identity)
        return Taking(id=identity, parcel=parcel, read_at=self.calendar.now(), begun=cursor.begun)

    @contextmanager
    def attempt(self, name: str) -> Iterator[None]:
        """Around reading and taking in what is called ``name``. What nobody foresaw there becomes a
        :class:`SourceUnreachableError`, as if the source could not be read: the delivery waits and is tried again, and
        a person is told of it by its name. Raised as it is it would cut off sweep after sweep, and all that a person
        saw of it would be that nothing comes any more."""
        try:
            yield
        except (*PASSING, SourceUnreachableError):
            raise
        except Exception as error:
            self.log.exception("delivery cannot be taken in", source=self.account.source, delivery=name)
            raise SourceUnreachableError(
                f"{name} cannot be taken in ({_reason(error)}); it waits, and what comes after it",
                "Report it, with what the collector's log says of it. What waits behind a file goes on once that is "
                "moved out of the folder.",
            ) from error

    async def take(self, reading: Reading, taking: Taking) -> Taken:
        """Store what the reading says. A delivery is noted as to be put away in the write that counts it.

        :class:`ConflictError` where it is not the one being taken any more: another process has ended it, and what came
        after it may be stored already. Counted a second time it would be a second list without what it lacks."""
        async with self.lock:
            before = await self.cursor()
            if not reading.direct and (before.taking is None or before.taking.id != taking.id):
                raise self._late()
            taken = take(reading, taking, before, await self._stored(reading), self.account)
            await self.save_snapshots(taken.snapshots)
            await keep_usage(self.books.usages, reading.usage, self.account, taking.read_at)
            await self._tell(taken, reading, before)
            done = {"taking": None, "putting_away": taking.parcel, "failed": reading.failure is not None}
            cursor = await self.save(taken.cursor.model_copy(update={} if reading.direct else done), before)
        return replace(taken, cursor=cursor)

    async def cursor(self, turn: int | None = None) -> Cursor:
        """As it stands. ``turn``: for the sweep of this number; :class:`ConflictError` where a later one has begun."""
        source = self.account.source
        cursor = await self.books.cursors.get(source) or Cursor(id=source, source=source)
        if turn not in {None, cursor.turn}:
            raise self._late()
        return cursor

    async def change(self, decide: Callable[[Cursor], Cursor], turn: int | None = None) -> Cursor:
        """The cursor after a change. :class:`ConflictError` where another process writes it, or as :meth:`cursor`: that
        one goes on."""
        async with self.lock:
            before = await self.cursor(turn)
            return await self.save(decide(before), before)

    async def save(self, cursor: Cursor, before: Cursor) -> Cursor:
        """Whoever calls it holds the lock since it read ``before``."""
        if cursor == before:
            return before
        if not await self.books.cursors.save(cursor):
            raise self._late()
        return cursor.model_copy(update={"rev": cursor.rev + 1})

    def _late(self) -> ConflictError:
        return ConflictError(f"another process sweeps {self.account.source}; this one gives way")

    async def all(self) -> list[Snapshot]:
        return await self.books.snapshots.find({"source": self.account.source})

    async def _stored(self, reading: Reading) -> dict[str, Snapshot]:
        if is_full(reading, self.account):
            return {snapshot.id: snapshot for snapshot in await self.all()}
        stored = await self.books.snapshots.get_many(list(keys_of(reading, self.account)))
        if reading.direct and reading.silent:
            customers = [one.customer for one in reading.silent]
            where = {"source": self.account.source, "state.customer.id": {"$in": customers}}
            stored |= {snapshot.id: snapshot for snapshot in await self.books.snapshots.find(where)}
        return stored

    async def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        for start in range(0, len(snapshots), BATCH):
            saved = await self.books.snapshots.save_many(snapshots[start : start + BATCH])
            if not all(saved):
                raise ConflictError(f"another process wrote snapshots of {self.account.source}")

    async def _tell(self, taken: Taken, reading: Reading, before: Cursor) -> None:
        drafts = [self._bad(problem, reading.place) for problem in taken.problems]
        drafts += [self._silent(one) for one in reading.silent if one.customer in taken.cursor.silent]
        await self.findings.raise_(*drafts)
        closed = defaultdict[FindingCode, list[Subject]](list)
        for row in taken.closed:
            closed[row.code].append(row.subject)
        shown = sorted(set(before.silent) - set(taken.cursor.silent))
        closed[FindingCode.PERMISSION].extend(self._customer(customer) for customer in shown)
        for code, subjects in closed.items():
            await self.findings.close(code, *subjects)

    def _bad(self, problem: Problem, place: str | None) -> FindingDraft:
        return FindingDraft(problem.code, subject_of(problem, place, self.account), problem.message, problem.do)

    def _silent(self, trouble: CustomerTrouble) -> FindingDraft:
        message = (
            f"{self.account.source} does not show the subscriptions of customer {trouble.customer}: "
            f"{trouble.message}; what is known of them stays as it is"
        )
        return FindingDraft(FindingCode.PERMISSION, self._customer(trouble.customer), message, trouble.do)

    def _customer(self, customer: str) -> Subject:
        return Subject(source=self.account.source, detail=f"customer {customer}")


def _reason(error: Exception) -> str:
    """One line, without secrets; the log has the rest."""
    line = next(iter(str(error).splitlines()), "")
    return REDACTOR.clean(f"{type(error).__name__}: {line}")[:LONGEST_REASON]

"""A sweep: the deliveries that wait, one after the other, and then what two full lists no longer have."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from seatledger.collector.domain.reading import Parcel
from seatledger.collector.domain.sweeps import Cursor, Sweep, SweepResult, new_sweep
from seatledger.collector.domain.taking import of_ours
from seatledger.collector.handlers.absences import Absences
from seatledger.collector.handlers.books import Count
from seatledger.collector.handlers.holding import Holding
from seatledger.collector.handlers.intake import Intake
from seatledger.collector.ports import Distributor, SourceUnreachableError, Walked
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import Documents
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject
from seatledger.schemas.heads import SweepState

TROUBLES = (FindingCode.SOURCE_INCOMPLETE, FindingCode.CREDENTIALS, FindingCode.PERMISSION)
"""What an account that cannot be read is told as."""
PROGRESS_SECONDS = 2.0
"""How often a long sweep says how far it is."""


@dataclass(frozen=True)
class Sweeper:
    """Sweeps one account. Every step can be cut off and begun again: snapshots are written before the cursor, the
    cursor before the delivery is put away, and a delivery begun again has the id it had.

    Each sweep has a number. One that was overtaken by a later one (its process stood still until its lease ran out)
    ends at its next step with a :class:`ConflictError`: it takes nothing in, moves no file, and tells nobody anything.
    """

    intake: Intake
    distributor: Distributor
    sweeps: Documents[Sweep]
    machine: MachineClock
    metrics: Metrics
    poll_seconds: float
    holding: Holding | None = None
    """Where the source can be asked for one subscription."""

    async def sweep(self) -> SweepResult:
        """One whole sweep. Raises what the store raises; the sweep then is begun again."""
        started = self.machine.seconds()
        begun, turn = await self._begun()
        count = Count()
        trouble = FindingCode.SOURCE_INCOMPLETE
        do = "Nothing, if the next sweep reads it; else look at the source."
        try:
            parcels = await self.distributor.waiting()
            await self._take_all(parcels, count, turn)
        except SourceUnreachableError as error:
            count.error, count.failed, trouble, do = error.message, False, error.code, error.do
        await Absences(self.intake, self.distributor).settle(count, turn)
        if count.error is not None and not count.failed:
            await self._tell(trouble, count.error, do)
        if self.holding is not None:
            await self.holding.note_all()
        result = await self._end(begun, turn, count)
        self._measure(result, self.machine.seconds() - started)
        return result

    def _measure(self, result: SweepResult, seconds: float) -> None:
        source = self.intake.account.source
        self.metrics.sweeps.labels(source, "complete" if result.complete else "incomplete").inc()
        self.metrics.sweep_seconds.labels(source).observe(seconds)
        self.metrics.changes.labels(source).inc(result.changed)

    async def _begun(self) -> tuple[Sweep, int]:
        """The account's row of ``sweeps`` as the sweep found it, and the sweep's number; a yes is noted for what is
        held *now*."""
        account = self.intake.account
        begun = await self.sweeps.get(account.source) or new_sweep(account.source, account.connection)

        def next_turn(cursor: Cursor) -> Cursor:
            turn = {"turn": cursor.turn + 1}
            if begun.accept <= cursor.accepted:
                return cursor.model_copy(update=turn)
            held = tuple(absence.key for absence in cursor.held)
            return cursor.model_copy(update={**turn, "accepted": begun.accept, "accepting": held})

        return begun, (await self.intake.change(next_turn)).turn

    async def _take_all(self, parcels: Sequence[Parcel], count: Count, turn: int) -> None:
        cursor = await self.intake.cursor(turn)
        if parcels:
            await self._change_sweep(lambda sweep: sweep.model_copy(update={"state": SweepState.RUNNING}))
        if cursor.putting_away is not None:
            await self._put_away(cursor.putting_away, turn, failed=cursor.failed)
        interrupted = None if cursor.taking is None else cursor.taking.parcel
        for parcel in sorted(parcels, key=lambda parcel: parcel != interrupted):
            if parcel != cursor.putting_away:
                await self._take(parcel, count, turn)

    async def _take(self, parcel: Parcel, count: Count, turn: int) -> None:
        taking = await self.intake.note(parcel, turn)
        with self.intake.attempt(parcel.name):
            reading = of_ours(await self.distributor.read(parcel, self._progress()), self.intake.account)
            count.add(await self.intake.take(reading, taking), reading)
        await self._put_away(parcel, turn, failed=reading.failure is not None)

    async def _put_away(self, parcel: Parcel, turn: int, *, failed: bool) -> None:
        """Forgotten once it is away: what somebody puts back is another delivery, though it is the same file. So a
        later sweep is looked for first: it has put this one away, and what lies there now was not read."""
        await self.intake.cursor(turn)
        await self.distributor.put_away(parcel, failed=failed)
        await self.intake.change(lambda cursor: cursor.model_copy(update={"putting_away": None}), turn)

    def _progress(self) -> Callable[[Walked], Any]:
        told = self.machine.seconds()

        async def tell(walked: Walked) -> None:
            nonlocal told
            now = self.machine.seconds()
            if now - told >= PROGRESS_SECONDS:
                told = now
                far = {"walked": walked.customers, "to_walk": walked.of}
                await self._change_sweep(lambda sweep: sweep.model_copy(update=far))

        return tell

    async def _tell(self, code: FindingCode, message: str, do: str) -> None:
        await self.intake.findings.raise_(FindingDraft(code, Subject(source=self.intake.account.source), message, do))

    async def _end(self, begun: Sweep, turn: int, count: Count) -> SweepResult:
        """Told by the latest sweep alone: an earlier one would close what that one has raised."""
        cursor = await self.intake.cursor(turn)
        result = SweepResult(
            source=self.intake.account.source,
            complete=count.error is None,
            customers=len(count.customers),
            subscriptions=len(count.subscriptions),
            changed=count.changed,
            held=len(cursor.held),
            bad_rows=count.bad_rows,
            error=count.error,
        )
        await self._close_what_is_over(begun, result)
        await self._change_sweep(lambda sweep: self._ended(sweep, begun, result, cursor, count))
        return result

    async def _close_what_is_over(self, begun: Sweep, result: SweepResult) -> None:
        """The first sweep of a process that finds all well closes too: what stood open may be from before it."""
        subject = Subject(source=self.intake.account.source)
        was = begun.result
        if result.complete and (was is None or not was.complete):
            for code in TROUBLES:
                await self.intake.findings.close(code, subject)
        if not result.held and (was is None or was.held or begun.held):
            await self.intake.findings.close(FindingCode.SOURCE_MASS_DECREASE, subject)

    def _ended(self, sweep: Sweep, begun: Sweep, result: SweepResult, cursor: Cursor, count: Count) -> Sweep:
        counts = count.read > 0 or (sweep.ended == 0 and cursor.taken > 0)
        now = self.machine.now()
        update: dict[str, Any] = {
            "state": SweepState.ENDED,
            "ended": sweep.ended + counts,
            "done": max(sweep.done, begun.wanted),
            "held": result.held,
            "error": result.error,
            "result": result.after(sweep.under_way),
            "under_way": result.after(sweep.under_way) if sweep.wanted > begun.wanted else None,
            "walked": None,
            "to_walk": None,
            "next_at": now + timedelta(seconds=self.poll_seconds),
        }
        if result.complete:
            update["last_complete_at"] = self.intake.calendar.now()
        return sweep.model_copy(update=update)

    async def _change_sweep(self, change: Callable[[Sweep], Sweep]) -> None:
        account = self.intake.account
        await self.sweeps.change(
            account.source, lambda sweep: change(sweep or new_sweep(account.source, account.connection))
        )

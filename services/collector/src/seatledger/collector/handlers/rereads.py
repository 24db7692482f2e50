"""Direct reads: what a hint asks for, at once, and what is waited for, when it is due."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from seatledger.collector.domain.hints import Hint, Target, followed, hinted
from seatledger.collector.domain.reading import Reading
from seatledger.collector.domain.sweeps import SweepResult
from seatledger.collector.domain.taking import Taken
from seatledger.collector.handlers.holding import Holding
from seatledger.collector.handlers.intake import Intake
from seatledger.collector.ports import Distributor, SourceUnreachableError
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.lease import Lease
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import Documents

AT_ONCE: Final = 4
"""Direct reads of one account that go on together; the adapter keeps its budget."""
BATCH: Final = 40
ANSWER_SECONDS: Final = 0.1
"""How often one who waits for a direct read looks whether it was made."""


@dataclass(frozen=True)
class Rereads:
    """One account's. Only the holder of its lease reads; whoever hears of a change writes a hint down, so that it is
    followed also after a crash, by whichever replica holds the lease."""

    intake: Intake
    distributor: Distributor
    hints: Documents[Hint]
    holding: Holding
    machine: MachineClock
    lease: Lease
    metrics: Metrics
    wake: Callable[[], None]

    async def want(self, target: Target) -> int:
        """Write down that it is to be read from now on; returns the number for :meth:`result`."""
        source, now = self.intake.account.source, self._now()
        saved = await self.hints.change(target.hint_id(source), lambda hint: hinted(hint or target.new(source), now))
        self.wake()
        return 0 if saved is None else saved.wanted

    async def result(self, target: Target, number: int) -> SweepResult:
        """What came of the first read that began after :meth:`want` gave ``number``."""
        hint_id = target.hint_id(self.intake.account.source)
        while True:
            hint = await self.hints.get(hint_id)
            if hint is not None and hint.answered >= number and hint.result is not None:
                return hint.result
            await self.machine.sleep(ANSWER_SECONDS)

    async def targets(self, subscription: str) -> list[Target]:
        """Where a subscription that is known can be asked for."""
        where = {"source": self.intake.account.source, "state.key.subscription": subscription}
        found = await self.intake.books.snapshots.find(where)
        return [Target(customer, subscription) for customer in sorted({one.state.customer.id for one in found})]

    async def turn(self) -> None:
        """Read what is due; called each second, and as soon as a hint comes."""
        while self.lease.held() and (due := await self._due()):
            for start in range(0, len(due), AT_ONCE):
                async with asyncio.TaskGroup() as group:
                    for hint in due[start : start + AT_ONCE]:
                        group.create_task(self._follow(hint))

    async def _due(self) -> list[Hint]:
        where = {"source": self.intake.account.source, "due": {"$lte": self._now()}}
        return await self.hints.find(where, sort=[("due", 1)], limit=BATCH)

    async def _follow(self, hint: Hint) -> None:
        result = await self._read(hint)
        now = self._now()
        if result.complete and hint.asked_at is not None:
            self.metrics.hint_seconds.labels(self.intake.account.source).observe(max(0.0, now - hint.asked_at))
        await self.hints.change(
            hint.id, lambda stored: None if stored is None else followed(stored, hint.wanted, result, now)
        )
        await self.holding.note(hint)

    async def _read(self, hint: Hint) -> SweepResult:
        source = self.intake.account.source
        taking = await self.intake.begin(hint.id)
        try:
            with self.intake.attempt(hint.id):
                reading = await self.distributor.reread(hint.customer, hint.subscription)
                if reading is None:
                    return SweepResult(source=source)
                return self._told(reading, await self.intake.take(reading, taking))
        except SourceUnreachableError as error:
            return SweepResult(source=source, complete=False, error=error.message)

    def _told(self, reading: Reading, taken: Taken) -> SweepResult:
        return SweepResult(
            source=self.intake.account.source,
            complete=reading.incomplete is None,
            customers=len(taken.customers),
            subscriptions=len(taken.subscriptions),
            changed=taken.changed,
            bad_rows=taken.bad_rows,
            error=reading.incomplete,
        )

    def _now(self) -> float:
        return self.machine.now().timestamp()

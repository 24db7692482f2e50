"""The hourly budget, counted in the store *before* each call, all replicas together (kernel.md section 4.6)."""

from dataclasses import dataclass
from datetime import datetime

from seatledger.psa_writer.ports import PsaBudgetSpentError, PsaUnreachableError
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.store import ConflictError, Documents, StoreUnavailableError
from seatledger.schemas.ids import ConnectionName
from seatledger.schemas.quota import MINUTES, QuotaUse, minute_of


@dataclass
class Quota:
    """Reserves calls. What is reserved and not used stays counted: the count is never too low. A reservation holds
    within its minute: later it would count in another minute than its calls are made in."""

    connection: ConnectionName
    budget: int
    uses: Documents[QuotaUse]
    machine: MachineClock
    _reserved: int = 0
    _reserved_in: int = 0

    async def take(self) -> None:
        """One call, now. :class:`PsaBudgetSpentError` where the hour is full, :class:`PsaUnreachableError` where it
        cannot be counted: then nothing is called."""
        try:
            if self._left() < 1 and await self._reserve(1) < 1:
                raise PsaBudgetSpentError(await self._resumes_in())
        except (StoreUnavailableError, ConflictError) as error:
            raise PsaUnreachableError(f"the call could not be counted: {error}") from error
        self._reserved -= 1

    async def prepare(self, calls: int) -> int:
        """Reserve in one write what a batch will need; how many of them are within the budget."""
        missing = calls - self._left()
        if missing > 0:
            await self._reserve(missing)
        return min(calls, self._left())

    def _left(self) -> int:
        if minute_of(self.machine.now()) != self._reserved_in:
            self._reserved = 0
        return self._reserved

    async def _reserve(self, calls: int) -> int:
        granted, minute = 0, minute_of(self.machine.now())

        def decide(use: QuotaUse | None) -> QuotaUse:
            nonlocal granted
            now = self.machine.now()
            current = use or QuotaUse(id=self.connection, connection=self.connection, budget=self.budget)
            granted = max(0, min(calls, self.budget - current.last_hour(now)))
            return _used(current.model_copy(update={"budget": self.budget}), granted, now)

        await self.uses.change(self.connection, decide)
        self._reserved, self._reserved_in = self._left() + granted, minute
        return granted

    async def _resumes_in(self) -> float:
        """Seconds until the oldest minute of the hour leaves the count."""
        use = await self.uses.get(self.connection)
        now = self.machine.now()
        used = [int(minute) for minute in use.by_minute] if use else []
        oldest = min((minute for minute in used if minute >= minute_of(now) - MINUTES), default=minute_of(now))
        return max(1.0, (oldest + MINUTES + 1) * 60 - now.timestamp())


def _used(use: QuotaUse, calls: int, now: datetime) -> QuotaUse:
    minute, oldest = minute_of(now), minute_of(now) - MINUTES
    kept = {key: count for key, count in use.by_minute.items() if int(key) >= oldest}
    kept[str(minute)] = kept.get(str(minute), 0) + calls
    return use.model_copy(update={"by_minute": kept})


@dataclass
class Unlimited:
    """No budget: for suites that run without a store."""

    async def take(self) -> None:
        """Always granted."""

    async def prepare(self, calls: int) -> int:
        return calls

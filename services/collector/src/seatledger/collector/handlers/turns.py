"""When an account is swept: every ``poll_seconds``, when somebody wants it, and again after a sweep was cut off."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from seatledger.collector.domain.sweeps import Sweep, SweepResult, new_sweep
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.lease import Lease
from seatledger.runtime.store import Documents
from seatledger.schemas.heads import SweepState
from seatledger.schemas.ids import ConnectionName, SourceName

LOOK_SECONDS = 2.0
"""How soon a sweep that another replica was asked for begins; one small read a round."""
ANSWER_SECONDS = 0.1
"""How often one who waits for a sweep looks whether it has ended."""


@dataclass
class Turns:
    """One account's turns. Only the holder of its lease sweeps; whoever is asked writes down that a sweep is wanted,
    so that it is swept also after a crash, and by whichever replica holds the lease."""

    source: SourceName
    connection: ConnectionName
    sweep: Callable[[], Awaitable[SweepResult]]
    sweeps: Documents[Sweep]
    lease: Lease
    machine: MachineClock
    poll_seconds: float
    wake: Callable[[], None]
    _next_poll: float | None = None
    _next_look: float = 0.0

    async def turn(self) -> None:
        """Sweep if it is time; called again and again, cheap while it is not."""
        if not self.lease.held() or not (self._poll_is_due() or await self._is_wanted()):
            return
        await self.sweep()
        self._next_poll = self.machine.seconds() + self.poll_seconds

    def _poll_is_due(self) -> bool:
        return self._next_poll is None or self.machine.seconds() >= self._next_poll

    async def _is_wanted(self) -> bool:
        now = self.machine.seconds()
        if now < self._next_look:
            return False
        self._next_look = now + LOOK_SECONDS
        sweep = await self.sweeps.get(self.source)
        return sweep is not None and (sweep.wanted > sweep.done or sweep.state is SweepState.RUNNING)

    async def want(self, *, accept: str | None = None) -> int:
        """Write down that a sweep is wanted from now on; returns its number for :meth:`result`. ``accept``: the id of
        the command that says yes to what the brake holds."""

        def raised(sweep: Sweep | None) -> Sweep:
            sweep = sweep or new_sweep(self.source, self.connection)
            wanted = sweep.wanted + 1
            yes = {"accept": wanted, "accepted_by": accept} if accept not in {None, sweep.accepted_by} else {}
            return sweep.model_copy(update={"wanted": wanted, **yes})

        saved = await self.sweeps.change(self.source, raised)
        self._next_look = 0.0
        self.wake()
        return 0 if saved is None else saved.wanted

    async def result(self, number: int) -> SweepResult:
        """The result of the first sweep that began after :meth:`want` gave ``number`` and has ended."""
        while True:
            sweep = await self.sweeps.get(self.source)
            if sweep is not None and sweep.done >= number and sweep.result is not None:
                return sweep.result
            await self.machine.sleep(ANSWER_SECONDS)

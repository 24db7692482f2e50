"""Whether Autotask may be called now: closed while the sign-in is refused, a right is missing, or the hour is full."""

from dataclasses import dataclass

from seatledger.psa_writer.handlers.report import Reporter
from seatledger.psa_writer.ports import (
    Psa,
    PsaBudgetSpentError,
    PsaCredentialsError,
    PsaError,
    PsaPermissionError,
    PsaUnreachableError,
)
from seatledger.runtime.clock import MachineClock

PROBE = 60.0
"""Seconds between two probes of a sign-in that was refused."""
PATIENCE = 60.0
"""Seconds without any answer after which a person is told; shorter ones mend themselves."""


@dataclass
class Gate:
    """One connection's gate in one process."""

    psa: Psa
    machine: MachineClock
    report: Reporter
    closed_until: float = 0.0
    locked_out: bool = False
    silent_since: float | None = None

    def is_closed(self) -> bool:
        return self.machine.seconds() < self.closed_until

    async def admits(self) -> bool:
        """True where calls may be made; after a refused sign-in the first call is a probe, once a minute."""
        if self.is_closed():
            return False
        if not self.locked_out:
            return True
        # Closed before the call: executor and mirror share this gate, and one of them is enough.
        self.closed_until = self.machine.seconds() + PROBE
        try:
            await self.psa.probe()
        except PsaError as error:
            await self.failed(error)
            return False
        self.closed_until = 0.0
        await self.succeeded()
        return True

    async def failed(self, error: PsaError) -> None:
        """Close for a while and raise the finding; an error that is none of ours is raised again."""
        seconds = self.machine.seconds()
        match error:
            case PsaCredentialsError():
                self.locked_out, self.closed_until = True, seconds + PROBE
                await self.report.locked_out()
            case PsaPermissionError(entity=entity):
                self.closed_until = seconds + PROBE
                await self.report.forbidden(entity, str(error))
            case PsaBudgetSpentError(resumes_in=resumes_in):
                self.closed_until = seconds + resumes_in
                await self.report.spent()
            case PsaUnreachableError():
                self.silent_since = seconds if self.silent_since is None else self.silent_since
                if seconds - self.silent_since >= PATIENCE:
                    await self.report.unreachable(str(error))
                raise error
            case _:
                raise error

    def answered(self) -> None:
        """Autotask is there."""
        self.silent_since = None

    async def succeeded(self, *, blind: int = 0) -> None:
        """All that was read could be read: the findings of the connection close, but for that on ``blind`` lines of
        which not one shows a unit row."""
        self.locked_out = False
        self.answered()
        await self.report.admitted(blind=blind)

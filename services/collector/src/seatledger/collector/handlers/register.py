"""That the source sends its messages to us: looked at when the account is taken over, and now and then."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seatledger.collector.handlers.rereads import Rereads
from seatledger.collector.ports import Registrar, SourceUnreachableError
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

AGAIN_SECONDS: Final = 6 * 3600.0
"""Somebody may have registered another address meanwhile."""
FAILED_SECONDS: Final = 60.0


@dataclass
class Register:
    """One account's. Without it the sweep finds all that a message would have told, only later."""

    registrar: Registrar
    rereads: Rereads
    log: "FilteringBoundLogger"
    _next: float = 0.0

    async def turn(self) -> None:
        """Look if it is time; called again and again, cheap while it is not."""
        machine = self.rereads.machine
        if machine.seconds() < self._next or not self.rereads.lease.held():
            return
        done = await self._ensured()
        self._next = machine.seconds() + (AGAIN_SECONDS if done else FAILED_SECONDS)

    async def _ensured(self) -> bool:
        source, findings = self.rereads.intake.account.source, self.rereads.intake.findings
        subject = Subject(source=source, detail="webhook")
        try:
            if await self.registrar.ensure():
                self.log.info("webhook registered", source=source)
        except SourceUnreachableError as error:
            self.log.warning("webhook not registered", source=source, error=error.message)
            if error.code is FindingCode.PERMISSION:
                await findings.raise_(FindingDraft(error.code, subject, error.message, error.do))
            return False
        await findings.close(FindingCode.PERMISSION, subject)
        return True

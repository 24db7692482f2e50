"""What a source POSTs to us: a hint, if it is the source's own, and nothing else."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatledger.collector.domain.hints import Target
from seatledger.collector.handlers.rereads import Rereads
from seatledger.collector.ports import ForgedError, Receiver, SourceUnreachableError
from seatledger.runtime.service import Reply, Request

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


@dataclass(frozen=True)
class TakeWebhook:
    """One account's. The hint is stored before the message is answered; sent again, late or in another order it leads
    to one read more, which finds what is there."""

    receiver: Receiver
    rereads: Rereads
    log: "FilteringBoundLogger"
    _told: set[str] = field(default_factory=set)

    async def __call__(self, request: Request) -> Reply:
        source = self.rereads.intake.account.source
        try:
            signals = await self.receiver.signals(request.headers, request.body)
        except ForgedError as error:
            self._tell_once(str(error))
            return Reply(401, "not authentic")
        except SourceUnreachableError as error:
            self.log.warning("webhook could not be checked", source=source, error=error.message)
            return Reply(503, "try again")
        account = self.rereads.intake.account
        for signal in signals:
            if account.takes(signal.customer):
                await self.rereads.want(Target(signal.customer, signal.subscription))
        return Reply(200)

    def _tell_once(self, why: str) -> None:
        """Whoever forges may do so a thousand times a second; the metric counts them, the log names each kind once."""
        if why not in self._told:
            self._told.add(why)
            self.log.warning("webhook refused", source=self.rereads.intake.account.source, why=why)

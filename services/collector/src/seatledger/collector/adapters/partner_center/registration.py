"""Where Partner Center sends its messages: registered once, changed where it is another, else left alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from seatledger.collector.adapters.partner_center.client import Body, Client, RefusedError
from seatledger.collector.adapters.partner_center.pace import Lane
from seatledger.collector.ports import SourceUnreachableError
from seatledger.schemas.findings import FindingCode

PATH: Final = "/webhooks/v1/registration"
NEEDED: Final = ("subscription-updated", "test-created")
WANTED: Final = (*NEEDED, "usagerecords-thresholdExceeded", "reseller-relationship-accepted-by-customer")
"""Asked for first; a tenant that knows less is asked for what is needed. Each only says whom to read again."""


@dataclass(frozen=True)
class Registration:
    """``public_url``: where Partner Center reaches us from outside."""

    client: Client
    public_url: str

    async def ensure(self) -> bool:
        """Whether something had to be changed. Asking twice changes nothing twice.

        Raises :class:`SourceUnreachableError`, with ``permission`` as its code where it is refused.
        """
        try:
            return await self._ensure()
        except RefusedError as error:
            raise SourceUnreachableError(
                f"webhooks cannot be registered: {error}",
                "Give the application the right to register webhooks, or take `webhook` out of the source.",
                FindingCode.PERMISSION,
            ) from error

    async def _ensure(self) -> bool:
        standing = await self._standing()
        if standing is not None and self._will_do(standing):
            return False
        method = "POST" if standing is None else "PUT"
        try:
            await self._register(method, WANTED)
        except RefusedError as error:
            if error.fault.status != 400:
                raise
            await self._register(method, NEEDED)
        return True

    async def _register(self, method: str, events: Sequence[str]) -> None:
        body: Body = {"WebhookUrl": self.public_url, "WebhookEvents": list(events)}
        await self.client.write(method, self._url(), body, Lane.REREAD)

    def _will_do(self, standing: Body) -> bool:
        events = _field(standing, "WebhookEvents")
        known = {str(event).casefold() for event in events} if isinstance(events, list) else set()
        return _field(standing, "WebhookUrl") == self.public_url and set(NEEDED) <= known

    async def _standing(self) -> Body | None:
        """What is registered; None where nothing is (404, or an answer without an address)."""
        try:
            found = await self.client.get(self._url(), Lane.REREAD)
        except RefusedError as error:
            if error.fault.status == 404:
                return None
            raise
        return found if _field(found, "WebhookUrl") else None

    def _url(self) -> str:
        """Beside ``/v1``, not below it."""
        return self.client.url + PATH


def _field(body: Body, name: str) -> Any:
    """Answers write names in either case."""
    return next((value for key, value in body.items() if key.casefold() == name.casefold()), None)

"""The access token: fetched once for everybody, renewed before it ends, kept in memory alone."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from seatledger.collector.adapters.partner_center.answers import fault_of, may_be_sent_again, retry_after
from seatledger.collector.adapters.partner_center.http import Answer, Http, NoAnswerError
from seatledger.collector.adapters.partner_center.retries import Retries
from seatledger.collector.ports import SourceUnreachableError
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.redaction import REDACTOR
from seatledger.schemas.findings import FindingCode

MARGIN: Final = 300.0
"""Seconds before its end at which a token is renewed; of a short one, a fifth of its life."""
LIFE: Final = 3000.0
"""Seconds that a token is believed to live where the answer does not say."""


@dataclass(frozen=True)
class Credentials:
    """How an application signs in for itself (client credentials, reference section 2.1)."""

    authority_url: str
    tenant: str
    client_id: str
    client_secret: str = field(repr=False)
    resource: str = "https://api.partnercenter.microsoft.com"

    @property
    def url(self) -> str:
        return f"{self.authority_url}/{self.tenant}/oauth2/token"

    @property
    def form(self) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "resource": self.resource,
        }


@dataclass
class Tokens:
    """One account's token. Several callers who need one at the same time make one request."""

    credentials: Credentials
    http: Http
    machine: MachineClock
    retries: Retries
    _value: str | None = field(default=None, repr=False)
    _renew_at: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def token(self) -> str:
        """A token that lives on for a while. Raises :class:`SourceUnreachableError`, with ``credentials`` as its code
        where the sign-in is refused."""
        async with self._lock:
            if self._value is None or self.machine.seconds() >= self._renew_at:
                await self._fetch()
            return self._value or ""

    async def renew(self, refused: str) -> str:
        """Another token than ``refused``, which the API did not take; the present one where it is another already."""
        async with self._lock:
            if self._value is None or self._value == refused:
                await self._fetch()
            return self._value or ""

    async def _fetch(self) -> None:
        self._value = None
        asked_at = self.machine.seconds()
        body = await self._asked()
        life = _seconds(body.get("expires_in"))
        self._value = str(body["access_token"])
        REDACTOR.know(f"the token of {self.credentials.client_id}", self._value)
        self._renew_at = asked_at + life - min(MARGIN, life / 5)

    async def _asked(self) -> dict[str, Any]:
        left = self.retries.begin()
        while True:
            why = "the token endpoint does not answer"
            pause = None
            try:
                answer = await self.http.post_form(self.credentials.url, self.credentials.form)
            except NoAnswerError as error:
                why = f"{why} ({error})"
            else:
                if answer.status == 200 and isinstance(answer.body, dict) and answer.body.get("access_token"):
                    return answer.body
                why = self._refused_or_why(answer)
                pause = retry_after(answer.headers, self.machine.now())
            if not await left.wait(pause):
                raise SourceUnreachableError(f"no access token: {why}", "Nothing: it is tried again by itself.")

    def _refused_or_why(self, answer: Answer) -> str:
        fault = fault_of(answer)
        if answer.status in {200, 429} or may_be_sent_again(fault):
            return str(fault)
        raise SourceUnreachableError(
            f"the sign-in at {self.credentials.authority_url} as {self.credentials.client_id} was refused: {fault}",
            "Check tenant, client_id and client_secret (a secret of an app registration expires), then restart.",
            FindingCode.CREDENTIALS,
        )


def _seconds(text: object) -> float:
    """``expires_in`` comes as text (``"3599"``)."""
    try:
        life = float(str(text))
    except ValueError:
        return LIFE
    return life if life > 0 else LIFE

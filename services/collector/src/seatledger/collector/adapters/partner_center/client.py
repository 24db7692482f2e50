"""One call after the other at one account: token, headers, pace, and what is tried again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from seatledger.collector.adapters.partner_center.answers import (
    WRONG_AUDIENCE,
    Fault,
    fault_of,
    may_be_sent_again,
    retry_after,
)
from seatledger.collector.adapters.partner_center.http import Answer, Http, NoAnswerError
from seatledger.collector.adapters.partner_center.pace import Lane, Pace
from seatledger.collector.adapters.partner_center.retries import PATIENCE, THROTTLES, Left, Retries
from seatledger.collector.adapters.partner_center.token import Tokens
from seatledger.collector.ports import SourceUnreachableError
from seatledger.runtime.clock import MachineClock
from seatledger.schemas.findings import FindingCode

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

PREFIX: Final = "/v1"
ASKED_AGAIN: Final = "Nothing: it is asked again by itself."
CALLED_AGAIN: Final = "Nothing: it is asked again later. If this stays, have other programs of this tenant call less."

UNTOLD: Final = 5
"""A 429 that does not say how long is sat out like the fifth failure in a row: some seconds."""

Body = dict[str, Any]
DONE: Final = frozenset({200, 201, 204})


class RefusedError(Exception):
    """The source answered, and the answer is no: 403, 404 and other 4xx. What it means depends on what was asked."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault

    @property
    def not_ours(self) -> bool:
        """What it was asked for is not there, or not shown to us."""
        return self.fault.status in {403, 404}


@dataclass(frozen=True)
class _Call:
    method: str
    url: str
    headers: Mapping[str, str]
    body: Body | None = None


@dataclass
class Client:
    """``url`` is the base before ``/v1``. ``new_id`` makes GUIDs."""

    url: str
    http: Http
    tokens: Tokens
    pace: Pace
    retries: Retries
    machine: MachineClock
    new_id: Callable[[], str]
    log: "FilteringBoundLogger"

    async def get(self, uri: str, lane: Lane, headers: Mapping[str, str] | None = None) -> Body:
        """The JSON object at ``uri`` (a path, or a link that the source gave). ``headers``: those of that link.

        Raises :class:`RefusedError`, or :class:`SourceUnreachableError` once all attempts failed. Attempts of one call
        share its ``MS-RequestId``.
        """
        return await self._called(_Call("GET", self._absolute(uri), headers or {}), lane)

    async def write(self, method: str, uri: str, body: Body, lane: Lane) -> Body:
        """Sends ``body`` to ``uri``, for what may be sent twice alone. Empty where nothing is answered. Raises as
        :meth:`get`."""
        return await self._called(_Call(method, self._absolute(uri), {}, body), lane)

    async def _called(self, call: "_Call", lane: Lane) -> Body:
        request = {**call.headers, "MS-RequestId": self.new_id()}
        left = self.retries.begin()
        while True:
            answer = await self._sent(call, request, lane)
            if isinstance(answer, Answer) and answer.status in DONE:
                if isinstance(answer.body, dict):
                    return answer.body
                if call.body is not None:
                    return {}
            await self._again(answer, left)

    def _absolute(self, uri: str) -> str:
        """Links are relative, with ``/v1`` or without. Our token goes to our host alone."""
        if uri.startswith("/"):
            return self.url + (uri if uri.startswith(f"{PREFIX}/") else PREFIX + uri)
        if _origin(uri) != _origin(self.url):
            raise SourceUnreachableError("the source sent a link to another host; it was not followed", ASKED_AGAIN)
        return uri

    async def _sent(self, call: "_Call", request: Mapping[str, str], lane: Lane) -> Answer | NoAnswerError:
        """One request, and a second one where the token ended meanwhile."""
        answer, token = await self._in_turn(call, request, lane)
        if isinstance(answer, Answer) and answer.status == 401:
            await self.tokens.renew(token)
            answer, _ = await self._in_turn(call, request, lane)
        if isinstance(answer, Answer) and answer.status == 401:
            raise _not_known(fault_of(answer))
        return answer

    async def _in_turn(
        self, call: "_Call", request: Mapping[str, str], lane: Lane
    ) -> tuple[Answer | NoAnswerError, str]:
        """The answer, and the token that it was asked with. First the turn, then the token: waiting may outlast one.
        A sign-in takes time too, and where somebody else met the limit meanwhile there is another turn to wait for."""
        while True:
            async with self.pace.call(lane, PATIENCE) as may:
                if not may:
                    raise self._left_alone()
                token = await self.tokens.token()
                if self.pace.paused_for() > 0:
                    continue
                answer = await self._once(call, request, token)
                if isinstance(answer, Answer) and answer.status == 429:
                    self._throttled(answer)
                return answer, token

    def _left_alone(self) -> SourceUnreachableError:
        minutes = self.pace.paused_for() / 60
        return SourceUnreachableError(f"the source wants no call for another {minutes:.0f} minutes", CALLED_AGAIN)

    async def _once(self, call: "_Call", request: Mapping[str, str], token: str) -> Answer | NoAnswerError:
        headers = {
            **request,
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "MS-CorrelationId": self.new_id(),
            "MS-Contract-Version": "v1",
            "X-Locale": "en-US",
            "MS-PartnerCenter-Application": "Seatledger",
        }
        path = urlsplit(call.url).path
        try:
            if call.body is None:
                answer = await self.http.get(call.url, headers)
            else:
                answer = await self.http.send_json(call.method, call.url, headers, call.body)
        except NoAnswerError as error:
            self.log.warning("no answer", path=path, error=str(error))
            return error
        if answer.status not in DONE:
            fault = fault_of(answer)
            self.log.warning("refused", path=path, status=answer.status, code=fault.code, **answer.trace)
        return answer

    async def _again(self, answer: Answer | NoAnswerError, left: Left) -> None:
        """Returns when the call may be made again; raises where it may not."""
        if isinstance(answer, NoAnswerError):
            return await self._retry(left, f"it does not answer ({answer})", None)
        fault, asked = fault_of(answer), retry_after(answer.headers, self.machine.now())
        if answer.status == 429:
            return _wait_no_more(left, fault)
        if answer.status in DONE:
            return await self._retry(left, "it answers something that is no JSON object", None)
        if may_be_sent_again(fault):
            return await self._retry(left, str(fault), asked)
        raise RefusedError(fault)

    async def _retry(self, left: Left, why: str, asked: float | None) -> None:
        if not await left.wait(asked):
            raise SourceUnreachableError(why, ASKED_AGAIN)

    def _throttled(self, answer: Answer) -> None:
        """Nobody of this account calls inside the pause: the next attempt waits for its turn like everybody."""
        asked = retry_after(answer.headers, self.machine.now())
        pause = self.retries.backoff(UNTOLD) if asked is None else asked
        self.pace.pause(pause)
        self.log.warning("throttled", seconds=round(pause, 1), calls_made=self.pace.made)


def _wait_no_more(left: Left, fault: Fault) -> None:
    left.failures += 1
    if left.failures >= THROTTLES:
        raise SourceUnreachableError(f"{fault}, {left.failures} times in a row", CALLED_AGAIN)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def _not_known(fault: Fault) -> SourceUnreachableError:
    hint = "the token was made for another audience" if fault.code == WRONG_AUDIENCE else "a new token was not taken"
    return SourceUnreachableError(
        f"{hint}: {fault}",
        "Check tenant, client_id, resource, and that the application may use the Partner Center API.",
        FindingCode.CREDENTIALS,
    )

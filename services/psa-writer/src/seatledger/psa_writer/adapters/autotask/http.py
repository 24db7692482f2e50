"""The only module that knows the HTTP client. Reads may be repeated by the caller; a write is one connection, once.

Keep-alive is off everywhere: a reset on an idle connection is otherwise the commonest unknown outcome.
"""

import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx2

READ_TIMEOUT = httpx2.Timeout(30.0, connect=10.0)


@dataclass(frozen=True)
class Answer:
    """``body`` is None where it is no JSON; money in it is Decimal. ``date`` is the header, as it came."""

    status: int
    body: Any
    date: str | None = None


class NoAnswerError(Exception):
    """The transport failed. ``bytes_left`` False: not one byte of the request left; True: it may have."""

    def __init__(self, why: str, *, bytes_left: bool) -> None:
        super().__init__(why)
        self.bytes_left = bytes_left


class TooLateError(Exception):
    """The claim's deadline passed before the first byte."""


class Http:
    """JSON over HTTP/1.1 without retries, redirects, proxies from the environment, or reuse of connections."""

    def __init__(self, *, write_timeout: float, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._write_timeout = httpx2.Timeout(write_timeout, connect=min(10.0, write_timeout))
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._client = httpx2.AsyncClient(
            transport=transport or httpx2.AsyncHTTPTransport(verify=_tls(), retries=0, limits=limits, trust_env=False),
            follow_redirects=False,
            trust_env=False,
        )

    async def read(self, method: str, url: str, headers: Mapping[str, str], body: object = None) -> Answer:
        """One call that changes nothing. :class:`NoAnswerError` where the transport fails."""
        try:
            response = await self._client.request(
                method, url, headers=_complete(headers), content=_content(body), timeout=READ_TIMEOUT
            )
        except (httpx2.HTTPError, ssl.SSLError, OSError) as error:
            raise NoAnswerError(_name(error), bytes_left=True) from error
        return _answer(response)

    async def write(self, url: str, headers: Mapping[str, str], body: object, in_time: Callable[[], bool]) -> Answer:
        """One POST, once. ``in_time`` is asked again when the connection is open, just before the first byte;
        :class:`TooLateError` where it says no, :class:`NoAnswerError` where the transport fails."""
        if not in_time():
            raise TooLateError
        watch = _FirstByte(in_time)
        try:
            response = await self._client.post(
                url,
                headers=_complete(headers),
                content=_content(body),
                timeout=self._write_timeout,
                extensions={"trace": watch.trace},
            )
        except (httpx2.HTTPError, ssl.SSLError, OSError) as error:
            raise NoAnswerError(_name(error), bytes_left=watch.may_have_left) from error
        return _answer(response)

    async def close(self) -> None:
        await self._client.aclose()


class _FirstByte:
    """Follows the transport's steps. The first step that is not the connection's comes when that is open, TLS included,
    so one check there is both *after the connection is open* and *immediately before the bytes go out*. A step of a
    name that nobody knows counts as bytes that may have left."""

    _BEFORE = "connection"

    def __init__(self, in_time: Callable[[], bool]) -> None:
        self._in_time = in_time
        self._followed = False
        self._passed = False
        self._stopped = False

    @property
    def may_have_left(self) -> bool:
        """True unless the transport told its steps and none of them was the first byte's."""
        return self._passed or not self._followed

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        self._followed = True
        if self._stopped or self._passed or event.partition(".")[0] == self._BEFORE:
            return
        if not self._in_time():
            self._stopped = True  # told once: the steps after it close the connection
            raise TooLateError
        self._passed = True


def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)


def _complete(headers: Mapping[str, str]) -> dict[str, str]:
    return {**headers, "Content-Type": "application/json", "Connection": "close"}


def _content(body: object) -> bytes | None:
    return None if body is None else json.dumps(body, default=_plain).encode()


def _plain(value: object) -> object:
    """Money as a JSON number with its own digits' value."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not part of a request")


def _answer(response: httpx2.Response) -> Answer:
    try:
        body = json.loads(response.content, parse_float=Decimal)
    except (ValueError, UnicodeDecodeError):
        body = None
    return Answer(response.status_code, body, response.headers.get("date"))


def _name(error: BaseException) -> str:
    """The kind of failure alone: messages of transports may quote what was sent."""
    return type(error).__name__

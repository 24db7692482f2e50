"""The only module that knows the HTTP client: one request, one answer, nothing repeated and no redirect followed."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import httpx2

TIMEOUT: Final = httpx2.Timeout(30.0, connect=10.0)


@dataclass(frozen=True)
class Answer:
    """``headers`` by lower-case name. ``body`` is None where it is no JSON; fractions in it are Decimal."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def trace(self) -> dict[str, str]:
        """What Microsoft's support asks for."""
        return {name: self.headers[name] for name in ("ms-cv", "ms-serverid", "ms-requestid") if name in self.headers}


class NoAnswerError(Exception):
    """The transport failed or timed out; the text is the kind of failure alone."""


class Http:
    """Verified TLS; no retries, redirects, cookies, or proxies from the environment."""

    def __init__(self, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._client = httpx2.AsyncClient(
            transport=transport or _transport(),
            follow_redirects=False,
            trust_env=False,
            timeout=TIMEOUT,
        )

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """:class:`NoAnswerError` where the transport fails."""
        return await self._send("GET", url, headers)

    async def send_json(self, method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
        """:class:`NoAnswerError` where the transport fails."""
        return await self._send(method, url, headers, json=body)

    async def post_form(self, url: str, form: Mapping[str, str]) -> Answer:
        """:class:`NoAnswerError` where the transport fails."""
        return await self._send("POST", url, {"Accept": "application/json"}, data=form)

    async def download(self, url: str, most: int) -> bytes:
        """What lies at ``url``, asked for without credentials. :class:`NoAnswerError` where it cannot be had, or is
        larger than ``most`` bytes: no more than that is ever held."""
        content = bytearray()
        try:
            async with self._client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
                if response.status_code != 200:
                    raise NoAnswerError(f"it answers {response.status_code}")
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > most:
                        raise NoAnswerError(f"it is larger than {most} bytes")
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
            raise NoAnswerError(type(error).__name__) from error
        return bytes(content)

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(self, method: str, url: str, headers: Mapping[str, str], **content: Any) -> Answer:
        try:
            response = await self._client.request(method, url, headers=headers, **content)
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
            raise NoAnswerError(type(error).__name__) from error  # its own text may quote what was sent
        return Answer(
            response.status_code,
            _json(response.content),
            {name.lower(): value for name, value in response.headers.items()},
        )


def _transport() -> httpx2.AsyncBaseTransport:
    context = httpx2.create_ssl_context(trust_env=False)
    return httpx2.AsyncHTTPTransport(verify=context, retries=0, trust_env=False)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    except ValueError:
        return None

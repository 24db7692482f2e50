"""One POST to a webhook's receiver, over h11: all of an HTTP client that the sandbox needs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import h11

LONGEST_WAIT = 10.0


async def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """The status of the answer; raises OSError, TimeoutError or h11.ProtocolError."""
    async with asyncio.timeout(LONGEST_WAIT):
        return await _post(url, headers, body)


async def _post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    where = urlsplit(url)
    secure = where.scheme == "https"
    port = where.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(where.hostname, port, ssl=_unverified() if secure else None)
    try:
        target = (where.path or "/") + (f"?{where.query}" if where.query else "")
        fixed = {"Host": where.netloc, "Content-Length": str(len(body)), "Connection": "close"}
        state = h11.Connection(h11.CLIENT)
        request = h11.Request(method="POST", target=target, headers=list({**fixed, **headers}.items()))
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(state.send(event) or b"")
        await writer.drain()
        return await _status(state, reader)
    finally:
        writer.close()


def _unverified() -> ssl.SSLContext:
    """A receiver under test has whatever certificate its author made."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _status(state: h11.Connection, reader: asyncio.StreamReader) -> int:
    while True:
        event = state.next_event()
        if event is h11.NEED_DATA:
            state.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Response):
            return event.status_code
        elif isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("closed without an answer")

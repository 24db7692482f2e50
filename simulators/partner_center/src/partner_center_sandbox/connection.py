"""The way back to a caller, and how it can break."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message, Receive, Scope, Send

TRANSPORT = "sandbox.transport"
LINGER_OFF = struct.pack("ii", 1, 0)


class NoTransportError(ConnectionError):
    """A connection fault in a test without sockets: there is nothing to break."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out; a body of None is empty, text is sent as it is."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Connection:
    """One request's way back to its caller."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._transport: asyncio.Transport | None = scope.get(TRANSPORT)

    async def answer(self, answer: Answer) -> None:
        """Sends a whole response, unless the caller has gone."""
        if self._transport is not None and self._transport.is_closing():
            return
        start, content = _response(answer)
        await self._send(start)
        await self._send({"type": "http.response.body", "body": content})

    async def drop(self) -> None:
        """Closes the connection without an answer."""
        self._need().close()
        await self._gone()

    async def reset_within(self, answer: Answer) -> None:
        """Half of the response, then a TCP reset instead of a close."""
        transport = self._need()
        start, content = _response(answer)
        await self._send(start)
        await self._send({"type": "http.response.body", "body": content[: len(content) // 2], "more_body": True})
        with contextlib.suppress(OSError, AttributeError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_OFF)
        transport.abort()
        await self._gone()

    def _need(self) -> asyncio.Transport:
        if self._transport is None:
            raise NoTransportError("a connection fault needs a real server")
        return self._transport

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue


def _response(answer: Answer) -> tuple[Message, bytes]:
    kind = "application/json; charset=utf-8"
    match answer.body:
        case None:
            content = b""
        case bytes():
            content, kind = answer.body, "application/octet-stream"
        case str():
            content, kind = answer.body.encode(), "text/html; charset=utf-8"
        case _:
            content = json.dumps(answer.body, ensure_ascii=False).encode()
    fields = {"content-type": kind, "content-length": str(len(content)), **answer.headers}
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
    return {"type": "http.response.start", "status": answer.status, "headers": pairs}, content

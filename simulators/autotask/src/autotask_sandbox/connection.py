"""The caller's connection, and the ways in which it can break."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from typing import Any

from starlette.types import Message, Receive, Scope, Send

TRANSPORT = "sandbox.transport"
LINGER_OFF = struct.pack("ii", 1, 0)


class NoTransportError(ConnectionError):
    """A connection fault in a test without sockets: there is nothing to break."""


class Connection:
    """One request's way back to its caller."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._transport: asyncio.Transport | None = scope.get(TRANSPORT)

    @property
    def is_open(self) -> bool:
        return self._transport is None or not self._transport.is_closing()

    async def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> bool:
        """Sends a whole response; false if the caller had gone before. ``None`` is an empty body."""
        if not self.is_open:
            return False
        start, content = _response(status, body, headers or {})
        await self._send(start)
        await self._send({"type": "http.response.body", "body": content})
        return True

    async def drop(self) -> None:
        """Closes the connection without an answer and waits until that is done."""
        transport = self._need()
        transport.close()
        await self._gone()

    async def reset_within(self, status: int, body: Any) -> None:
        """Sends half of a response, then resets the TCP connection instead of closing it."""
        transport = self._need()
        start, content = _response(status, body, {})
        await self._send(start)
        await self._send({"type": "http.response.body", "body": content[: len(content) // 2], "more_body": True})
        raw = transport.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_OFF)
        transport.abort()
        await self._gone()

    def _need(self) -> asyncio.Transport:
        if self._transport is None:
            raise NoTransportError("a connection fault needs a real server")
        return self._transport

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue


def _response(status: int, body: Any, headers: dict[str, str]) -> tuple[Message, bytes]:
    if body is None:
        content, kind = b"", "text/plain"
    elif isinstance(body, str):
        content, kind = body.encode(), "text/html; charset=utf-8"
    else:
        content, kind = json.dumps(body, ensure_ascii=False).encode(), "application/json; charset=utf-8"
    fields = {"content-type": kind, "content-length": str(len(content)), **headers}
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}, content

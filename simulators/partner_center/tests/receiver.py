"""A receiver of webhooks on a real socket, in the test's own loop."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

DEADLINE = 20.0


@dataclass(frozen=True)
class Post:
    """What came: headers by lower-case name, and the raw body."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """Answers every POST with ``status``."""

    status: int = 200
    posts: list[Post] = field(default_factory=list)
    url: str = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head)}
        self.posts.append(Post(headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async def come(self, number: int) -> list[Post]:
        """Waits until so many have come."""
        until = time.monotonic() + DEADLINE
        while len(self.posts) < number:
            assert time.monotonic() < until, f"{len(self.posts)} of {number} came"
            await asyncio.sleep(0.01)
        return self.posts

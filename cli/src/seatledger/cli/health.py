"""Where the health of the services is asked, and the asking."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from seatledger.runtime.config import Config
    from seatledger.runtime.runfile import RunFile

HTTP_SECONDS = 3.0


def addresses(config: "Config", run: "RunFile | None") -> dict[str, str | None]:
    """Where each service's health is asked: run.json's word, else the configuration's where it names a port."""
    from seatledger.schemas.heads import SERVICES

    if run is not None:
        return {name: service.http for name, service in run.services.items()}
    listens = {name: config.services[name].reached_at or config.services[name].http for name in SERVICES}
    return {name: None if listen.endswith(":0") else listen for name, listen in listens.items()}


@dataclass(frozen=True)
class Reply:
    """A web answer; status 0 where there was none."""

    status: int = 0
    body: bytes = b""


async def fetch(address: str | None, path: str) -> Reply:
    """GET from a service's own health port, ``host:port`` with or without a scheme. Never raises."""
    if address is None:
        return Reply()
    parts = urlsplit(address if "://" in address else f"http://{address}")
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    return await _quietly(_get("127.0.0.1" if host == "0.0.0.0" else host, port, path))  # noqa: S104  # compared only


async def _quietly(get: Awaitable[Reply]) -> Reply:
    try:
        async with asyncio.timeout(HTTP_SECONDS):
            return await get
    except (OSError, TimeoutError, ValueError, IndexError):
        return Reply()


async def _get(host: str, port: int, path: str) -> Reply:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        text = await reader.read()
    finally:
        writer.close()
    top, _, body = text.partition(b"\r\n\r\n")
    return Reply(int(top.split(b" ", 2)[1]), body)

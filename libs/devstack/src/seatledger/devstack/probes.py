"""Do broker and store really answer? An open port proves nothing: both listen before they can serve."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.uri_parser import parse_uri

_POLL_SECONDS = 0.02
_TRY_SECONDS = 2.0
_METADATA, _METADATA_VERSION, _CORRELATION = 3, 1, 7
_CLIENT_ID = b"devstack"
_INTERNAL_ERROR = 1  # what SecantusDB makes of an exception it did not expect


async def broker_answers(address: str) -> bool:
    """Whether a broker at ``host:port`` answers a metadata request (Kafka protocol, Metadata v1) naming a broker.

    Raises OSError when nothing listens. Spoken by hand: a client library logs each refused attempt as an error.
    """
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(_TRY_SECONDS):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(_metadata_request())
            await writer.drain()
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            correlation, brokers = struct.unpack(">ii", (await reader.readexactly(size))[:8])
        except (asyncio.IncompleteReadError, struct.error):
            return False
        finally:
            writer.close()
    return bool(correlation == _CORRELATION and brokers > 0)


async def store_answers(url: str) -> bool:
    """Whether the store at a ``mongodb://`` url answers a ping. Raises OSError when nothing listens."""
    host, port = parse_uri(url)["nodelist"][0]
    async with asyncio.timeout(_TRY_SECONDS):  # the driver alone would wait half a second between its attempts
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
    millis = int(_TRY_SECONDS * 1000)
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(
        url, serverSelectionTimeoutMS=millis, connectTimeoutMS=millis, socketTimeoutMS=millis
    )
    try:
        await client.admin.command("ping")
    except PyMongoError:
        return False
    finally:
        await client.close()
    return True


async def store_has_panicked(client: AsyncMongoClient[dict[str, object]]) -> bool:
    """Whether the embedded store is beyond help: it answers, and fails every write, until it is restarted.

    WiredTiger panics when the disk is full, and SecantusDB lives on with it, answering "internal server error" even
    once there is room again. Only that error counts: a store that is slow, busy or away is none of our business here.
    """
    try:
        await client["devstack"]["probe"].update_one({"_id": 1}, {"$inc": {"n": 1}}, upsert=True)
    except OperationFailure as error:
        return error.code == _INTERNAL_ERROR
    except PyMongoError:
        return False
    return False


async def wait_broker(address: str, timeout: float = 30.0) -> None:  # noqa: ASYNC109  # the caller's one knob
    """Wait until the broker answers. ``timeout`` in seconds; raises TimeoutError."""
    await _wait(lambda: broker_answers(address), timeout)


async def wait_store(url: str, timeout: float = 30.0) -> None:  # noqa: ASYNC109  # the caller's one knob
    """Wait until the store answers. ``timeout`` in seconds; raises TimeoutError."""
    await _wait(lambda: store_answers(url), timeout)


async def _wait(probe: Callable[[], Awaitable[bool]], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await _quietly(probe):  # noqa: ASYNC110  # another process decides when: no event can be awaited
            await asyncio.sleep(_POLL_SECONDS)


async def _quietly(probe: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await probe()
    except OSError:  # refused, or the probe's own time-out: TimeoutError is an OSError
        return False


def _metadata_request() -> bytes:
    no_topics = struct.pack(">i", 0)  # v1: an empty list asks for brokers alone, null for all topics
    header = struct.pack(">hhih", _METADATA, _METADATA_VERSION, _CORRELATION, len(_CLIENT_ID)) + _CLIENT_ID
    return struct.pack(">i", len(header) + len(no_topics)) + header + no_topics

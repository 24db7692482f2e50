"""The command line's way onto the bus: the one place that knows Kafka's client."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from seatledger.cli.errors import CliError, sentence, unreachable, usage
from seatledger.cli.session import open_mongo, store_away
from seatledger.runtime.bus import BusUnavailableError, EventTooLargeError
from seatledger.runtime.kafka_client import Connection, KafkaSink
from seatledger.runtime.store import StoreUnavailableError

if TYPE_CHECKING:
    from seatledger.cli.letters import Met
    from seatledger.cli.session import Session
    from seatledger.runtime.config import Config
    from seatledger.runtime.runfile import Endpoints
    from seatledger.schemas.base import Json
    from seatledger.schemas.documents import Outgoing

GRACE_SECONDS = 20.0
"""How long a command waits for a broker that does not answer: ``up`` brings a dead one back within 5 s."""
_PAUSE_SECONDS = 0.2


async def prepare_bus(endpoints: "Endpoints", config: "Config", *, new_log: bool = False) -> dict[str, bool]:
    """Make and verify the topics, then raise the bus epoch where any was made anew: who reads the new epoch must find
    them. ``new_log`` says that the broker is known to be empty, whatever stands there by now.

    Returns the topics and whether they were created. Exit 2 where one stands otherwise than declared, exit 4 without
    broker or store.
    """
    from seatledger.runtime.epoch import raise_epoch, read_epoch
    from seatledger.runtime.topics import TopicError

    connection(endpoints, config)
    try:
        created = await _applied(endpoints, config)
        store = open_mongo(endpoints, config)
        try:
            # An epoch of 0 with topics there: whoever made them died before raising it.
            if new_log or any(created.values()) or await read_epoch(store) == 0:
                await raise_epoch(store)
        finally:
            await store.close()
    except TopicError as error:
        raise CliError("topics", error.where, sentence(error.what), sentence(error.do)) from error
    except BusUnavailableError as error:
        raise broker_away(endpoints, error) from error
    except StoreUnavailableError as error:
        raise store_away(endpoints, error) from error
    return created


async def _applied(endpoints: "Endpoints", config: "Config") -> dict[str, bool]:
    from seatledger.runtime.topics import apply_topics

    end = time.monotonic() + GRACE_SECONDS
    while True:
        try:
            lines = await apply_topics(endpoints, config)
        except BusUnavailableError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
            continue
        pairs = (line.rpartition(": ") for line in lines)
        return {name: word == "created" for name, _, word in pairs}


class PatientSink:
    """An :class:`~seatledger.runtime.bus.EventSink` that waits for a broker that is just being started again."""

    def __init__(self, connection: Connection) -> None:
        self._sink = KafkaSink(connection)
        self._started = False

    async def publish(self, outgoing: "Iterable[Outgoing]") -> None:
        """Raises :class:`BusUnavailableError` when 20 s of attempts were in vain."""
        events = list(outgoing)
        end = time.monotonic() + GRACE_SECONDS
        while True:
            try:
                if not self._started:
                    await self._sink.start()
                    self._started = True
                return await self._sink.publish(events)
            except BusUnavailableError:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)

    async def stop(self) -> None:
        await self._sink.stop()


@asynccontextmanager
async def open_sink(opened: "Session") -> AsyncIterator[PatientSink]:
    """Where commands are published; exit 4 where no broker answers within 20 s, exit 2 where it refuses the command."""
    sink = PatientSink(connection(opened.endpoints, opened.config))
    try:
        yield sink
    except BusUnavailableError as error:
        raise broker_away(opened.endpoints, error) from error
    except EventTooLargeError as error:
        raise usage("command", sentence(str(error)), "Say it in fewer words") from error
    finally:
        await sink.stop()


async def verified_topics(endpoints: "Endpoints", config: "Config") -> None:
    """Raises :class:`BusUnavailableError` without a broker, TopicError where topics are missing or stand otherwise."""
    from seatledger.runtime.topics import verify_topics

    connection(endpoints, config)
    await verify_topics(endpoints, config)


async def store_answers(endpoints: "Endpoints", config: "Config") -> dict[str, "Json | None"]:
    """What the store says of itself, by command; :class:`StoreUnavailableError` where it says nothing."""
    store = open_mongo(endpoints, config)
    try:
        return {command: await store.ask(command) for command in ("hello", "serverStatus", "getCmdLineOpts")}
    finally:
        await store.close()


async def dead_letters(opened: "Session") -> "list[Met]":
    """Every letter on dead.v1, in the order in which they were written."""
    from seatledger.cli.bus_reading import Span, records
    from seatledger.cli.letters import Met
    from seatledger.schemas.dead import DeadLetter, RecordPlace
    from seatledger.schemas.envelope import UnreadableEventError
    from seatledger.schemas.registry import decode
    from seatledger.schemas.topics import DEAD

    span = Span([DEAD.named(opened.config.topics.prefix)])
    found = []
    async for batch in records(connection(opened.endpoints, opened.config), span):
        for record in batch:
            try:
                event, data = decode(record.value)
            except UnreadableEventError:
                continue
            if isinstance(data, DeadLetter):
                place = RecordPlace(topic=DEAD.name, partition=record.partition, offset=record.offset)
                found.append((record.timestamp, Met(place, event, data)))
    return [met for _, met in sorted(found, key=lambda one: one[0])]


def connection(endpoints: "Endpoints", config: "Config") -> Connection:
    """How to reach the broker; its client's own lines on stderr are of no use to people."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    return Connection.of(endpoints, config)


def broker_away(endpoints: "Endpoints", error: Exception) -> CliError:
    return unreachable(
        f"broker {endpoints.broker}",
        sentence(str(error)) or "no answer",
        "Check that it runs and that broker.url is right, then repeat the command",
    )

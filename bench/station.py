"""The embedded broker and store for the stages, and stages as processes of their own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatledger.devstack import Devstack
from seatledger.runtime.config_file import load_config
from seatledger.runtime.epoch import raise_epoch, read_epoch
from seatledger.runtime.kafka_client import Connection, KafkaSink
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.runfile import ENV_BROKER, ENV_STORE, Endpoints, endpoints
from seatledger.runtime.topics import apply_topics
from seatledger.schemas.documents import Outgoing

PUBLISHED_TOGETHER = 1000
LONGEST = 300.0
"""Seconds for which a stage may be silent."""


class BenchError(Exception):
    """A part of the bench cannot go on."""


@dataclass
class Station:
    """Topics on a broker that is empty at first. ``database``: what the processes started next work on."""

    folder: Path
    addresses: Endpoints
    sink: KafkaSink
    pids: Mapping[str, int]
    """Of "broker" and "store"."""
    epochs: int = 0
    database: str = "seatledger"

    @property
    def configuration(self) -> Path:
        return self.folder / f"{self.database}.yaml"

    def store(self) -> MongoStore:
        return MongoStore(self.addresses.store, self.database)

    async def begin(self, database: str) -> None:
        """A database, and an epoch that no group has read yet: the topics are read from their beginning."""
        self.database, self.epochs = database, self.epochs + 1
        self.configuration.write_text(json.dumps(configuration(database)))
        store = self.store()
        while await read_epoch(store) < self.epochs:
            await raise_epoch(store)
        await store.close()

    async def fill(self, outgoing: Iterable[Outgoing]) -> None:
        """Publish the load."""
        waiting: list[Outgoing] = []
        for item in outgoing:
            waiting.append(item)
            if len(waiting) == PUBLISHED_TOGETHER:
                await self.sink.publish(waiting)
                waiting = []
        await self.sink.publish(waiting)

    @asynccontextmanager
    async def stage(self, kind: str, *words: str) -> AsyncIterator["Stage"]:
        """A stage (:mod:`bench.worker`) until the block ends."""
        command = [sys.executable, "-m", "bench.worker", kind, str(self.configuration), *words]
        with (self.folder / "stages.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=log)
        try:
            yield Stage(process, self.folder / "stages.log")
        finally:
            if process.returncode is None:
                process.terminate()
                await process.communicate()


@dataclass
class Stage:
    """A running stage; it says a line of JSON whenever it has something to tell."""

    process: asyncio.subprocess.Process
    log: Path

    async def says(self, field: str) -> dict[str, Any]:
        """Its next line that has this field."""
        while True:
            line = await self._line()
            if field in line:
                return line

    async def _line(self) -> dict[str, Any]:
        stdout = self.process.stdout
        raw = b"" if stdout is None else await asyncio.wait_for(stdout.readline(), LONGEST)
        if not raw:
            raise BenchError(f"a stage ended: {self.log.read_text()[-1500:]}")
        found: dict[str, Any] = json.loads(raw)
        return found


@asynccontextmanager
async def station(folder: Path) -> AsyncIterator[Station]:
    """Broker, store and topics below ``folder``."""
    async with Devstack(folder / "st", quick_stop=True) as stack:
        os.environ[ENV_BROKER], os.environ[ENV_STORE] = stack.addresses.broker, stack.addresses.store
        path = folder / "seatledger.yaml"
        path.write_text(json.dumps(configuration("seatledger")))
        config = load_config(path)
        addresses = endpoints(config)
        await apply_topics(addresses, config)
        sink = KafkaSink(Connection.of(addresses, config))
        await sink.start()
        try:
            yield Station(folder, addresses, sink, stack.pids())
        finally:
            await sink.stop()
            del os.environ[ENV_BROKER], os.environ[ENV_STORE]


def configuration(database: str) -> dict[str, Any]:
    """What stands in seatledger.yaml; no stage calls Autotask."""
    psa = {
        "kind": "autotask", "url": "http://127.0.0.1:1", "username": "bench", "secret": "${env:PATH}",
        "integration_code": "${env:PATH}", "timezone": "UTC", "currency": "EUR", "mode": "auto", "first_link": "auto",
        "settle_for_seconds": 0,
    }  # fmt: skip
    sources = {"north": {"kind": "file-drop", "psa": "main", "folder": "drop"}}
    return {"store": {"database": database}, "psa": {"main": psa}, "sources": sources}

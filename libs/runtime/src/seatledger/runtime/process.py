"""One service process from its start to its graceful stop: the wiring that every service shares."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from seatledger.runtime.backoff import pause
from seatledger.runtime.bus import BusUnavailableError
from seatledger.runtime.clock import SystemMachine
from seatledger.runtime.commands import CommandDocument, Commands, SayAgain
from seatledger.runtime.config import Config
from seatledger.runtime.dead_ignore import IgnoreDeadLetters
from seatledger.runtime.dead_retry import RetryDeadLetters
from seatledger.runtime.findings_store import CountFindings, FindingDocument, StoredFindings
from seatledger.runtime.health import HealthServer, Readiness
from seatledger.runtime.kafka_client import Connection, KafkaSink
from seatledger.runtime.kafka_letters import KafkaLetters
from seatledger.runtime.leases import StoreLease
from seatledger.runtime.loops import LoopRunner
from seatledger.runtime.metrics import FIGURES_SECONDS, Metrics
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.outbox import Outboxes
from seatledger.runtime.runfile import Endpoints
from seatledger.runtime.service import Build, Loop, Parts, Runtime
from seatledger.runtime.session import BusSession
from seatledger.runtime.store import StoreUnavailableError
from seatledger.runtime.tasks import end_tasks
from seatledger.runtime.topics import TopicsMissingError, verify_topics
from seatledger.schemas.commands import IgnoreDead, RetryDead
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.topics import TOPICS

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

START_SECONDS: Final = 60.0
"""Broker, store and topics may just be coming back."""
STOP_SECONDS: Final = 3.0
"""For each step of a stop; all steps together stay below 10 s."""


class Process:
    """A service with all it is made of. ``run`` returns after ``stopping`` was set."""

    def __init__(
        self,
        name: str,
        build: Build,
        config: Config,
        endpoints: Endpoints,
        *,
        replica: str,
        log: "FilteringBoundLogger",
    ) -> None:
        self.stopping = asyncio.Event()
        self.http = ""
        self._name = name
        self._build = build
        self._config = config
        self._endpoints = endpoints
        self._replica = replica
        self._log = log
        self._machine = SystemMachine()
        self._calendar = config.calendar()
        self._metrics = Metrics()
        self.readiness = Readiness(self._machine, self._metrics)
        self._store = MongoStore(
            endpoints.store,
            config.store.database,
            access=config.store.driver_options(),
            observe=lambda verb, s: self._metrics.store_seconds.labels(verb).observe(s),
        )
        self._connection = Connection.of(endpoints, config)
        self._sink = KafkaSink(self._connection)
        self._outboxes = Outboxes(self._store, self._sink, self._machine, self._metrics, log)
        self._leases: list[StoreLease] = []
        self._tasks: list[asyncio.Task[Any]] = []

    async def run(self) -> None:
        """Start, tell it on stdout once joined, work until told to stop, and stop.

        Raises :class:`StoreUnavailableError`, :class:`BusUnavailableError` or
        :class:`~seatledger.runtime.topics.TopicError` where it cannot start within 60 s.
        """
        async with contextlib.AsyncExitStack() as closing:
            closing.push_async_callback(self._store.close)
            await self._reach("store", self._store.ping)
            closing.push_async_callback(self._sink.stop)
            await self._reach("broker", self._sink.start)
            await self._reach("topics", lambda: verify_topics(self._endpoints, self._config))
            health = self._health()
            closing.push_async_callback(health.stop)
            await self._work(health, closing)

    async def _work(self, health: HealthServer, closing: contextlib.AsyncExitStack) -> None:
        findings, commands = self._findings(), self._commands()
        bus = self._session(findings)
        await findings.prepare()
        parts = await self._build(self._runtime(findings))
        say_again = _everything(parts.say_again, findings)
        retry, ignore = self._retry_dead(findings), self._ignore_dead(findings)
        commands.use({**parts.commands, RetryDead: retry, IgnoreDead: ignore}, say_again)
        bus.use([*parts.subscriptions, commands.subscription], say_again)
        counting = Loop("findings", CountFindings(findings, self._metrics), every=FIGURES_SECONDS)
        loops = (*parts.loops, counting)
        runners = [LoopRunner(loop, self._machine, self._metrics, self._log) for loop in loops]
        self._watch(parts, bus, runners)
        self._outboxes.start()
        await commands.resume()
        self._tasks = [asyncio.create_task(run()) for run in (bus.run, self.readiness.run, *(r.run for r in runners))]
        closing.push_async_callback(self._stop, parts, commands, bus)
        health.serve(parts.routes)
        await self._until_told(bus, health)

    async def _until_told(self, bus: BusSession, health: HealthServer) -> None:
        told = asyncio.create_task(self.stopping.wait())
        joined = asyncio.create_task(bus.joined.wait())
        await asyncio.wait((told, joined), return_when=asyncio.FIRST_COMPLETED)
        joined.cancel()
        if not told.done():
            self.http = health.address
            await self.readiness.look()
            self._log.info("ready", http=self.http)
            line = {"ready": True, "service": self._name, "http": self.http, "pid": os.getpid()}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
        await told

    async def _stop(self, parts: Parts, commands: Commands, bus: BusSession) -> None:
        """Finish batches and commit, end loops and commands, release leases, flush outboxes; each step bounded."""
        self._log.info("stopping")
        steps: list[tuple[str, Callable[[], Awaitable[Any]]]] = [
            ("loops", lambda: end_tasks(self._tasks)),
            ("subscriptions", bus.stop),
            ("commands", commands.stop),
            ("service", parts.close or _nothing),
            ("leases", lambda: asyncio.gather(*(lease.release() for lease in self._leases), return_exceptions=True)),
            ("outboxes", self._outboxes.stop),
        ]
        for name, step in steps:
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await step()
            except Exception as error:
                self._log.warning("stop is cut short", step=name, error=repr(error))
        self._log.info("stopped")

    async def _reach(self, what: str, call: Callable[[], Awaitable[None]]) -> None:
        end, failures = self._machine.seconds() + START_SECONDS, 0
        while True:
            try:
                return await call()
            except (StoreUnavailableError, BusUnavailableError, TopicsMissingError) as error:
                failures += 1
                if self._machine.seconds() > end or self.stopping.is_set():
                    raise
                self._log.info("waiting", what=what, error=str(error))
                await self._machine.sleep(pause(failures, cap=1.0))

    def _watch(self, parts: Parts, bus: BusSession, runners: list[LoopRunner]) -> None:
        self.readiness.add("store", self._store_check)
        self.readiness.add("broker", self._sink.check)
        self.readiness.add("bus", bus.check)
        self.readiness.add("outbox", self._outboxes.check)
        for runner in runners:
            self.readiness.add(f"loop {runner.name}", runner.check)
        if parts.unready is not None:
            unready = parts.unready

            async def ask() -> str | None:
                return unready()

            self.readiness.add("service", ask)

    async def _store_check(self) -> str | None:
        try:
            await self._store.ping()
        except StoreUnavailableError as error:
            return str(error)
        return None

    def _health(self) -> HealthServer:
        server = HealthServer(
            self._config.services[self._name].http,
            service=self._name,
            replica=self._replica,
            readiness=self.readiness,
            metrics=self._metrics,
            log=self._log,
        )
        server.start()
        return server

    def _findings(self) -> StoredFindings:
        documents = self._outboxes.documents(f"findings_{self._name}", FindingDocument)
        return StoredFindings(self._name, documents, self._calendar)

    def _commands(self) -> Commands:
        return Commands(
            self._name,
            self._outboxes.documents(f"commands_{self._name}", CommandDocument),
            sink=self._sink,
            calendar=self._calendar,
            machine=self._machine,
            metrics=self._metrics,
            log=self._log,
        )

    def _retry_dead(self, findings: StoredFindings) -> RetryDeadLetters:
        return RetryDeadLetters(
            self._name,
            KafkaLetters(self._connection),
            self._sink,
            findings,
            self._store.collection(f"findings_{self._name}"),
            frozenset(topic.named(self._connection.prefix) for topic in TOPICS),
        )

    def _ignore_dead(self, findings: StoredFindings) -> IgnoreDeadLetters:
        return IgnoreDeadLetters(findings, self._store.collection(f"findings_{self._name}"))

    def _session(self, findings: StoredFindings) -> BusSession:
        return BusSession(
            self._name,
            connection=self._connection,
            store=self._store,
            sink=self._sink,
            findings=findings,
            calendar=self._calendar,
            machine=self._machine,
            metrics=self._metrics,
            log=self._log,
        )

    def _lease(self, name: str, *, length: float) -> StoreLease:
        lease = StoreLease(
            self._store, f"leases_{self._name}", name, length=length, replica=self._replica, machine=self._machine
        )
        self._leases.append(lease)
        return lease

    def _runtime(self, findings: StoredFindings) -> Runtime:
        return Runtime(
            name=self._name,
            replica=self._replica,
            config=self._config,
            store=self._store,
            sink=self._sink,
            calendar=self._calendar,
            machine=self._machine,
            log=self._log,
            metrics=self._metrics,
            findings=findings,
            documents=self._outboxes.documents,
            lease=self._lease,
        )


def _everything(of_service: SayAgain | None, findings: StoredFindings) -> SayAgain:
    async def say() -> AsyncIterator[Outgoing]:
        if of_service is not None:
            async for outgoing in of_service():
                yield outgoing
        async for outgoing in findings.say_again():
            yield outgoing

    return say


async def _nothing() -> None:
    return None

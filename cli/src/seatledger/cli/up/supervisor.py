"""``seatledger up``: broker, store and services as one tree of processes that lives and ends with this one."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from seatledger.cli.context import Context
from seatledger.cli.errors import CliError, Exit
from seatledger.cli.session import open_mongo
from seatledger.cli.up.departed import refuse_departed
from seatledger.cli.up.lock import UpLock
from seatledger.cli.up.plan import Member
from seatledger.cli.up.process import ServiceProcess, Start, UnusableError
from seatledger.cli.up.stack import Stack
from seatledger.cli.wiring import prepare_bus
from seatledger.runtime.runfile import RunFile, ServiceRun, children_environment

if TYPE_CHECKING:
    from seatledger.runtime.config import Config
    from seatledger.runtime.runfile import Endpoints


WRITE_AGAIN_SECONDS = 2.0


class UpFile(RunFile):
    """run.json with the processes of the embedded stack beside the services."""

    stack: dict[str, ServiceRun] = {}


class Supervisor:
    """One ``up``. One event loop on the main thread: children end with the thread that forked them."""

    def __init__(self, context: Context, config: "Config", members: Sequence[Member]) -> None:
        self._context = context
        self._config = config
        self._members = members
        self._stack = Stack(config, on_change=self._write, say=self._say, refill=self._refill)
        self._endpoints: Endpoints | None = None
        self._services: list[ServiceProcess] = []
        self._told = False
        self._ending = False
        self._unwritten = False

    async def run(self) -> int:
        """Until a signal ends it (exit 0), or something that trying again cannot mend (exit 2 or 4)."""
        lock = UpLock(self._config.state_dir)
        work = asyncio.ensure_future(self._work())
        _on_signals(work.cancel)
        try:
            await work
        except asyncio.CancelledError:
            self._say("stopping")
        finally:
            await self._end()
            lock.release()
        return Exit.DONE

    async def _work(self) -> None:
        self._endpoints = await self._stack.start()
        self._say(f"broker {self._endpoints.broker}, logs in {self._config.state_dir / 'logs'}")
        self._write()
        await self._prepare()
        self._services = [
            ServiceProcess(member, self._start(self._endpoints), self._write, self._say) for member in self._members
        ]
        await self._together(self._stack.supervise(), *(service.keep() for service in self._services))

    async def _prepare(self) -> None:
        """Topics first, then the epoch: who reads the new epoch must find the topics."""
        endpoints = self._known_endpoints()
        await prepare_bus(endpoints, self._config, new_log=self._config.broker.url is None)
        store = open_mongo(endpoints, self._config)
        try:
            await refuse_departed(store, self._config)
        finally:
            await store.close()

    async def _refill(self) -> None:
        """The embedded broker came back empty."""
        await prepare_bus(self._known_endpoints(), self._config, new_log=True)

    def _known_endpoints(self) -> "Endpoints":
        if self._endpoints is None:
            raise RuntimeError("the stack was not started")
        return self._endpoints

    def _start(self, endpoints: "Endpoints") -> Start:
        env = children_environment(self._config, endpoints)
        return Start(self._context.config.absolute(), env, self._config.state_dir / "logs")

    async def _together(self, *works: Coroutine[Any, Any, None]) -> None:
        """All at once until the first fails; what it says is what ``up`` ends with."""
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            for done in asyncio.as_completed(tasks):
                await done
            await asyncio.Event().wait()
        except UnusableError as error:
            where, _, rest = str(error).partition(": ")
            what, _, do = rest.rstrip(".").partition(". ")
            raise CliError("service", where, what or "it refuses to start", do or "See its log") from error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self) -> None:
        """Services first, so that they can store and say what they have under way; then broker and store."""
        self._ending = True
        await asyncio.gather(*(service.stop() for service in self._services), return_exceptions=True)
        await self._stack.stop()
        if self._endpoints is not None:
            RunFile.path(self._config.state_dir).unlink(missing_ok=True)

    def _write(self) -> None:
        """run.json as things stand, and one word when all are ready for the first time."""
        if self._endpoints is None or self._ending:
            return
        document = self._document(self._endpoints)
        try:
            document.write(self._config.state_dir)
        except OSError as error:  # a full disk is no reason to end the services: it is written once there is room
            if not self._unwritten:
                self._say(f"run.json cannot be written: {error.strerror or error}; trying again")
            self._unwritten = True
            asyncio.get_running_loop().call_later(WRITE_AGAIN_SECONDS, self._write)
        else:
            self._unwritten = False
        if document.ready and not self._told:
            self._told = True
            self._say(f"ready: {len(self._services)} services. Ctrl-C stops all")
            if self._context.json:
                self._context.document(document.model_dump(mode="json"))

    def _document(self, endpoints: "Endpoints") -> UpFile:
        pids, restarts = self._stack.pids(), self._stack.restarts()
        return UpFile(
            ready=bool(self._services) and self._stack.up and all(service.ready for service in self._services),
            pid=os.getpid(),
            broker=endpoints.broker,
            store=endpoints.store if self._config.store.url is None else endpoints.store_host,
            services={service.member.name: service.entry for service in self._services},
            stack={name: ServiceRun(pid=pids.get(name), restarts=number) for name, number in restarts.items()},
        )

    def _say(self, text: str) -> None:
        if self._context.json:
            self._context.note(text)
        else:
            self._context.console.print(text, soft_wrap=True)


def _on_signals(stop: Callable[[], object]) -> None:
    """Ctrl-C and SIGTERM ask for an orderly end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with suppress(ValueError):
            loop.add_signal_handler(number, stop)

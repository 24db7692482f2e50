"""Broker and store as one: started, watched, brought back, stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from seatledger.devstack import broker, store
from seatledger.devstack.child import Child, ChildSpec
from seatledger.devstack.errors import ChildFailed
from seatledger.devstack.events import DevstackEvent, EventKind, Listener, ignore
from seatledger.devstack.folder import FolderLock, take_folder
from seatledger.devstack.kafka import kafka_home, kafka_spec
from seatledger.devstack.ports import PortLease
from seatledger.devstack.watch import watch_store
from seatledger.devstack.wheels import check_supported

OnBrokerLost = Callable[[], Awaitable[None]]
"""Called after the broker was brought back empty: make the topics first, then raise the bus epoch.

Called again after it raised, and after the next loss even in the middle of its work (it is cancelled then): topics that
exist already are no error, and an epoch raised once too often does no harm.
"""

_FIRST_START_ATTEMPTS = 3
_HOOK_PAUSES = (0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Addresses:
    """Where clients connect; the same for the life of the stack."""

    broker: str
    """``127.0.0.1:PORT``"""
    store: str
    """``mongodb://127.0.0.1:PORT/?...`` with majority, journaled writes as its default; names no database"""


class Devstack:
    """The embedded stack on one state folder. One event loop; not for production.

    ``start`` then ``supervise`` (as a task) then ``stop``; also ``async with``, which supervises in the background. The
    first start does not call ``on_broker_lost``: whoever starts a stack makes topics and raises the epoch anyhow.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        on_event: Listener | None = None,
        on_broker_lost: OnBrokerLost | None = None,
        quick_stop: bool = False,
    ) -> None:
        """``quick_stop`` saves 2 s a stop where many stacks are made; acknowledged writes are kept all the same."""
        self._state_dir = state_dir.absolute()
        self._on_event = on_event or ignore
        self._on_broker_lost = on_broker_lost
        self._quick_stop = quick_stop
        self._lock: FolderLock | None = None
        self._leases: list[PortLease] = []
        self._children: dict[str, Child] = {}
        self._addresses: Addresses | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> Addresses:
        """Where the started stack is. Raises RuntimeError before ``start``."""
        if self._addresses is None:
            raise RuntimeError("the stack was not started")
        return self._addresses

    @property
    def restarts(self) -> dict[str, int]:
        """How often "broker" and "store" were brought back."""
        return {name: child.restarts for name, child in self._children.items()}

    def pids(self) -> dict[str, int]:
        """Process ids of "broker" and "store"; one that is down at the moment is absent."""
        return {name: child.pid for name, child in self._children.items() if child.pid is not None}

    async def start(self) -> Addresses:
        """Start both and wait until both answer (about a second).

        Raises DevstackUnsupported, DevstackBusy (another stack on this folder) or DevstackError (folder, disk, a
        program that does not come up), each with one line that says what to do; nothing is left running then.
        """
        check_supported()
        self._lock = take_folder(self._state_dir)
        try:
            self._addresses = await self._start_children()
        except BaseException:
            await self.stop()
            raise
        return self._addresses

    async def supervise(self) -> None:
        """Bring back what dies, and call the hook when the broker did. Runs until cancelled or stopped."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._children[store.NAME].keep())
            group.create_task(watch_store(self._children[store.NAME], self._state_dir, self.addresses.store))
            group.create_task(self._keep_broker(self._children[broker.NAME]))

    async def stop(self) -> None:
        """Stop both (SIGTERM, then SIGKILL), free ports and folder. Safe to call twice, and after a failed start."""
        await _cancel(self._supervisor)
        self._supervisor = None
        try:
            await asyncio.gather(*(child.stop() for child in self._children.values()))
        finally:
            for lease in self._leases:
                lease.release()
            self._leases.clear()
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    async def __aenter__(self) -> Devstack:
        await self.start()
        self._supervisor = asyncio.create_task(self.supervise())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _start_children(self) -> Addresses:
        broker_port, store_port = self._port(), self._port()
        self._children = {
            broker.NAME: self._child(self._broker(broker_port)),
            store.NAME: self._child(store.store_spec(self._state_dir, store_port, quick_stop=self._quick_stop)),
        }
        await _all_or_first_error([_start_stubbornly(child) for child in self._children.values()])
        return Addresses(broker.broker_address(broker_port), store.store_url(store_port))

    def _broker(self, port: int) -> ChildSpec:
        if home := kafka_home():
            return kafka_spec(home, self._state_dir, port, controller_port=self._port())
        return broker.broker_spec(self._state_dir, port)

    def _port(self) -> int:
        lease = PortLease()
        self._leases.append(lease)
        return lease.port

    def _child(self, spec: ChildSpec) -> Child:
        return Child(spec, on_event=self._on_event)

    async def _keep_broker(self, child: Child) -> None:
        """Like ``Child.keep``; between a restart and the next death the hook runs to its end."""
        recovery: asyncio.Task[None] | None = None
        try:
            while await child.died():
                await _cancel(recovery)  # it was filling a broker that is gone
                await child.restart()
                recovery = asyncio.create_task(self._recover())
        finally:
            await _cancel(recovery)

    async def _recover(self) -> None:
        """Call the hook until it succeeds: while topics are missing or the epoch is old, services stand still."""
        attempt = 0
        while self._on_broker_lost is not None:
            try:
                await self._on_broker_lost()
            except Exception as error:
                self._tell(EventKind.RECOVERY_FAILED, f"{type(error).__name__}: {error}")
                await asyncio.sleep(_HOOK_PAUSES[min(attempt, len(_HOOK_PAUSES) - 1)])
                attempt += 1
            else:
                self._tell(EventKind.RECOVERED)
                return

    def _tell(self, kind: EventKind, detail: str = "") -> None:
        self._on_event(DevstackEvent(kind, broker.NAME, self._children[broker.NAME].pid, detail))


async def _start_stubbornly(child: Child) -> None:
    """The store of a stack that was killed a moment ago may hold its files for some milliseconds more."""
    for _ in range(_FIRST_START_ATTEMPTS - 1):
        try:
            return await child.start()
        except ChildFailed:
            continue
    return await child.start()


async def _all_or_first_error(starts: list[Awaitable[None]]) -> None:
    """Like ``asyncio.gather``, but waits for the others' end, so that no process appears after the clean-up."""
    for result in await asyncio.gather(*starts, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

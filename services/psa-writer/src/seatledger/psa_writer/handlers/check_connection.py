"""``check``: asks whoever holds the lease to try a connection, and waits for what came of it.

The command may arrive at any replica; only the holder of the lease may call Autotask, so that at most three calls are
in flight at an endpoint. As with ``mirror``, a number goes up in the store and the holder follows it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from seatledger.runtime.clock import MachineClock
from seatledger.runtime.lease import Lease
from seatledger.runtime.service import Answer
from seatledger.runtime.store import Documents
from seatledger.schemas.commands import Check, CommandIssued
from seatledger.schemas.documents import Document
from seatledger.schemas.ids import ConnectionName

CHECKS = "psa_checks"
LOOK = 0.1
LONGEST = 60.0


class Prober(Protocol):
    """Tries what a connection needs."""

    async def checks(self) -> Sequence[Check]:
        """One for each thing that was tried. Writes nothing and raises nothing; texts hold no secret."""


class CheckDocument(Document):
    """A row of ``psa_checks`` (id = connection): how often it was asked for, and the answer to the last time."""

    connection: ConnectionName
    asked: int = 0
    answered: int = 0
    checks: tuple[Check, ...] = ()


@dataclass
class CheckLoop:
    """One connection's, on each replica."""

    connection: ConnectionName
    prober: Prober
    documents: Documents[CheckDocument]
    lease: Lease

    async def run(self) -> None:
        """Try it once for all who asked until now."""
        if not self.lease.held():
            return
        wanted = await self.documents.get(self.connection)
        if wanted is None or wanted.answered >= wanted.asked:
            return
        checks = tuple(await self.prober.checks())

        def answer(current: CheckDocument | None) -> CheckDocument | None:
            if current is None or current.answered >= wanted.asked:
                return None
            return current.model_copy(update={"answered": wanted.asked, "checks": checks})

        await self.documents.change(self.connection, answer)


@dataclass
class CheckHandler:
    """The command."""

    connections: Sequence[ConnectionName]
    documents: Documents[CheckDocument]
    machine: MachineClock

    async def handle(self, command: CommandIssued) -> Answer:
        """``{"checks": [Check, …]}``; *no* where one is red."""
        wanted = [command.connection] if command.connection else list(self.connections)
        unknown = [name for name in wanted if name not in self.connections]
        if unknown:
            return Answer(ok=False, message=f"psa {unknown[0]} is not in this configuration")
        asked: Mapping[ConnectionName, int] = {name: await self._ask(name) for name in wanted}
        checks = [check for name, number in asked.items() for check in await self._answer(name, number)]
        rows = [check.model_dump(mode="json") for check in checks]
        return Answer(ok=all(check.ok for check in checks), result={"checks": rows})

    async def _ask(self, name: ConnectionName) -> int:
        def decide(current: CheckDocument | None) -> CheckDocument:
            before = current or CheckDocument(id=name, connection=name)
            return before.model_copy(update={"asked": before.asked + 1})

        after = await self.documents.change(name, decide)
        return after.asked if after else 0

    async def _answer(self, name: ConnectionName, asked: int) -> Sequence[Check]:
        until = self.machine.seconds() + LONGEST
        while self.machine.seconds() < until:
            current = await self.documents.get(name)
            if current is not None and current.answered >= asked:
                return current.checks
            await self.machine.sleep(LOOK)
        what = f"no replica of the PSA writer tried it within {LONGEST:.0f} s"
        return [Check(name=f"psa {name}", ok=False, message=what, do="Look at the PSA writer's readiness and its log")]

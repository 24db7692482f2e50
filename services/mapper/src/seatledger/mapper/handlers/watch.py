"""The loop that notices a new mirror, a new local day, a changed configuration (at the start), and findings due."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from seatledger.mapper.domain.basis import SourceRule
from seatledger.mapper.domain.directory import Directory
from seatledger.mapper.domain.watching import Watch
from seatledger.mapper.handlers.report import Reporter
from seatledger.mapper.handlers.settle import Settler
from seatledger.mapper.ports import Days, Mirror, Repository
from seatledger.runtime.clock import MachineClock
from seatledger.schemas.ids import ConnectionName, SourceName

SWEEP_SECONDS = 60.0
"""What a lost race between two replicas left wrong in the findings is put right this often."""


@dataclass
class Watcher:
    """Keeps one ``mapper_watch`` row a connection, which ``drain`` compares with the mirror and the day.

    The configuration is read once a process, so the first round decides everything.
    """

    repository: Repository
    settler: Settler
    reporter: Reporter
    mirror: Mirror
    days: Days
    machine: MachineClock
    rules: Mapping[SourceName, SourceRule]
    connections: frozenset[ConnectionName]
    seen: dict[ConnectionName, Watch] = field(default_factory=dict)
    directories: dict[ConnectionName, Directory] = field(default_factory=dict)
    swept_at: float | None = None

    async def open(self) -> None:
        """Before anything is handled: what an earlier process looked at does not count under this configuration."""
        for connection in sorted(self.connections):
            await self.repository.watches.change(connection, _unseen(connection))

    async def __call__(self) -> None:
        if self.swept_at is None:
            await self._first_round()
        generations = await self.mirror.generations()
        for connection in sorted(self.connections):
            await self._look(connection, generations.get(connection, 0))
        await self.reporter.catch_up()
        if self.swept_at is None or self.machine.seconds() - self.swept_at >= SWEEP_SECONDS:
            await self._report(self.rules)
            self.swept_at = self.machine.seconds()

    async def _first_round(self) -> None:
        """Everything under this configuration, the accounts that are no longer in it included."""
        for connection in sorted(self.connections):
            self.directories[connection] = await self.mirror.directory(connection)
        await self.settler.settle(await self.repository.everything())
        await self._report(await self.repository.sources())

    async def _report(self, sources: Iterable[SourceName]) -> None:
        await self.reporter.unmapped(sources)
        await self.reporter.targets(sources)

    async def _look(self, connection: ConnectionName, generation: int) -> None:
        seen, today = self.seen.get(connection), self.days.today(connection)
        if seen is not None and (seen.generation, seen.decided_for) == (generation, today):
            return
        await self._names(connection)
        if seen is None or seen.decided_for != today:
            await self._expiries(connection, today)
        await self._report(self._sources(connection))
        self.seen[connection] = await self._noted(connection, generation, today)

    async def _names(self, connection: ConnectionName) -> None:
        """Automatic mapping is decided anew where a name, type or activity changed, not with each equal mirror."""
        directory = await self.mirror.directory(connection)
        before = self.directories.get(connection)
        if before is None or not directory.same_names(before):
            await self.settler.settle(await self.repository.on_connection(connection))
        self.directories[connection] = directory

    async def _expiries(self, connection: ConnectionName, today: date) -> None:
        """What an ignore kept out counts as unmapped from the day after its last one."""
        sources = self._sources(connection)
        expired = [row for row in await self.repository.expired(today) if row.source in sources]
        await self.settler.settle(await self.repository.touched_by(expired))

    async def _noted(self, connection: ConnectionName, generation: int, today: date) -> Watch:
        fields = {"generation": generation, "decided_for": today}
        noted = await self.repository.watches.change(
            connection, lambda found: (found or Watch(id=connection)).model_copy(update=fields)
        )
        return noted or Watch(id=connection, generation=generation, decided_for=today)

    def _sources(self, connection: ConnectionName) -> list[SourceName]:
        return [source for source, rule in self.rules.items() if rule.connection == connection]


def _unseen(connection: ConnectionName) -> Callable[[Watch | None], Watch]:
    return lambda found: (found or Watch(id=connection)).model_copy(update={"decided_for": None})

"""What the writer's gauges show, read from the store: the same on each replica."""

from collections.abc import Mapping
from dataclasses import dataclass

from seatledger.runtime.clock import MachineClock
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import Documents
from seatledger.schemas.book import LineBook, OpenState
from seatledger.schemas.ids import ConnectionName
from seatledger.schemas.mirror import MirrorState
from seatledger.schemas.quota import QuotaUse


@dataclass(frozen=True)
class Figures:
    """A loop's round over the configured connections. ``budgets`` are calls an hour."""

    budgets: Mapping[ConnectionName, int]
    books: Documents[LineBook]
    uses: Documents[QuotaUse]
    mirrors: Documents[MirrorState]
    machine: MachineClock
    metrics: Metrics

    async def __call__(self) -> None:
        uses, mirrors = await self.uses.get_many(list(self.budgets)), await self.mirrors.get_many(list(self.budgets))
        for name, budget in self.budgets.items():
            use, mirror = uses.get(name), mirrors.get(name)
            mirrored = None if mirror is None else mirror.mirrored_at
            self.metrics.psa_budget.labels(name).set(budget)
            self.metrics.psa_budget_used.labels(name).set(0 if use is None else use.last_hour(self.machine.now()))
            self.metrics.mirrored.labels(name).set(0 if mirrored is None else mirrored.timestamp())
            await self._open(name)

    async def _open(self, name: ConnectionName) -> None:
        for state in OpenState:
            where = {"at.connection": name, "open.state": state.value}
            self.metrics.open_intents.labels(name, state.value).set(await self.books.collection.count(where))

"""When companies are planned: dirty ones each second, all of them on a new local day and under a new mirror, and each
minute those that wait for something that no event announces (kernel.md section 8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from seatledger.contract_planner.domain.state import CompanyDocument
from seatledger.contract_planner.handlers.planner import Planner
from seatledger.runtime.store import Documents
from seatledger.schemas.documents import Document
from seatledger.schemas.ids import ConnectionName

ROUND = 500
"""Companies of one kind taken in one round."""
SWEEP_SECONDS = 60.0


class Watch(Document):
    """A row of ``planner_watch`` (id = connection): all its companies were planned under this mirror since start."""

    generation: int = -1


@dataclass
class PlanningLoop:
    """One round a call; handlers that make a company dirty wake it."""

    planner: Planner
    watches: Documents[Watch]
    _days: dict[ConnectionName, date] = field(default_factory=dict)
    _generations: dict[ConnectionName, int] = field(default_factory=dict)
    _swept_at: float = 0.0

    async def open(self) -> None:
        """Before the first round: nothing counts as planned under any mirror, for the policy may have changed."""
        for connection in self.planner.policies:
            await self.watches.change(connection, partial(_unseen, connection))
        self._swept_at = self.planner.machine.seconds()

    async def __call__(self) -> None:
        await self._plan_where({"dirty": True})
        await self.planner.plan(self.planner.quiet.ripe(self.planner.machine.seconds()))
        await self._new_days()
        await self._new_mirrors()
        await self._sweep()

    async def _plan_where(self, where: Mapping[str, object]) -> bool:
        """Plans what matches; whether that was all of it."""
        found = await self.planner.companies.collection.find(where, fields=["_id"], limit=ROUND)
        await self.planner.plan([row["_id"] for row in found])
        return len(found) < ROUND

    async def _new_days(self) -> None:
        for connection, policy in self.planner.policies.items():
            today = self.planner.calendar.today(policy.zone)
            if self._days.get(connection) == today:
                continue
            where = {"connection": connection, "planned_for": {"$ne": today.isoformat()}}
            if await self._plan_where(where):
                self._days[connection] = today

    async def _new_mirrors(self) -> None:
        """Every company under each new mirror, and once after each start."""
        mirrors = await self.planner.reading.mirrors()
        for connection in self.planner.policies:
            state = mirrors.get(connection)
            generation = 0 if state is None else state.generation
            if self._generations.get(connection) == generation:
                continue
            await self.planner.plan(await self._companies({"connection": connection}))
            await self.watches.change(connection, partial(_seen, generation))
            self._generations[connection] = generation

    async def _sweep(self) -> None:
        now = self.planner.machine.seconds()
        if now - self._swept_at < SWEEP_SECONDS:
            return
        self._swept_at = now
        waiting = [await self._companies(where) for where in ({"restless": True}, {"unanswered": {"$gt": 0}})]
        await self.planner.plan(sorted({company for found in waiting for company in found}))

    async def _companies(self, where: Mapping[str, object]) -> Sequence[str]:
        return [row["_id"] for row in await self.planner.companies.collection.find(where, fields=["_id"])]


def _unseen(connection: ConnectionName, found: Watch | None) -> Watch:
    return (found or Watch(id=connection)).model_copy(update={"generation": -1})


def _seen(generation: int, found: Watch | None) -> Watch | None:
    return None if found is None else found.model_copy(update={"generation": generation})


async def prepare(companies: Documents[CompanyDocument]) -> None:
    """Indexes for the questions that a round asks."""
    for name in ("dirty", "connection", "planned_for", "restless", "unanswered"):
        await companies.collection.ensure_index(name)

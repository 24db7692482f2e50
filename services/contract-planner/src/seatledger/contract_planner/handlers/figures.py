"""What the planner's gauges show, read from the store: the same on each replica."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.state import CompanyDocument
from seatledger.runtime.clock import BusinessClock
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import Documents, Where
from seatledger.schemas.base import Json
from seatledger.schemas.planning import ItemState, PlanDocument, PlanState

OLDEST: Final = 500
"""Approved plans looked at for a wish that could go out: the oldest."""
PROMISED: Final = (PlanState.APPROVED, PlanState.EXECUTING)
WAITING: Final[dict[str, Where]] = {"dirty": {"dirty": True}, "unanswered": {"unanswered": {"$gt": 0}}}


@dataclass(frozen=True)
class Figures:
    """A loop's round over the configured connections."""

    policies: Sequence[Policy]
    companies: Documents[CompanyDocument]
    plans: Documents[PlanDocument]
    calendar: BusinessClock
    metrics: Metrics

    async def prepare(self) -> None:
        await self.plans.collection.ensure_index("connection", "state", "created_at")

    async def __call__(self) -> None:
        for state, where in WAITING.items():
            self.metrics.companies_waiting.labels(state).set(await self.companies.collection.count(where))
        for policy in self.policies:
            await self._plans(policy)

    async def _plans(self, policy: Policy) -> None:
        name = policy.connection
        for state in (PlanState.PROPOSED, *PROMISED):
            where = {"connection": name, "state": state.value}
            self.metrics.plans_open.labels(name, state.value).set(await self.plans.collection.count(where))
        asked = await self._oldest(policy, [PlanState.PROPOSED], limit=1)
        self.metrics.oldest_wish.labels(name, "approval").set(self._age(asked))
        last_day = (self.calendar.today(policy.zone) + timedelta(days=policy.ahead)).isoformat()
        ready = [plan for plan in await self._oldest(policy, PROMISED, limit=OLDEST) if _can_go(plan, last_day)]
        self.metrics.oldest_wish.labels(name, "release").set(self._age(ready))

    async def _oldest(self, policy: Policy, states: Sequence[PlanState], *, limit: int) -> list[Json]:
        where = {"connection": policy.connection, "state": {"$in": [state.value for state in states]}}
        return await self.plans.collection.find(
            where, fields=["created_at", "items"], sort=[("created_at", 1)], limit=limit
        )

    def _age(self, plans: Sequence[Json]) -> float:
        """Seconds since the first of them was made."""
        if not plans:
            return 0.0
        return max(0.0, (self.calendar.now() - datetime.fromisoformat(plans[0]["created_at"])).total_seconds())


def _can_go(plan: Json, last_day: str) -> bool:
    """Whether a wish of it waits for nobody and for no day."""
    return any(item["state"] == ItemState.APPROVED and item["effective_on"] <= last_day for item in plan["items"])

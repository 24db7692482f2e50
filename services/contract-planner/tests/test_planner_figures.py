"""The planner's gauges: what waits for a planning, an answer, a person, its day."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from planner_stage import Stage
from planner_world import MAIN, POLICY

from seatledger.contract_planner.handlers.figures import Figures
from seatledger.runtime.metrics import Metrics
from seatledger.schemas.heads import COMPANIES
from seatledger.schemas.planning import PLANS

TODAY = date(2026, 8, 10)


class Shown:
    """Figures over a store whose rows are written by hand."""

    def __init__(self, *, ahead: int = 0) -> None:
        self.stage, self.metrics = Stage(), Metrics()
        policy = replace(POLICY, ahead=ahead)
        planner, calendar = self.stage.planner, self.stage.calendar
        self.figures = Figures([policy], self.stage.companies, planner.plans, calendar, self.metrics)

    async def plan(self, name: str, state: str, *items: tuple[str, date], age: timedelta) -> None:
        made: datetime = self.stage.calendar.now() - age
        row: dict[str, Any] = {
            "_id": name,
            "connection": MAIN,
            "state": state,
            "created_at": made.isoformat().replace("+00:00", "Z"),
            "items": [{"state": item, "effective_on": on.isoformat()} for item, on in items],
        }
        await self.stage.store.collection(PLANS).upsert_many([row])

    async def read(self, name: str, **labels: str) -> float | None:
        await self.figures()
        return self.metrics.registry.get_sample_value(f"seatledger_{name}", labels)

    async def age(self, waits_for: str) -> float | None:
        return await self.read("oldest_wish_age_seconds", connection=MAIN, waits_for=waits_for)


async def test_companies_that_wait_are_counted() -> None:
    """Dirty ones wait for a planning, unanswered ones for the writer."""
    shown = Shown()
    rows = [{"_id": "a", "dirty": True}, {"_id": "b", "dirty": False, "unanswered": 2}, {"_id": "c", "dirty": False}]
    await shown.stage.store.collection(COMPANIES).upsert_many(rows)
    assert await shown.read("companies_waiting", state="dirty") == 1
    assert await shown.read("companies_waiting", state="unanswered") == 1


async def test_the_oldest_plan_that_asks_gives_the_age_of_what_waits_for_a_person() -> None:
    """Two proposed plans: the older one's age; what was decided is over."""
    shown = Shown()
    await shown.plan("new", "proposed", ("proposed", TODAY), age=timedelta(hours=1))
    await shown.plan("old", "proposed", ("proposed", TODAY), age=timedelta(hours=3))
    await shown.plan("gone", "superseded", ("superseded", TODAY), age=timedelta(days=9))
    assert await shown.age("approval") == 3 * 3600
    assert await shown.read("plans_open", connection=MAIN, state="proposed") == 2


@pytest.mark.parametrize(
    ("item", "on", "ahead", "hours"),
    [
        ("approved", TODAY, 0, 5),
        ("approved", TODAY + timedelta(days=2), 0, 0),
        ("approved", TODAY + timedelta(days=2), 2, 5),
        ("released", TODAY, 0, 0),
    ],
    ids=["due", "its day is to come", "sent ahead", "out"],
)
async def test_a_wish_that_nobody_need_approve_is_old_once_its_day_has_come(
    item: str, on: date, ahead: int, hours: int
) -> None:
    """Approved, unreleased and due: its age tells that something is stuck. A later day is no trouble."""
    shown = Shown(ahead=ahead)
    await shown.plan("p", "executing", ("posted", TODAY), (item, on), age=timedelta(hours=5))
    assert await shown.age("release") == hours * 3600


async def test_nothing_waiting_is_zero() -> None:
    """An alert on the age needs a series that comes back to 0."""
    shown = Shown()
    assert (await shown.age("approval"), await shown.age("release")) == (0, 0)

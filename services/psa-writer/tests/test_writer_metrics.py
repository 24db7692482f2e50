"""The writer's metrics: outcomes, calls, read lag, budget, open intents, the mirror's age."""

import asyncio
from typing import Any

import pytest
from writer_world import MAIN, TODAY, HandClock, World

from seatledger.psa_writer.adapters.autotask.http import Answer, NoAnswerError
from seatledger.psa_writer.adapters.autotask.meter import CallMeter
from seatledger.psa_writer.adapters.autotask.quota import Quota
from seatledger.psa_writer.handlers.figures import Figures
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import Documents
from seatledger.schemas.book import LINES, LineBook
from seatledger.schemas.mirror import PSA_MIRRORS, MirrorState
from seatledger.schemas.quota import QUOTA, QuotaUse

ENTITY = "ContractServiceUnits"


def read(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"seatledger_{name}", {"connection": MAIN, **labels})


def figures(world: World) -> Figures:
    return Figures(
        budgets={MAIN: 5000},
        books=Documents(world.store.collection(LINES), LineBook),
        uses=Documents(world.store.collection(QUOTA), QuotaUse),
        mirrors=Documents(world.store.collection(PSA_MIRRORS), MirrorState),
        machine=world.clock,
        metrics=world.metrics,
    )


async def test_an_outcome_is_counted_once_however_often_it_is_said() -> None:
    """Posted once and told again: one outcome."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    await world.tell(replica, intent)
    await replica.passes(30)
    assert read(world.metrics, "outcomes_total", outcome="posted") == 1


async def test_how_long_reads_lag_is_measured() -> None:
    """A change whose rows show only 40 s after its 200 counts with at least that, once."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    before, rows, until = world.psa.snapshot(), world.psa.read_rows, world.hand.at + 40

    async def lagging(*args: Any) -> Any:
        if world.hand.at < until:
            world.psa.shown.append(before)
        return await rows(*args)

    world.psa.read_rows = lagging  # type: ignore[method-assign,assignment]  # stands before the twin's own
    await world.release(replica, line, TODAY, 2)
    await replica.passes(90)
    assert read(world.metrics, "read_lag_seconds_count") == 1
    assert (read(world.metrics, "read_lag_seconds_sum") or 0) >= 40


async def test_intents_that_hold_their_line_are_shown_by_state() -> None:
    """One whose fate nobody knows yet, and none that is held."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.append("time_out_without_effect")
    await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    await figures(world)()
    assert read(world.metrics, "open_intents", state="unknown") == 1
    assert read(world.metrics, "open_intents", state="held") == 0


async def test_calls_are_shown_beside_their_budget() -> None:
    """Three calls of this hour out of 5000; an hour later none. The mirror's age is that of its last reading."""
    world = World()
    await world.mirrored()
    quota = Quota(MAIN, 5000, Documents(world.store.collection(QUOTA), QuotaUse), world.clock)
    for _ in range(3):
        await quota.take()
    await figures(world)()
    assert (read(world.metrics, "psa_budget_used"), read(world.metrics, "psa_budget")) == (3, 5000)
    assert read(world.metrics, "mirrored_timestamp_seconds") == world.clock.now().timestamp()
    await world.clock.sleep(3700)
    await figures(world)()
    assert read(world.metrics, "psa_budget_used") == 0


async def test_a_call_is_measured_with_what_came_back() -> None:
    """Status and seconds of an answer; while it is under way it is in flight."""
    metrics, clock, answered = Metrics(), HandClock(), asyncio.Event()

    async def call() -> Answer:
        await answered.wait()
        await clock.sleep(2)
        return Answer(200, {})

    task = asyncio.create_task(CallMeter(MAIN, metrics, clock)(ENTITY, call()))
    await asyncio.sleep(0)
    assert read(metrics, "psa_in_flight", entity=ENTITY) == 1
    answered.set()
    assert (await task).status == 200
    assert read(metrics, "psa_in_flight", entity=ENTITY) == 0
    assert read(metrics, "psa_calls_total", entity=ENTITY, status="200") == 1
    assert read(metrics, "psa_call_seconds_sum", entity=ENTITY) == 2


async def test_a_call_without_an_answer_counts_as_none_and_is_raised() -> None:
    """Nothing came back: the caller decides what that means."""
    metrics = Metrics()

    async def call() -> Answer:
        raise NoAnswerError("reset", bytes_left=True)

    with pytest.raises(NoAnswerError):
        await CallMeter(MAIN, metrics, HandClock())(ENTITY, call())
    assert read(metrics, "psa_calls_total", entity=ENTITY, status="none") == 1
    assert read(metrics, "psa_in_flight", entity=ENTITY) == 0

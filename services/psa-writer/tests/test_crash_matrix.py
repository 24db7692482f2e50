"""Every crash point of the executor × every answer × who goes on: never two effects (kernel.md section 9.2)."""

import copy
from dataclasses import dataclass

import pytest
from mortal import DiedError, Mortal
from writer_world import TODAY, Replica, World

from seatledger.psa_writer.adapters.memory import Script
from seatledger.schemas.ids import LineId
from seatledger.schemas.intents import IntentReleased

ANSWERS: tuple[Script, ...] = (
    "ok",
    "refused",
    "status_429",
    "thread_limit",
    "unauthorized",
    "duplicate",
    "no_byte",
    "fault_with_effect",
    "fault_without_effect",
    "time_out_with_effect",
    "time_out_without_effect",
    "effect_after_time_out",
    "reset",
)
NO_EFFECT = {"refused", "held", "not_seen", "taken"}
SHORT_WAIT = 60.0
LATE = 40.0
STEP = 15.0
"""Seconds between two passes: several within W, and as few as show everything (a pass is run for every point)."""


@dataclass
class Run:
    """One line with one intent, and the process that works on it through ports that can die."""

    world: World
    line: LineId
    intent: IntentReleased
    process: Replica
    mortal: Mortal

    async def work(self, replica: Replica) -> None:
        """Until the intent has ended, or waits for a person, and nothing is on its way any more."""
        for _ in range(80):
            await replica.parts.executor.run()
            await replica.flush()
            if await self._is_over():
                return
            self.world.hand.at += STEP

    async def _is_over(self) -> bool:
        stands = (await self.world.book(self.line)).open
        resting = stands is None or stands.state.value in {"held", "not_seen"}
        return resting and not self.world.psa.late

    async def state(self) -> str:
        stands = (await self.world.book(self.line)).open
        return stands.state.value if stands else self.world.outcomes(self.intent)[-1]


@dataclass(frozen=True)
class Scene:
    """A line with an intent that is taken; copied for each point."""

    world: World
    line: LineId
    intent: IntentReleased

    def run(self, at: int | None) -> Run:
        world, mortal = copy.deepcopy(self.world), Mortal(at)
        wrapped = (mortal.wrap(port) for port in (world.psa, world.store, world.sink))
        psa, store, sink = wrapped
        return Run(world, self.line, self.intent, world.replica(psa=psa, store=store, sink=sink), mortal)

    async def crashed_at(self, at: int) -> Run:
        run = self.run(at)
        with pytest.raises(DiedError):
            await run.work(run.process)
        return run

    async def never_two_effects(self, *, same: bool) -> None:
        """Exactly one effect and *posted*, or none and refused, held, not_seen or still taken; all points were run."""
        whole = self.run(None)
        await whole.work(whole.process)
        points, ran = whole.mortal.met, 0
        for at in range(1, points + 1):
            run = await self.crashed_at(at)
            run.mortal.dead = False
            await run.work(run.process if same else run.world.replica())
            state, effects = await run.state(), len(run.world.psa.effects)
            assert (effects, state) == (1, "posted") or (effects == 0 and state in NO_EFFECT), (at, state, effects)
            ran += run.mortal.at == at
        assert ran == points
        assert points > 20


async def released(answer: Script) -> Scene:
    world = World(wait=SHORT_WAIT)
    world.psa.late_by = LATE
    line = world.psa.add_line(1, 10)
    await world.linked(line)
    intent = await world.release(world.replica(), line, TODAY, 2)
    world.psa.script.append(answer)
    return Scene(world, line, intent)


async def retried(answer: Script) -> Scene:
    """The first send was not seen, and a person said ``retry``."""
    scene = await released("time_out_without_effect")
    replica = scene.world.replica()
    await replica.passes(2 * SHORT_WAIT, step=STEP)
    assert scene.world.outcomes(scene.intent)[-1] == "not_seen"
    assert await scene.world.retry(replica, scene.intent)
    scene.world.psa.script.append(answer)
    return scene


@pytest.mark.parametrize("same", [True, False], ids=["same", "another"])
@pytest.mark.parametrize("answer", ANSWERS)
async def test_never_two_effects_wherever_the_process_dies(answer: Script, same: bool) -> None:
    """The process that died goes on, or another one does."""
    scene = await released(answer)
    await scene.never_two_effects(same=same)


@pytest.mark.parametrize("answer", ["ok", "time_out_with_effect", "effect_after_time_out", "duplicate"])
async def test_never_two_effects_wherever_a_second_send_dies(answer: Script) -> None:
    """The same of the send that a person asked for after the first one was not seen."""
    scene = await retried(answer)
    await scene.never_two_effects(same=False)

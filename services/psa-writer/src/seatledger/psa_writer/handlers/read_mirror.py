"""``mirror``: asks whoever holds the lease for a reading now, and waits for its end.

The command may arrive at any replica; only the holder of the lease may call Autotask, so that at most three calls are
in flight at an endpoint.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seatledger.runtime.clock import MachineClock
from seatledger.runtime.service import Answer
from seatledger.runtime.store import Documents
from seatledger.schemas.base import Json
from seatledger.schemas.commands import CommandIssued
from seatledger.schemas.ids import ConnectionName
from seatledger.schemas.mirror import MirrorState

LOOK = 0.1
LONGEST = 120.0


@dataclass
class ReadMirrorHandler:
    connections: Sequence[ConnectionName]
    states: Documents[MirrorState]
    machine: MachineClock
    wake: Callable[[ConnectionName], None]

    async def handle(self, command: CommandIssued) -> Answer:
        """``{"psa", "contracts", "lines", "calls", "error"}``; for several connections also ``mirrors``, one each."""
        wanted = [command.connection] if command.connection else list(self.connections)
        unknown = [name for name in wanted if name not in self.connections]
        if unknown:
            return Answer(ok=False, message=f"psa {unknown[0]} is not in this configuration")
        asked = {name: await self._ask(name) for name in wanted}
        results = [await self._answer(name, number) for name, number in asked.items()]
        errors = [result["error"] for result in results if result["error"]]
        result = results[0] if len(results) == 1 else {**results[0], "mirrors": results}
        return Answer(ok=not errors, message=str(errors[0]) if errors else "", result=result)

    async def _ask(self, name: ConnectionName) -> int:
        def decide(state: MirrorState | None) -> MirrorState:
            before = state or MirrorState(id=name, connection=name, generation=0)
            return before.model_copy(update={"asked": before.asked + 1})

        after = await self.states.change(name, decide)
        self.wake(name)
        return after.asked if after else 0

    async def _answer(self, name: ConnectionName, asked: int) -> Json:
        until = self.machine.seconds() + LONGEST
        state = await self.states.get(name)
        while (state is None or state.answered < asked) and self.machine.seconds() < until:
            await self.machine.sleep(LOOK)
            state = await self.states.get(name)
        if state is None or state.answered < asked:
            error = "nobody read Autotask in time; look at the PSA writer's readiness"
            return {"psa": name, "contracts": 0, "lines": 0, "calls": 0, "error": error}
        return {
            "psa": name,
            "contracts": state.contracts,
            "lines": state.lines,
            "calls": state.calls,
            "error": state.error,
        }

"""The command ``collect``: sweep now, wait for the end, answer with what came of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seatledger.collector.domain.hints import Target
from seatledger.collector.domain.sweeps import SweepResult
from seatledger.collector.handlers.rereads import Rereads
from seatledger.collector.handlers.turns import Turns
from seatledger.runtime.service import Answer
from seatledger.schemas.commands import Collect, CommandIssued
from seatledger.schemas.ids import CommandId, SourceName


@dataclass(frozen=True)
class CollectHandler:
    """A repeated command sweeps once more, which changes nothing that the first time did not. One subscription is read
    by itself where its source can be asked for it and it is known of which customer it is."""

    turns: Mapping[SourceName, Turns]
    rereads: Mapping[SourceName, Rereads] = field(default_factory=dict)

    async def __call__(self, command: CommandIssued) -> Answer:
        body = command.body
        if not isinstance(body, Collect):
            raise TypeError(f"{body.do} is no command of the collector")
        if body.source is not None and body.source not in self.turns:
            return self._unknown(body.source)
        asked = [turns for name, turns in self.turns.items() if body.source in {None, name}]
        results = await asyncio.gather(*(self._collected(turns, body, command.id) for turns in asked))
        return Answer(
            ok=all(result.ok for result in results),
            message=_why_not(results),
            result={"sweeps": [result.to_json() for result in results]},
        )

    async def _collected(self, turns: Turns, body: Collect, command: CommandId) -> SweepResult:
        rereads = self.rereads.get(turns.source)
        if body.subscription is not None and rereads is not None and not body.accept:
            targets = await rereads.targets(body.subscription)
            if targets:
                return await _read(rereads, targets[0])
        return await turns.result(await turns.want(accept=command if body.accept else None))

    def _unknown(self, source: SourceName) -> Answer:
        known = ", ".join(sorted(self.turns)) or "none"
        return Answer(ok=False, message=f"no source {source!r} is collected; known: {known}", result={"sweeps": []})


async def _read(rereads: Rereads, target: Target) -> SweepResult:
    return await rereads.result(target, await rereads.want(target))


def _why_not(results: Sequence[SweepResult]) -> str:
    incomplete = [f"{result.source}: {result.error}" for result in results if not result.complete]
    held = [
        f"{result.source}: {result.held} subscription{'s' * (result.held > 1)} disappeared at once and wait; "
        f"if that is right: `seatledger collect {result.source} --accept`"
        for result in results
        if result.held
    ]
    return "; ".join([*incomplete, *held])

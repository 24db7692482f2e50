"""The command ``check_connection``: tries each source account, and answers with what came of it.

Any replica may answer: the few calls that it takes go through the account's own pace.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from seatledger.runtime.service import Answer
from seatledger.schemas.commands import Check, CheckConnection, CommandIssued
from seatledger.schemas.ids import SourceName

PATIENCE = 25.0
"""Seconds for one account: an adapter's own retries may last longer than anybody waits for a check."""

Try = Callable[[], Awaitable[Sequence[Check]]]
"""Tries what one account needs; changes nothing there, raises nothing of its own."""


@dataclass(frozen=True)
class CheckSources:
    """By source account; those that are not swept are left out."""

    tries: Mapping[SourceName, Try]
    patience: float = PATIENCE

    async def __call__(self, command: CommandIssued) -> Answer:
        body = command.body
        if not isinstance(body, CheckConnection):
            raise TypeError(f"{body.do} is no check")
        if body.source is not None and body.source not in self.tries:
            return Answer(ok=False, message=f"no source {body.source!r} is collected", result={"checks": []})
        asked = [(name, one) for name, one in self.tries.items() if body.source in {None, name}]
        found = await asyncio.gather(*(self._tried(name, one) for name, one in asked))
        rows = [check.model_dump(mode="json") for checks in found for check in checks]
        return Answer(ok=all(row["ok"] for row in rows), result={"checks": rows})

    async def _tried(self, source: SourceName, one: Try) -> Sequence[Check]:
        try:
            async with asyncio.timeout(self.patience):
                return await one()
        except TimeoutError:
            what = f"it did not answer within {self.patience:g} s"
            do = f"Look whether the collector's machine reaches the addresses under sources.{source}"
            return [Check(name=f"source {source}", ok=False, message=what, do=do)]

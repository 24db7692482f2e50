"""Closes the finding of a dead record that is not to be said again, also where its letter is gone (decision 0017)."""

from dataclasses import dataclass

from seatledger.runtime.findings import Findings
from seatledger.runtime.service import Answer
from seatledger.runtime.store import Collection
from seatledger.schemas.commands import CommandIssued, IgnoreDead
from seatledger.schemas.findings import FindingCode, Subject


@dataclass(frozen=True)
class IgnoreDeadLetters:
    """The command ``ignore_dead`` of one service. ``stored``: its findings."""

    findings: Findings
    stored: Collection

    async def __call__(self, command: CommandIssued) -> Answer:
        """Run again it finds the finding closed, and changes nothing. Who asked and why stands in the command."""
        body = command.body
        if not isinstance(body, IgnoreDead):
            raise TypeError(f"{body.do} ignores no letter")
        row = await self.stored.get(body.finding)
        if row is None or row["code"] != FindingCode.DEAD_LETTER:
            return Answer(ok=False, message=f"there is no finding {body.finding} of a dead letter here")
        if row.get("closed_at") is None:
            await self.findings.close(FindingCode.DEAD_LETTER, Subject.model_validate(row["subject"]))
        return Answer(message="its finding is closed, and it is not said again")

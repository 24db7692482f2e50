"""The commands ``map …``: store what people say, row by row, and have all that it touches decided anew."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from seatledger.mapper.domain.setting import RowResult, Saying, Setting, set_rows
from seatledger.mapper.handlers.known import Gather
from seatledger.mapper.ports import Days, Repository
from seatledger.runtime.service import Answer
from seatledger.runtime.store import ConflictError
from seatledger.schemas.base import Json
from seatledger.schemas.commands import CommandIssued, MappingRow, SetMappings
from seatledger.schemas.mappings import MappingDocument, MappingKind

ATTEMPTS = 20


@dataclass(frozen=True)
class SetMappingsHandler:
    """Answers ``set_mappings``: a result a row; repeated, it says the same and has all decided once more."""

    repository: Repository
    gather: Gather
    days: Days
    woken: asyncio.Event
    """Wakes the loop that decides anew."""

    async def __call__(self, command: CommandIssued) -> Answer:
        if not isinstance(command.body, SetMappings):
            raise TypeError(f"{command.body.do} is not set_mappings")
        results = await self._set(command.body.rows, saying(command, self.days))
        self.woken.set()
        refused = sum(not result.ok for result in results)
        message = f"{len(results) - refused} of {len(results)} rows set"
        return Answer(ok=not refused, message=message, result={"rows": [told(result) for result in results]})

    async def _set(self, rows: Sequence[MappingRow], said: Saying) -> list[RowResult]:
        """Rows whose document somebody else changed meanwhile are judged again by what stands there now."""
        results: dict[int, RowResult] = {}
        left = list(enumerate(rows, start=1))
        for _ in range(ATTEMPTS):
            setting = set_rows([row for _, row in left], await self.gather([row for _, row in left]), said)
            lost = await self._save(setting)
            numbered = list(zip(left, setting.results, setting.ids, strict=True))
            results |= {number: replace(result, row=number) for (number, _), result, _ in numbered}
            left = [entry for entry, result, place in numbered if result.ok and place in lost]
            if not left:
                return [results[number] for number in sorted(results)]
        raise ConflictError(f"{len(left)} mapping rows were changed by others {ATTEMPTS} times")

    async def _save(self, setting: Setting) -> set[tuple[MappingKind, str]]:
        """Documents that compare-and-set, or the one customer a company (C27), kept from being stored."""
        lost: set[tuple[MappingKind, str]] = set()
        for kind, rows in self.repository.rows.items():
            documents = [document for document in setting.documents if document.kind == kind]
            if documents:
                lost |= _failed(kind, documents, await rows.save_many(documents))
        return lost


def told(result: RowResult) -> Json:
    """A result as the answer has it; ``remark`` only where there is one."""
    whole = asdict(result)
    return whole if result.remark else {name: value for name, value in whole.items() if name != "remark"}


def _failed(
    kind: MappingKind, documents: Sequence[MappingDocument], saved: Sequence[bool]
) -> set[tuple[MappingKind, str]]:
    return {(kind, document.id) for document, done in zip(documents, saved, strict=True) if not done}


def saying(command: CommandIssued, days: Days) -> Saying:
    """Who says it, when and why, for the rows' history."""
    return Saying(at=days.now(), by=command.actor, why=command.reason, command=command.id)

"""Everything the collector holds, said again: the last event of each document, with the id it had."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from seatledger.collector.domain import snapshots, usage
from seatledger.collector.domain.snapshots import Snapshot
from seatledger.collector.domain.usage import UsageDocument
from seatledger.runtime.store import D, Documents
from seatledger.schemas.documents import Outgoing


@dataclass(frozen=True)
class SayAgain:
    snapshots: Documents[Snapshot]
    usages: Documents[UsageDocument]

    async def __call__(self) -> AsyncIterator[Outgoing]:
        async for outgoing in _events(self.snapshots, snapshots.event_of):
            yield outgoing
        async for outgoing in _events(self.usages, usage.event_of):
            yield outgoing


async def _events(documents: Documents[D], event_of: Callable[[D], Outgoing]) -> AsyncIterator[Outgoing]:
    async for page in documents.pages():
        for document in page:
            yield event_of(document)

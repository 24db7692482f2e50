"""Say again what stands: the last event per company of every subscription, with the ids they had."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from seatledger.mapper.domain.results import MappedDocument
from seatledger.runtime.store import Documents
from seatledger.schemas.documents import Outgoing


@dataclass(frozen=True)
class SayAgain:
    """Pages through ``mapped`` by id; what is stored meanwhile says itself."""

    mapped: Documents[MappedDocument]

    async def __call__(self) -> AsyncIterator[Outgoing]:
        async for page in self.mapped.pages():
            for document in page:
                for outgoing in document.said:
                    yield outgoing

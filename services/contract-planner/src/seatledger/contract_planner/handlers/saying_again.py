"""Says again what is out and has no end: each minute, on ``resync``, and when the bus begins a new epoch."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from seatledger.contract_planner.domain.releasing import sayings
from seatledger.contract_planner.domain.state import CompanyDocument
from seatledger.runtime.bus import EventSink
from seatledger.runtime.store import Documents
from seatledger.schemas.documents import Outgoing

BATCH = 200


@dataclass(frozen=True)
class SayAgain:
    """Released intents under their own ids; once withdrawn the withdrawal, and never the intent."""

    companies: Documents[CompanyDocument]

    async def __call__(self) -> AsyncIterator[Outgoing]:
        async for page in self.companies.pages(size=BATCH):
            for document in page:
                for outgoing in sayings(document):
                    yield outgoing


@dataclass(frozen=True)
class Republish:
    """The minute's round over companies that wait for an answer: an intent lost by the bus is said again."""

    companies: Documents[CompanyDocument]
    sink: EventSink

    async def __call__(self) -> None:
        waiting = await self.companies.find({"unanswered": {"$gt": 0}})
        await self.sink.publish(outgoing for document in waiting for outgoing in sayings(document))

"""``adjustments.settled.v1``: what became of intents, and that lines were observed."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from seatledger.contract_planner.domain.settling import settle
from seatledger.contract_planner.domain.state import CompanyDocument, marked
from seatledger.runtime.bus import Received
from seatledger.runtime.store import Documents
from seatledger.schemas.ids import CompanyKey
from seatledger.schemas.intents import AdjustmentSettled, LineObserved

Said = AdjustmentSettled | LineObserved


@dataclass(frozen=True)
class TakeSettled:
    """One save per company and batch; a settlement of a company that is not known here changes nothing."""

    companies: Documents[CompanyDocument]
    woken: asyncio.Event

    async def __call__(self, batch: Sequence[Received]) -> None:
        heard: defaultdict[str, list[Said]] = defaultdict(list)
        for received in batch:
            if isinstance(received.data, AdjustmentSettled | LineObserved):
                place = received.data.at
                heard[str(CompanyKey(connection=place.connection, company=place.company))].append(received.data)
        await self.companies.change_many({key: partial(_hear, said=said) for key, said in heard.items()})
        self.woken.set()


def _hear(document: CompanyDocument | None, *, said: Sequence[Said]) -> CompanyDocument | None:
    if document is None:
        return None
    for one in said:
        document = settle(document, one) if isinstance(one, AdjustmentSettled) else _observed(document, one)
    return document


def _observed(document: CompanyDocument, said: LineObserved) -> CompanyDocument:
    """The line is looked at again; a member may also wait for this line without having it yet."""
    concerns = str(said.at.line) in document.lines or any(one.line is None for one in document.members.values())
    return marked(document) if concerns else document

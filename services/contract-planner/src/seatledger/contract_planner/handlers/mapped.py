"""``subscriptions.mapped.v1``: store each result in its company's document and mark it dirty."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from functools import partial

from seatledger.contract_planner.domain.catching_up import catch_up
from seatledger.contract_planner.domain.members import hear
from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.state import CompanyDocument, new_company
from seatledger.runtime.bus import Received
from seatledger.runtime.store import Documents
from seatledger.schemas.envelope import Cause, EventHead
from seatledger.schemas.ids import CompanyKey, ConnectionName
from seatledger.schemas.subscriptions import SubscriptionMapped


@dataclass(frozen=True)
class TakeMapped:
    """One save per company and batch. A revision not above the stored one changes nothing."""

    companies: Documents[CompanyDocument]
    policies: Mapping[ConnectionName, Policy]
    woken: asyncio.Event

    async def __call__(self, batch: Sequence[Received]) -> None:
        heard: defaultdict[str, list[tuple[SubscriptionMapped, EventHead]]] = defaultdict(list)
        for received in batch:
            if isinstance(received.data, SubscriptionMapped):
                key = CompanyKey(connection=received.data.connection, company=received.data.company)
                heard[str(key)].append((received.data, received.event))
        await self.companies.change_many({key: partial(self._hear, said=said) for key, said in heard.items()})
        self.woken.set()

    def _hear(
        self, document: CompanyDocument | None, *, said: Sequence[tuple[SubscriptionMapped, EventHead]]
    ) -> CompanyDocument:
        first = said[0][0]
        after = document or new_company(CompanyKey(connection=first.connection, company=first.company))
        for data, event in said:
            cause = Cause.of(event)
            after = hear(catch_up(after, data), data, cause, self._day(data.connection, event))
        return after

    def _day(self, connection: ConnectionName, event: EventHead) -> date:
        policy = self.policies.get(connection)
        return event.time.astimezone(policy.zone if policy is not None else UTC).date()

"""The command ``map reset``: forget a customer's company and the contracts of its subscriptions; posts nothing."""

import asyncio
from dataclasses import dataclass

from seatledger.mapper.domain.setting import Saying, forget
from seatledger.mapper.handlers.set_mappings import saying
from seatledger.mapper.ports import Days, Repository
from seatledger.runtime.service import Answer
from seatledger.runtime.store import Documents
from seatledger.schemas.commands import CommandIssued, ResetCustomer
from seatledger.schemas.ids import join
from seatledger.schemas.mappings import MappingDocument


@dataclass(frozen=True)
class ResetCustomerHandler:
    """Answers ``reset_customer``. Members freeze where they are (kernel.md section 5), until mapped again."""

    repository: Repository
    days: Days
    woken: asyncio.Event

    async def __call__(self, command: CommandIssued) -> Answer:
        if not isinstance(command.body, ResetCustomer):
            raise TypeError(f"{command.body.do} is not reset_customer")
        source, customer = command.body.source, command.body.customer
        said = saying(command, self.days)
        subscriptions = await self.repository.subscriptions_of(source, customer)
        forgotten = await _forget(self.repository.rows["company"], join(source, customer), said)
        for subscription in sorted(subscriptions):
            forgotten += await _forget(self.repository.rows["contract"], join(source, subscription), said)
        self.woken.set()
        return Answer(message=f"{forgotten} mappings of customer {customer} forgotten", result={"forgotten": forgotten})


async def _forget(rows: Documents[MappingDocument], document_id: str, said: Saying) -> int:
    """1 where there is such a row. A row forgotten before is decided anew once more, its history does not grow."""
    found = await rows.change(document_id, lambda row: None if row is None else forget(row, said))
    return 0 if found is None else 1

"""The walk over an account: the list of customers, then the subscriptions of each, a few at a time."""

import asyncio
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from seatledger.collector.adapters.partner_center.answers import WRONG_MODE
from seatledger.collector.adapters.partner_center.api import Api
from seatledger.collector.adapters.partner_center.client import ASKED_AGAIN, RefusedError
from seatledger.collector.adapters.partner_center.pace import Lane, Pace
from seatledger.collector.adapters.partner_center.parts import GRANT, Part, passed_over, refused, unread
from seatledger.collector.adapters.partner_center.translation import customer_of, id_of, is_usage
from seatledger.collector.domain.reading import Problem
from seatledger.collector.ports import Progress, SourceUnreachableError, Walked
from seatledger.runtime.clock import MachineClock
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.subscriptions import Customer

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

AT_ONCE: Final = 4
"""Customers that are read at the same time."""
IN_A_ROW: Final = 3
"""Customers that fail one after another until the walk is given up: then it is not the customers."""
TOLD_EVERY: Final = 10.0
"""Seconds between two lines of progress."""
RESELLER: Final = "reseller"


@dataclass
class Listed:
    """The customers, as far as the list could be walked."""

    customers: dict[str, Customer] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    """Those with another relationship to us than a reseller's: that they refuse us is no news."""
    cut_short: str | None = None
    problems: list[Problem] = field(default_factory=list)


@dataclass
class Walk:
    """Reads customers of one account."""

    api: Api
    pace: Pace
    machine: MachineClock
    log: "FilteringBoundLogger"
    _may_ask_for_provisioning: bool = True
    _beside: int = 0
    """Calls of the last walk beside one a customer: usage records, provisioning, what was tried again."""
    _failed: frozenset[str] = frozenset()
    """Customers that could not be read when they were asked last."""

    async def customers(self) -> Listed:
        """The list. Raises :class:`SourceUnreachableError` where nothing of it can be read."""
        listed = Listed()
        try:
            async for page in self.api.customers():
                for item in page:
                    _list(item, listed)
        except RefusedError as error:
            if error.not_ours:
                raise _no_list(error) from error
            _broken_off(listed, SourceUnreachableError(str(error), ASKED_AGAIN))
        except SourceUnreachableError as error:
            _broken_off(listed, error)
        return listed

    async def all(self, listed: Listed, progress: Progress) -> list[Part]:
        """The part of each customer; it says beforehand how long it will take. Those that failed last time come last:
        where one fails after another the walk is given up, and they shall not keep the others from being read."""
        calls, made = len(listed.customers) + self._beside, self.pace.made
        minutes = round(self.pace.minutes_for(calls), 1)
        self.log.info("sweep planned", customers=len(listed.customers), calls=calls, minutes=minutes)
        ordered = sorted(listed.customers.values(), key=lambda customer: customer.id in self._failed)
        tour = _Tour(self, listed.others, ordered, progress, told_at=self.machine.seconds())
        parts = await tour.run()
        self._beside = max(0, self.pace.made - made - tour.done)
        self._failed = (self._failed & tour.left) | frozenset(tour.failed)
        self.log.info("walked", customers=tour.done, of=len(listed.customers), calls_made=self.pace.made)
        return parts

    async def one(self, customer: Customer, lane: Lane) -> Part:
        """One customer's part. Raises :class:`SourceUnreachableError` alone where we are not known any more."""
        try:
            items = await self.api.subscriptions(customer.id, lane)
            usage, problems = await self._usage(customer, items, lane)
            provisioning = await self._provisioning(customer, items, lane)
            return Part(customer, items, usage, provisioning, problems=problems)
        except RefusedError as error:
            return refused(customer, error)
        except SourceUnreachableError as error:
            return unread(customer, error)

    async def alone(self, customer: Customer, item: Any, lane: Lane) -> Part:
        """One subscription's part, already read, with what belongs to it."""
        usage, problems = await self._usage(customer, [item], lane)
        return Part(customer, [item], usage, await self._provisioning(customer, [item], lane), problems=problems)

    async def _usage(
        self, customer: Customer, items: Sequence[Any], lane: Lane
    ) -> tuple[Sequence[Any], tuple[Problem, ...]]:
        """Usage records, where the customer has a plan that makes some; never a reason to lose seats."""
        if not any(isinstance(item, dict) and is_usage(item) for item in items):
            return (), ()
        try:
            return await self.api.usage(customer.id, lane), ()
        except RefusedError as error:
            return (), (_no_usage(customer, str(error)),)
        except SourceUnreachableError as error:
            self.log.warning("usage not read", customer=customer.id, why=error.message)
            return (), ()

    async def _provisioning(self, customer: Customer, items: Sequence[Any], lane: Lane) -> dict[str, str]:
        found = {}
        for item in items:
            subscription = id_of(item)
            if subscription and str(item.get("status", "")).casefold() == "pending" and self._may_ask_for_provisioning:
                found[subscription] = await self._provisioned(customer.id, subscription, lane)
        return found

    async def _provisioned(self, customer: str, subscription: str, lane: Lane) -> str:
        """What provisioning says of itself; ``""`` where it says nothing to us (it wants App+User)."""
        try:
            body = await self.api.provisioning(customer, subscription, lane)
        except RefusedError as error:
            if error.fault.code == WRONG_MODE:
                self._may_ask_for_provisioning = False
            return ""
        except SourceUnreachableError:
            return ""
        return str(body.get("status") or "")


@dataclass
class _Tour:
    """One walk under way. ``others`` may refuse us."""

    walk: Walk
    others: Container[str]
    customers: Sequence[Customer]
    progress: Progress
    told_at: float
    parts: list[Part] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    """Customers who were not asked."""
    done: int = 0
    failed_in_a_row: int = 0

    async def run(self) -> list[Part]:
        todo = iter(self.customers)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(self._work(todo))
        except* SourceUnreachableError as errors:
            raise _first(errors) from None
        return self.parts

    async def _work(self, todo: Iterator[Customer]) -> None:
        for customer in todo:
            if self.failed_in_a_row >= IN_A_ROW:
                self._give_up([customer, *todo])
                return
            part = await self.walk.one(customer, Lane.SWEEP)
            self.done += 1
            self.parts.append(self._expected(part))
            self._weigh(part)
            await self._tell()

    def _weigh(self, part: Part) -> None:
        if part.unread:
            self.failed.add(part.customer.id)
        self.failed_in_a_row = self.failed_in_a_row + 1 if part.unread else 0

    def _give_up(self, left: Sequence[Customer]) -> None:
        self.left |= {customer.id for customer in left}
        self.parts += [passed_over(customer) for customer in left]

    def _expected(self, part: Part) -> Part:
        """One that was never ours may refuse us."""
        if part.silent is None or part.customer.id not in self.others:
            return part
        return replace(part, silent=replace(part.silent, foreign=True))

    async def _tell(self) -> None:
        of = len(self.customers)
        await self.progress(Walked(self.done, of))
        if self.walk.machine.seconds() - self.told_at >= TOLD_EVERY:
            self.told_at = self.walk.machine.seconds()
            self.walk.log.info("sweep under way", customers=self.done, of=of, calls_made=self.walk.pace.made)


def _broken_off(listed: Listed, error: SourceUnreachableError) -> None:
    """What was listed until there is read; where nothing was, or nobody knows us, nothing can be."""
    if not listed.customers or error.code is not FindingCode.SOURCE_INCOMPLETE:
        raise error
    listed.cut_short = f"the list of customers broke off after {len(listed.customers)}: {error.message}"


def _first(errors: BaseExceptionGroup[SourceUnreachableError]) -> SourceUnreachableError:
    found = errors.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def _list(item: Any, listed: Listed) -> None:
    customer = customer_of(item)
    if customer is None:
        listed.problems.append(
            Problem(
                FindingCode.SOURCE_ROW_BAD,
                "an entry of the list of customers has no id that can be told; the list proves no absence",
                "Look at the customers in Partner Center; they are read again by themselves.",
                column="id",
                detail="customers",
            )
        )
        return
    listed.customers[customer.id] = customer
    if str(item.get("relationshipToPartner") or RESELLER).casefold() != RESELLER:
        listed.others.add(customer.id)


def _no_list(error: RefusedError) -> SourceUnreachableError:
    return SourceUnreachableError(
        f"the list of customers is refused: {error}",
        GRANT,
        FindingCode.PERMISSION,
    )


def _no_usage(customer: Customer, why: str) -> Problem:
    return Problem(
        FindingCode.PERMISSION,
        f"customer {customer.name}: usage records are refused: {why}; the cost of its Azure plan is not told",
        GRANT,
        detail=f"usage of {customer.id}",
        stops=False,
    )

"""Partner Center behind the port: one account, asked for its present state."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatledger.collector.adapters.partner_center.api import Api
from seatledger.collector.adapters.partner_center.client import Client, RefusedError
from seatledger.collector.adapters.partner_center.http import Http
from seatledger.collector.adapters.partner_center.pace import Lane, Pace
from seatledger.collector.adapters.partner_center.parts import Part, all_refused, refused, unread
from seatledger.collector.adapters.partner_center.payloads import Payloads
from seatledger.collector.adapters.partner_center.price_file import PriceFile
from seatledger.collector.adapters.partner_center.reader import Gathered, digest, gather
from seatledger.collector.adapters.partner_center.retries import Retries
from seatledger.collector.adapters.partner_center.token import Credentials, Tokens
from seatledger.collector.adapters.partner_center.translation import customer_of, id_of
from seatledger.collector.adapters.partner_center.walk import Walk
from seatledger.collector.domain.reading import Parcel, Reading
from seatledger.collector.ports import Progress, SourceUnreachableError, untold
from seatledger.runtime.clock import BusinessClock, MachineClock
from seatledger.schemas.subscriptions import Customer

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

NAME: Final = "partner center"


@dataclass(frozen=True)
class Settings:
    """What the configuration says of one account. ``url``: the base before ``/v1``."""

    url: str
    credentials: Credentials
    calls_per_minute: int
    prices: Path | None = None
    prices_optional: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What an account works with. ``random``: a number from 0 to 1 a call; ``new_id``: a GUID a call."""

    calendar: BusinessClock
    machine: MachineClock
    payloads: Payloads
    log: "FilteringBoundLogger"
    random: Callable[[], float]
    new_id: Callable[[], str]


def partner_center(settings: Settings, around: Surroundings, http: Http) -> "PartnerCenter":
    """One account's parts, put together. Whoever made ``http`` closes it."""
    retries = Retries(around.machine, around.random)
    pace = Pace(around.machine, settings.calls_per_minute)
    tokens = Tokens(settings.credentials, http, around.machine, retries)
    client = Client(settings.url, http, tokens, pace, retries, around.machine, around.new_id, around.log)
    api = Api(client)
    walk = Walk(api, pace, around.machine, around.log)
    return PartnerCenter(
        api, walk, PriceFile(settings.prices, settings.prices_optional), around.payloads, around.calendar
    )


@dataclass
class PartnerCenter:
    """A live account. What it saw of customers in the last walk spares a call at each direct read."""

    api: Api
    walk: Walk
    prices: PriceFile
    payloads: Payloads
    calendar: BusinessClock
    _customers: dict[str, Customer] = field(default_factory=dict)

    async def waiting(self) -> Sequence[Parcel]:
        """The account, as of now."""
        return [Parcel(name=NAME, identity=f"{self.calendar.now():%Y%m%dT%H%M%S}-{self.api.client.new_id()}")]

    async def read(self, parcel: Parcel, progress: Progress = untold) -> Reading:
        """Prices first: they are our own, and cost no call."""
        await self.prices.load()
        listed = await self.walk.customers()
        self._customers = dict(listed.customers)
        parts = await self.walk.all(listed, progress)
        if (refusal := all_refused(parts)) is not None:
            raise refusal
        gathered = await self._gathered(parts)
        reading = self._reading(parts, gathered)
        problems = (*reading.problems, *listed.problems, *self.prices.problems(), *self.prices.missed(reading.rows))
        return replace(
            reading,
            name=parcel.name,
            digest=digest(reading.rows, problems),
            problems=problems,
            full=True,
            whole=gathered.whole and not listed.problems,
            cut_short=listed.cut_short,
        )

    async def put_away(self, parcel: Parcel, *, failed: bool) -> None:
        """Nothing lies there that could be in the way."""

    async def reread(self, customer: str, subscription: str | None = None) -> Reading:
        """Never None: every subscription can be asked for."""
        await self.prices.load()
        known = self._customers.get(customer) or Customer(id=customer, name=customer)
        try:
            known = await self._known(customer)
            if subscription is None:
                return await self._direct(await self.walk.one(known, Lane.REREAD))
            return await self._one(known, subscription)
        except RefusedError as error:
            return await self._direct(refused(known, error))
        except SourceUnreachableError as error:
            return await self._direct(unread(known, error))

    async def _known(self, customer: str) -> Customer:
        if customer not in self._customers:
            found = customer_of(await self.api.customer(customer, Lane.REREAD))
            self._customers[customer] = found or Customer(id=customer, name=customer, tenant_id=customer)
        return self._customers[customer]

    async def _one(self, customer: Customer, subscription: str) -> Reading:
        """One subscription. A 404 alone proves nothing: it is gone where the customer's own list, read now, does not
        have it either, nor an entry that could be it. (A lost relation answers 404 as well, and then so does the
        list.)"""
        try:
            item = await self.api.subscription(customer.id, subscription, Lane.REREAD)
            return await self._direct(await self.walk.alone(customer, item, Lane.REREAD))
        except RefusedError as error:
            if not error.not_ours:
                raise
        part = await self.walk.one(customer, Lane.REREAD)
        there = [item for item in part.items if id_of(item) == subscription]
        readable = all(id_of(item) is not None for item in part.items)
        denied = readable and not (there or part.silent or part.unread)
        reading = await self._direct(replace(part, items=there, usage=()))
        return replace(reading, gone=frozenset({subscription})) if denied else reading

    async def _direct(self, part: Part) -> Reading:
        return self._reading([part], await self._gathered([part]))

    async def _gathered(self, parts: Sequence[Part]) -> Gathered:
        gathered = gather(parts, self.calendar.now())
        await self.payloads.keep(gathered.payloads)
        return gathered

    def _reading(self, parts: Sequence[Part], gathered: Gathered) -> Reading:
        rows = self.prices.priced(gathered.rows, self.calendar.now().date())
        return Reading(
            NAME,
            digest(rows, gathered.problems),
            rows,
            tuple(gathered.problems),
            full=False,
            whole=gathered.whole,
            live=True,
            customers=frozenset(part.customer.id for part in parts if not (part.silent or part.unread)),
            silent=tuple(part.silent for part in parts if part.silent),
            unread=tuple(part.unread for part in parts if part.unread),
            usage=tuple(gathered.usage),
        )

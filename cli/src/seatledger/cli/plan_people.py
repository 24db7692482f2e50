"""What a plan's ids mean to people: its company's name, and the subscriptions that made each item."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from seatledger.cli.context import Row
from seatledger.schemas.ids import CompanyKey

if TYPE_CHECKING:
    from seatledger.runtime.store import Store
    from seatledger.schemas.planning import PlanDocument

SHOWN = 5
"""Subscriptions of one item that are named; a line with hundreds is no reading matter."""


@dataclass(frozen=True)
class Meaning:
    """``subscriptions``: what is said of each by the ids of the mapper's results, which an item's causes are.
    ``names``: how an account is called now, where that is not its first name."""

    company: str = ""
    subscriptions: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def place(self, source: str, subscription: str) -> str:
        """A subscription as ``explain`` takes it."""
        return f"{self.names.get(source, source)}/{subscription}"

    def behind(self, causes: Iterable[str]) -> str:
        """The subscriptions of an item, each once; empty where none of its causes is known any more."""
        found = sorted({self.subscriptions[cause] for cause in causes if cause in self.subscriptions})
        more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        return ", ".join(found[:SHOWN]) + more


def at_a_glance(plan: "PlanDocument", names: Mapping[str, str]) -> Row:
    """What a list shows of a plan: whose it is, units that come and that go, and what they cost in each period."""
    jumps = [item.after - item.before for item in plan.items]
    sums = (f"{sum(jump for jump in jumps if jump > 0):+d}", f"{sum(jump for jump in jumps if jump < 0):+d}")
    prices = [item.each_period for item in plan.items]
    known = [price for price in prices if price is not None]
    return {
        "company": f"{plan.company} {names.get(_company(plan), '')}".rstrip(),
        "units": " ".join(one for one in sums if one != "+0"),
        "each_period": reduce(add, known).model_dump(mode="json") if known and len(known) == len(prices) else None,
        "expires_at": plan.expires_at.date() if plan.expires_at and plan.state.value == "proposed" else None,
    }


async def company_names(store: "Store", plans: Iterable["PlanDocument"]) -> dict[str, str]:
    """Names of the plans' companies in Autotask, by connection / company."""
    from seatledger.runtime.store import Documents
    from seatledger.schemas.mirror import PSA_COMPANIES, MirrorCompany

    ids = sorted({_company(plan) for plan in plans})
    found = await Documents(store.collection(PSA_COMPANIES), MirrorCompany).get_many(ids)
    return {key: company.name for key, company in found.items()}


def _company(plan: "PlanDocument") -> str:
    return str(CompanyKey(connection=plan.connection, company=plan.company))


async def meaning(store: "Store", plan: "PlanDocument", names: Mapping[str, str]) -> Meaning:
    """What the stores say of it; ``names`` as in :class:`Meaning`."""
    from seatledger.cli.explaining.gathering import said_by
    from seatledger.runtime.store import Documents
    from seatledger.schemas.heads import MAPPED
    from seatledger.schemas.shapes import MappedShape

    company = _company(plan)
    told = await Documents(store.collection(MAPPED), MappedShape).find({"told.company": company})
    means = Meaning((await company_names(store, [plan])).get(company, ""), names=names)
    subscriptions = {
        said.id: f"{means.place(said.key.source, said.key.subscription)} ({document.sighting.snapshot.offer_name})"
        for document in told
        for said in said_by(document)
    }
    return replace(means, subscriptions=subscriptions)

"""The mirror's companies and services of one connection, as automatic mapping looks them up by name."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from seatledger.mapper.domain.names import fold
from seatledger.schemas.ids import CompanyId, ServiceId
from seatledger.schemas.mirror import PERIOD_TYPES, MirrorCompany, MirrorService
from seatledger.schemas.subscriptions import BillingCycle

T = TypeVar("T")


@dataclass(frozen=True)
class Directory:
    """What the mirror knows at one generation; 0 is before the first mirror."""

    generation: int = 0
    companies: tuple[MirrorCompany, ...] = ()
    services: tuple[MirrorService, ...] = ()

    @cached_property
    def company(self) -> dict[CompanyId, MirrorCompany]:
        return {company.company: company for company in self.companies}

    @cached_property
    def service(self) -> dict[ServiceId, MirrorService]:
        return {service.service: service for service in self.services}

    @cached_property
    def _customers_by_name(self) -> dict[str, list[MirrorCompany]]:
        return _by_name((company for company in self.companies if company.is_customer), lambda company: company.name)

    @cached_property
    def _services_by_name(self) -> dict[str, list[MirrorService]]:
        return _by_name((service for service in self.services if service.is_active), lambda service: service.name)

    def customers_named(self, name: str) -> list[MirrorCompany]:
        """Active companies of type Customer with this name (K33)."""
        return self._customers_by_name.get(fold(name), [])

    def services_named(self, name: str, cycle: BillingCycle) -> list[MirrorService]:
        """Active services with this name whose period type is the billing cycle's."""
        period = PERIOD_TYPES.get(cycle)
        return [
            service
            for service in self._services_by_name.get(fold(name), [])
            if period is not None and service.period_type == period
        ]

    def same_names(self, other: "Directory") -> bool:
        """Whether automatic mapping would decide the same under both."""
        return (self._facts(), self.generation > 0) == (other._facts(), other.generation > 0)

    def _facts(self) -> tuple[frozenset[object], frozenset[object]]:
        companies = frozenset((c.company, c.name, c.company_type, c.is_active) for c in self.companies)
        return companies, frozenset((s.service, s.name, s.is_active, s.period_type) for s in self.services)


def _by_name(things: Iterable[T], name: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = defaultdict(list)
    for thing in things:
        if folded := fold(name(thing)):
            found[folded].append(thing)
    return dict(found)

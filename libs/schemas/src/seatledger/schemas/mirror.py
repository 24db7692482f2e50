"""The mirror's read shape: Autotask's companies, services, contracts and lines as last read, in bulk, by the writer.

Never a ground for posting (design.md section 2). Collections ``psa_companies``, ``psa_services``, ``psa_contracts``,
``psa_lines`` with ids connection / Autotask id, and ``psa_mirrors`` with one row a connection.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

from seatledger.schemas.base import Instant, Tolerant
from seatledger.schemas.documents import Document
from seatledger.schemas.ids import CompanyId, ConnectionName, ContractId, LineId, ServiceId
from seatledger.schemas.money import Amount
from seatledger.schemas.subscriptions import BillingCycle

PSA_COMPANIES = "psa_companies"
PSA_SERVICES = "psa_services"
PSA_CONTRACTS = "psa_contracts"
PSA_LINES = "psa_lines"
PSA_MIRRORS = "psa_mirrors"

CUSTOMER_TYPE = 1
"""Companies.companyType of a customer (Autotask reference 11.1)."""
RECURRING_SERVICE = 7
"""Contracts.contractType of a recurring-service contract (11.2)."""
IN_EFFECT = 1
"""Contracts.status of a contract in effect; every other value is not (11.2)."""
PERIOD_TYPES: Final[Mapping[BillingCycle, int]] = {BillingCycle.MONTHLY: 2, BillingCycle.ANNUAL: 5}
"""Contracts.contractPeriodType (11.2) and Services.periodType (11.7) that fit a billing cycle; others fit none."""
PERIOD_MONTHS: Final[Mapping[int, int]] = {2: 1, 3: 3, 4: 6, 5: 12}
"""Months of a contract's period by Contracts.contractPeriodType (11.2)."""


class MirrorCompany(Document):
    connection: ConnectionName
    company: CompanyId
    name: str
    company_type: int
    is_active: bool

    @property
    def is_customer(self) -> bool:
        return self.company_type == CUSTOMER_TYPE and self.is_active


class MirrorService(Document):
    connection: ConnectionName
    service: ServiceId
    name: str
    is_active: bool
    period_type: int | None = None
    """2 monthly, 3 quarterly, 4 semi-annual, 5 yearly (11.7)."""
    unit_price: Amount | None = None


class MirrorContract(Document):
    connection: ConnectionName
    contract: ContractId
    company: CompanyId
    name: str
    contract_type: int
    period_type: int | None
    status: int
    start: date
    end: date

    @property
    def is_recurring(self) -> bool:
        return self.contract_type == RECURRING_SERVICE

    @property
    def in_effect(self) -> bool:
        return self.status == IN_EFFECT


class UnitRow(Tolerant):
    """A ContractServiceUnits row: ``units`` from ``start`` to ``end``, both inclusive."""

    id: int
    start: date
    end: date
    units: int
    price: Amount | None = None
    """Extended price of the row: units × unit price, prorated if partial (11.5)."""
    posted: bool = False
    """approveAndPostDate is set: the period is closed."""


class MirrorLine(Document):
    """A ContractServices row with the unit rows of the mirror's date window, by start."""

    connection: ConnectionName
    line: LineId
    contract: ContractId
    company: CompanyId
    service: ServiceId
    unit_price: Amount | None = None
    rows: tuple[UnitRow, ...] = ()


class MirrorState(Document):
    """One row a connection: what the last mirror was. ``generation`` counts full mirrors; 0 is none yet."""

    connection: ConnectionName
    generation: int
    first_mirrored_at: Instant | None = None
    mirrored_at: Instant | None = None
    """Machine instants."""
    contracts: int = 0
    lines: int = 0
    calls: int = 0
    error: str | None = None
    asked: int = 0
    """Readings asked for by command, ever; any replica raises it, the one that holds the lease reads."""
    answered: int = 0
    """The value of ``asked`` that the last reading answered."""

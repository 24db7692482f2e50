"""What a sandbox starts with: the seed document in the vendor's field names."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from autotask_sandbox.grid import span_fault
from autotask_sandbox.switches import Switches

Id = Annotated[int, Field(ge=0, lt=2**31)]
Money = Annotated[Decimal, Field(max_digits=18, decimal_places=4)]


class Strict(BaseModel):
    """Unknown keys are errors; nothing changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VendorRow(BaseModel):
    """Takes every field that the entity has; the loader checks the names against the entity's table."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Rights(Strict):
    """What the user's security level permits (reference section 15).

    ``inventory``: Products, Services & Inventory, needed to write services. ``linesOfBusiness``: the
    organizationalLevelAssociationID of the contracts that the user sees besides those without one; null: all.
    """

    contracts: Literal["all", "limited", "none"] = "all"
    cost: bool = True
    inventory: bool = True
    impersonate: bool = True
    linesOfBusiness: tuple[Id, ...] | None = None  # noqa: N815 - the seed speaks the vendor's names


class SeedUser(Strict):
    username: str
    secret: str
    integrationCode: str  # noqa: N815 - the seed speaks the vendor's names
    resourceID: Id = 5  # noqa: N815 - the seed speaks the vendor's names
    rights: Rights = Rights()


class SeedCompany(VendorRow):
    id: Id
    companyName: str  # noqa: N815 - the seed speaks the vendor's names
    companyType: int = 1  # noqa: N815 - the seed speaks the vendor's names
    isActive: bool = True  # noqa: N815 - the seed speaks the vendor's names


class SeedService(VendorRow):
    id: Id
    name: str
    periodType: Literal[2, 3, 4, 5] = 2  # noqa: N815 - the seed speaks the vendor's names
    unitPrice: Money = Decimal(0)  # noqa: N815 - the seed speaks the vendor's names
    unitCost: Money | None = None  # noqa: N815 - the seed speaks the vendor's names
    isActive: bool = True  # noqa: N815 - the seed speaks the vendor's names


class SeedLine(VendorRow):
    """A ContractServices row; ``units`` hold from the contract's start. Without ``id`` one is given."""

    id: Id | None = None
    serviceID: Id  # noqa: N815 - the seed speaks the vendor's names
    unitPrice: Money | None = None  # noqa: N815 - the seed speaks the vendor's names
    unitCost: Money | None = None  # noqa: N815 - the seed speaks the vendor's names
    units: Annotated[int, Field(ge=0, lt=2**31)] = 0


class SeedBundleLine(VendorRow):
    """A ContractServiceBundles row; ``units`` hold from the contract's start. Without ``id`` one is given."""

    id: Id | None = None
    serviceBundleID: Id  # noqa: N815 - the seed speaks the vendor's names
    unitPrice: Money | None = None  # noqa: N815 - the seed speaks the vendor's names
    units: Annotated[int, Field(ge=0, lt=2**31)] = 0


class SeedBundle(VendorRow):
    """A ServiceBundles row; ``services`` are the ids of the services in it."""

    id: Id
    name: str
    periodType: Literal[2, 3, 4, 5] = 2  # noqa: N815 - the seed speaks the vendor's names
    unitPrice: Money = Decimal(0)  # noqa: N815 - the seed speaks the vendor's names
    isActive: bool = True  # noqa: N815 - the seed speaks the vendor's names
    services: tuple[Id, ...] = ()


class SeedContract(VendorRow):
    """``postedThrough``: rows that start on or before this day are approved and posted."""

    id: Id
    companyID: Id  # noqa: N815 - the seed speaks the vendor's names
    contractName: str = "Recurring services"  # noqa: N815 - the seed speaks the vendor's names
    contractType: int = 7  # noqa: N815 - the seed speaks the vendor's names
    contractPeriodType: Literal[2, 3, 4, 5] | None = 2  # noqa: N815 - the seed speaks the vendor's names
    status: int = 1
    startDate: date  # noqa: N815 - the seed speaks the vendor's names
    endDate: date  # noqa: N815 - the seed speaks the vendor's names
    postedThrough: date | None = None  # noqa: N815 - the seed speaks the vendor's names
    services: tuple[SeedLine, ...] = ()
    bundles: tuple[SeedBundleLine, ...] = ()

    @model_validator(mode="after")
    def _ends_after_start(self) -> SeedContract:
        if fault := span_fault(self.startDate, self.endDate):
            raise ValueError(fault)
        if self.contractType == 7 and self.contractPeriodType is None:
            raise ValueError("a contract of type 7 needs a contractPeriodType")
        if (self.services or self.bundles) and self.contractType != 7:
            raise ValueError("only a contract of type 7 (Recurring Service) has services")
        return self


class SeedResource(VendorRow):
    id: Id


class SeedBillingCode(VendorRow):
    id: Id
    name: str
    useType: int = 5  # noqa: N815 - the seed speaks the vendor's names
    isActive: bool = True  # noqa: N815 - the seed speaks the vendor's names


class SeedRow(VendorRow):
    """A row of a list that most tenants leave as it is."""

    id: Id
    name: str


class SeedUserField(Strict):
    """The definition of a user-defined field of ``entity``; ``dataType`` 1 text, 3 number, 4 date."""

    entity: Literal["Companies", "Contracts", "Services", "ServiceBundles", "Subscriptions"]
    name: str
    dataType: Literal[1, 2, 3, 4, 5] = 1  # noqa: N815 - the seed speaks the vendor's names
    description: str | None = None
    defaultValue: str | None = None  # noqa: N815 - the seed speaks the vendor's names
    isRequired: bool = False  # noqa: N815 - the seed speaks the vendor's names
    isEncrypted: bool = False  # noqa: N815 - the seed speaks the vendor's names
    isProtected: bool = False  # noqa: N815 - the seed speaks the vendor's names


class Limits(Strict):
    """``threshold`` calls in 60 real minutes, ``threads`` in flight; ``latency_ms`` is what every call takes.

    ``late_note_seconds``: real time until a note is there under the switch ``adjustment_note: late``.
    """

    threshold: Annotated[int, Field(gt=0)] = 10000
    threads: Annotated[int, Field(gt=0)] = 3
    latency_ms: Annotated[float, Field(ge=0, le=60000)] = 5
    late_note_seconds: Annotated[float, Field(ge=0, le=3600)] = 3


class Seed(Strict):
    """``tenant`` draws the ids of picklists that tenants may edit; ``picklists`` spells some out (Entity.field)."""

    tenant: Annotated[int, Field(ge=0)] = 0
    picklists: dict[str, dict[str, str]] = {}
    userDefinedFields: tuple[SeedUserField, ...] = ()  # noqa: N815 - the seed speaks the vendor's names
    users: tuple[SeedUser, ...] = ()
    resources: tuple[SeedResource, ...] = ()
    billingCodes: tuple[SeedBillingCode, ...] = ()  # noqa: N815 - the seed speaks the vendor's names
    companyCategories: tuple[SeedRow, ...] = ()  # noqa: N815 - the seed speaks the vendor's names
    currencies: tuple[SeedRow, ...] = ()
    companies: tuple[SeedCompany, ...] = ()
    services: tuple[SeedService, ...] = ()
    serviceBundles: tuple[SeedBundle, ...] = ()  # noqa: N815 - the seed speaks the vendor's names
    contracts: tuple[SeedContract, ...] = ()
    switches: Switches = Switches()
    limits: Limits = Limits()

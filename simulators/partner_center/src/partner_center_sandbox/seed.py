"""What a sandbox starts with: the seed document in the vendor's field names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from partner_center_sandbox.fields import CustomerFields, Key, SubscriptionFields, VendorFields
from partner_center_sandbox.switches import Seconds, Switches

Text = Annotated[str, Field(min_length=1)]


class Own(VendorFields):
    """Keys that are the sandbox's own are written in snake case."""

    model_config = ConfigDict(alias_generator=None)


class SeedEntitlement(VendorFields):
    """An Azure subscription below an Azure plan."""

    id: Key
    friendly_name: str = ""
    status: str = "active"


class SeedUsage(VendorFields):
    """The month-to-date total of a usage subscription; without a US total it is the same number."""

    total_cost: float = 0.0
    usd_total_cost: float | None = None
    currency_code: str = "EUR"


class SeedSubscription(SubscriptionFields):
    """``end_date_delay_s``: real seconds until the end date appears; ``pending_s``: until provisioning is over."""

    id: Key
    offer_id: Key
    end_date_delay_s: Seconds = Field(default=0, alias="end_date_delay_s")
    pending_s: Seconds = Field(default=0, alias="pending_s")
    provisioning: Literal["success", "failed"] = "success"
    azure_entitlements: tuple[SeedEntitlement, ...] = Field(default=(), alias="azure_entitlements")
    usage: SeedUsage = SeedUsage()


class SeedCustomer(CustomerFields):
    id: Key
    company_name: Text
    subscriptions: tuple[SeedSubscription, ...] = ()


class Limits(Own):
    """``per_minute`` calls on customers, subscriptions and orders in any ``window_s`` real seconds (section 2.6)."""

    per_minute: Annotated[int, Field(gt=0)] = 500
    window_s: Annotated[float, Field(gt=0, le=3600)] = 60
    validation_events: Annotated[int, Field(gt=0)] = 2
    latency_ms: Annotated[float, Field(ge=0, le=60_000)] = 0


class Seed(Own):
    """``page_size`` is the largest page of customers and of audit records, whatever ``size`` a caller asks for."""

    tenant: Key
    client_id: Key
    client_secret: Text
    refresh_token: Text | None = None
    token_seconds: Annotated[int, Field(gt=0)] = 3599
    page_size: Annotated[int, Field(gt=0, le=500)] = 20
    mpn_id: str = "4815162"
    country: str = "NL"
    currency: str = "EUR"
    customers: tuple[SeedCustomer, ...] = ()
    switches: Switches = Switches()
    limits: Limits = Limits()

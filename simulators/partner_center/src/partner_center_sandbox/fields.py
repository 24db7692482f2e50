"""The fields of a subscription by their vendor's names (section 2.4), with types: for seeds and for control changes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from partner_center_sandbox.moments import midnight, parse_instant, stamp


def _instant(value: object) -> object:
    """A day becomes its UTC midnight; an instant is kept as it was written, fractions and all."""
    match value:
        case datetime():
            return stamp(value if value.tzinfo else value.replace(tzinfo=UTC))
        case date():
            return midnight(value)
        case str():
            try:
                parse_instant(value)
            except ValueError:
                raise ValueError("is no instant such as 2026-03-01T00:00:00Z") from None
            return midnight(date.fromisoformat(value)) if len(value) == len("2026-03-01") else value
    return value


Key = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^/?#\s]+$")]
Instant = Annotated[str, BeforeValidator(_instant)]
Status = Literal["none", "active", "pending", "suspended", "expired", "disabled", "deleted"]
BillingCycle = Literal["unknown", "monthly", "annual", "none", "one_time", "triennial", "biennial"]
BillingType = Literal["none", "usage", "license", "benefit"]
Term = Annotated[str, Field(pattern=r"^(P\d+[MY])?$")]


class VendorFields(BaseModel):
    """Written in snake case here, read and shown in the vendor's camel case. Unknown names are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    def given(self) -> dict[str, Any]:
        """What was said, in the vendor's names."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class SubscriptionFields(VendorFields):
    """All are optional: what is not given has a default or is not shown."""

    offer_id: Key | None = None
    offer_name: str | None = None
    friendly_name: str | None = None
    entitlement_id: str | None = None
    product_type: dict[str, Any] | None = None
    quantity: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    unit_type: str | None = None
    parent_subscription_id: Key | None = None
    has_purchasable_addons: bool | None = None
    creation_date: Instant | None = None
    effective_start_date: Instant | None = None
    commitment_end_date: Instant | None = None
    commitment_end_date_time: Instant | None = None
    cancellation_allowed_until_date: Instant | None = None
    billing_cycle_end_date: Instant | None = None
    billing_cycle_end_date_time: Instant | None = None
    status: Status | None = None
    auto_renew_enabled: bool | None = None
    billing_type: BillingType | None = None
    billing_cycle: BillingCycle | None = None
    term_duration: Term | None = None
    renewal_term_duration: Term | None = None
    is_trial: bool | None = None
    is_microsoft_product: bool | None = None
    publisher_name: str | None = None
    refund_options: list[dict[str, Any]] | None = None
    refundable_quantity: dict[str, Any] | None = None
    scheduled_next_term_instructions: dict[str, Any] | None = None
    scheduled_actions: list[dict[str, Any]] | None = None
    next_charge_instructions: dict[str, Any] | None = None
    promotion_id: str | None = None
    migrated_from_subscription_id: Key | None = None
    contract_type: Literal["subscription", "productKey", "redemptionCode"] | None = None
    suspension_reasons: list[str] | None = None
    actions: list[str] | None = None
    attention_needed: bool | None = None
    action_taken: bool | None = None
    partner_id: str | None = None
    order_id: Key | None = None


class CustomerFields(VendorFields):
    """What a seed and a control change may say of a customer; ``listed`` takes it from the list of customers."""

    company_name: str | None = None
    domain: str | None = None
    relationship_to_partner: Literal["none", "reseller", "advisor", "syndication", "microsoft_support"] | None = None
    commerce_id: str | None = None
    allow_delegated_access: bool | None = None
    custom_domains: list[str] | None = None
    associated_partner_id: str | None = None
    billing_profile: dict[str, Any] | None = None
    listed: bool | None = None

"""The two kinds of recurring contract lines: services and bundles of services (reference sections 11.3 to 11.6)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """The entities of one kind and the names of the fields that lead to them."""

    lines: str
    items: str
    units: str
    adjustments: str
    line_id: str
    item_id: str
    repeat: str
    reprices: bool
    billing_prefix: str


SERVICE = Kind(
    lines="ContractServices",
    items="Services",
    units="ContractServiceUnits",
    adjustments="ContractServiceAdjustments",
    line_id="contractServiceID",
    item_id="serviceID",
    repeat="allowRepeatService",
    reprices=True,
    billing_prefix="contractService",
)
# Bundle adjustments change quantity only (11.4, V).
BUNDLE = Kind(
    lines="ContractServiceBundles",
    items="ServiceBundles",
    units="ContractServiceBundleUnits",
    adjustments="ContractServiceBundleAdjustments",
    line_id="contractServiceBundleID",
    item_id="serviceBundleID",
    repeat="allowRepeatServiceBundle",
    reprices=False,
    billing_prefix="contractServiceBundle",
)
KINDS = (SERVICE, BUNDLE)
BY_LINES = {kind.lines: kind for kind in KINDS}
BY_UNITS = {kind.units: kind for kind in KINDS}
BY_ADJUSTMENTS = {kind.adjustments: kind for kind in KINDS}

"""What the reading calls answer (section 2.3)."""

from __future__ import annotations

import time
from typing import Any

from partner_center_sandbox import shapes
from partner_center_sandbox.books import Customer, Shown, by_calendar
from partner_center_sandbox.calls import Call
from partner_center_sandbox.completing import made_up_guid
from partner_center_sandbox.errors import not_found, wrong_mode
from partner_center_sandbox.filters import customer_filter
from partner_center_sandbox.orders import order_of
from partner_center_sandbox.tenant import Tenant
from partner_center_sandbox.tokens import Mode

Path = dict[str, str]
RECORD_QUERY = {"filter", "startdate", "enddate"}


class Reads:
    """One method a call; each is given the path's variables. ``at``: the monotonic instant that is shown."""

    def __init__(self, tenant: Tenant, call: Call, mode: Mode) -> None:
        self._tenant = tenant
        self._call = call
        self._mode = mode
        self._at = tenant.read_at()
        self._now = tenant.now()

    def _wire(self, customer: Customer, shown: Shown) -> dict[str, Any]:
        fields = by_calendar(shown.fields, self._now)
        return shapes.subscription(customer.id, fields, shown.version, self._tenant.seed.country)

    def _shown(self, customer: Customer) -> list[Shown]:
        found = [one.shown(self._at) for one in customer.subscriptions.values()]
        return [one for one in found if one is not None]

    def customers(self, _path: Path) -> Any:
        wanted = customer_filter(self._call.query.get("filter"))
        found = [one for one in self._tenant.books.customers() if one.listed and wanted(one)]
        rows = [(one.id, shapes.customer_row(one)) for one in found]
        return self._tenant.pages.cut(self._call, "/customers", {"filter"}, rows, self._tenant.switches)

    def customer(self, path: Path) -> Any:
        customer = self._tenant.customer(path["customer"])
        return shapes.customer_profile(customer, self._tenant.seed.country, made_up_guid("commerce", customer.id))

    def auditrecords(self, _path: Path) -> Any:
        """Days, a filter, pages by token; newest first."""
        found = self._tenant.audit.between(self._call.query, self._now.date())
        rows = [(str(one["id"]), one) for one in found]
        return self._tenant.pages.cut(self._call, "/auditrecords", RECORD_QUERY, rows, self._tenant.switches)

    def subscriptions(self, path: Path) -> Any:
        """The whole list, deleted ones too; by order or by indirect reseller where the query says so."""
        customer = self._tenant.our_customer(path["customer"])
        shown = self._shown(customer)
        for name, key in (("order_id", "orderId"), ("mpn_id", "partnerId")):
            if value := self._call.query.get(name):
                shown = [one for one in shown if one.fields.get(key) == value]
        return shapes.collection([self._wire(customer, one) for one in shown])

    def subscription(self, path: Path) -> Any:
        customer = self._tenant.our_customer(path["customer"])
        return self._wire(customer, self._tenant.subscription(customer, path["subscription"], self._at)[1])

    def addons(self, path: Path) -> Any:
        customer = self._tenant.our_customer(path["customer"])
        base, _ = self._tenant.subscription(customer, path["subscription"], self._at)
        children = [one for one in self._shown(customer) if one.fields.get("parentSubscriptionId") == base.id]
        return shapes.collection([self._wire(customer, one) for one in children])

    def provisioningstatus(self, path: Path) -> Any:
        """Needs App+User; pending while a purchase or a change is on its way (section 2.13)."""
        if self._mode == "app" and self._tenant.switches.provisioning_status == "app_user":
            raise wrong_mode()
        customer = self._tenant.our_customer(path["customer"])
        found, shown = self._tenant.subscription(customer, path["subscription"], self._at)
        waiting = shown.fields["status"] == "pending" or found.is_changing(self._at)
        body = {
            "skuId": made_up_guid("sku", str(shown.fields["offerId"])).upper(),
            "status": "pending" if waiting else "success",
            "quantity": shown.fields["quantity"],
            "endDate": shown.fields.get("commitmentEndDate"),
        }
        kept = {name: value for name, value in body.items() if value is not None}
        return {**kept, "attributes": {"objectType": "SubscriptionProvisioningStatus"}}

    def azureentitlements(self, path: Path) -> Any:
        customer = self._tenant.our_customer(path["customer"])
        found, _ = self._tenant.subscription(customer, path["subscription"], self._at)
        rows = [one.model_dump(by_alias=True) for one in found.seed.azure_entitlements]
        return shapes.collection([{**row, "subscriptionId": found.id} for row in rows])

    def transitions(self, path: Path) -> Any:
        customer = self._tenant.our_customer(path["customer"])
        return shapes.collection(self._tenant.subscription(customer, path["subscription"], self._at)[0].transitions)

    def usagerecords(self, path: Path) -> Any:
        """Month-to-date totals of the customer's usage subscriptions, about a day behind (section 2.10)."""
        customer = self._tenant.our_customer(path["customer"])
        usage = [one for one in self._shown(customer) if one.fields["billingType"] == "usage"]
        links = {"self": shapes.link(f"/customers/{customer.id}/subscriptions/usagerecords/")}
        return shapes.collection([self._usage(customer, one) for one in usage], links)

    def _usage(self, customer: Customer, shown: Shown) -> dict[str, Any]:
        found = customer.subscriptions[shown.fields["id"].lower()]
        total = found.usage
        return {
            "status": shown.fields["status"],
            "partnerOnRecord": shown.fields["partnerId"] or self._tenant.seed.mpn_id,
            "offerId": shown.fields["offerId"],
            "resourceId": found.id,
            "id": found.id,
            "resourceName": shown.fields["offerName"],
            "name": shown.fields["friendlyName"] or shown.fields["offerName"],
            "totalCost": total.total_cost,
            "currencyCode": total.currency_code,
            "usdTotalCost": total.total_cost if total.usd_total_cost is None else total.usd_total_cost,
            "lastModifiedDate": f"{self._now:%Y-%m-%dT%H:%M:%S}.53+00:00",
            "attributes": {"objectType": "SubscriptionMonthlyUsageRecord"},
        }

    def _orders(self, customer: Customer) -> list[dict[str, Any]]:
        """Orders that are old enough to be seen."""
        horizon = time.monotonic() - self._tenant.switches.order_delay_s
        bought = [one for one in customer.subscriptions.values() if one.states[0].since <= horizon]
        return order_of(customer, bought, self._at, self._tenant.seed)

    def orders(self, path: Path) -> Any:
        return shapes.collection(self._orders(self._tenant.our_customer(path["customer"])))

    def order(self, path: Path) -> Any:
        found = self._orders(self._tenant.our_customer(path["customer"]))
        for order in found:
            if order["id"] == path["order"]:
                return order
        raise not_found(f"Order {path['order']}")

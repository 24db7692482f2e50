"""What happens at the distributor with an API, and the proof that it did."""

import json
import time
from pathlib import Path
from typing import Any

from scenarios import cloud
from scenarios.draw import (
    CLOUD_PRICE_CHANGE,
    HINT_DAY,
    LATE_ARRIVED_DAY,
    LATE_DAY,
    LEFT_DAY,
    MOVE_DAY,
    PARTIAL_DAY,
    PRICE_DAY,
    THROTTLED_DAY,
)
from scenarios.msp import Month, Subscription
from scenarios.world import Cli, DemoError, Sandbox

HINT_SECONDS = 60.0
"""Longest wait for a hint's change to be posted; it takes about a second."""
ON_THE_WIRE = 3
"""Calls that may have left before the 429 came back."""
Swept = list[dict[str, Any]]


class ApiScenes:
    """The demo's hands at the Partner Center sandbox. ``evidence`` counts what really happened."""

    def __init__(self, month: Month, folder: Path, sandbox: Sandbox, autotask: Sandbox, cli: Cli) -> None:
        self.month = month
        self.folder = folder
        self.sandbox = sandbox
        self.autotask = autotask
        self.cli = cli
        self.evidence: dict[str, int] = {}

    def before(self, index: int) -> None:
        """What happens at Partner Center on that day, before it is read."""
        star = self.month.star
        if index == LATE_DAY:
            self._order(star("late_end_date"))
        if index == LATE_ARRIVED_DAY:
            self._patch(star("late_end_date"), {"commitmentEndDate": cloud.ANNOUNCED_LATE})
        if index == PRICE_DAY:  # a price holds for the whole term: the new one comes with the next
            (self.folder / "prices.csv").write_text(cloud.prices(self.month.day(index)))
            self._patch(star("price_change"), cloud.renewed(self.month.day(index)))
        if index == THROTTLED_DAY:
            self._fault("/customers/", {"status": 429, "retry_after": 2, "times": 1})
        if index == PARTIAL_DAY:
            self._fault(cloud.customer_id(star("partial_sweep").customer), {"status": 503, "times": 100})
        if index == LEFT_DAY:
            self.sandbox.send(
                "PATCH",
                f"/_sandbox/customers/{cloud.customer_id(star('customer_left').customer)}",
                {"relationshipToPartner": "none"},
            )
        if index == MOVE_DAY:
            moved = star("moved")
            contract = self.month.customer(moved.id).second_contract
            self.cli.run("map", "contract", "cloud", moved.id, str(contract))

    def changed(self, index: int, subscriptions: list[str]) -> None:
        """The seats of that day, as Microsoft has them now; each change is hinted at, and one must go by that alone."""
        before = self._effects(self.month.star("webhook_hint"))
        for key in subscriptions:
            subscription = self.month.subscriptions[key]
            if subscription.account == "cloud":
                self._patch(
                    subscription,
                    {"quantity": subscription.seats, "status": subscription.status, "isTrial": subscription.trial},
                )
        if index == HINT_DAY:
            self._wait_for_the_hint(before)

    def after(self, index: int, swept: Swept) -> None:
        """What the sweep of that day must have shown."""
        cloud_sweep = next(sweep for sweep in swept if sweep["source"] == "cloud")
        if index == THROTTLED_DAY:
            (fault,) = self.sandbox.get("/_sandbox/faults")
            early = self.sandbox.get("/_sandbox/counters")["over_limit"]
            obeyed = fault["hits"] > 0 and early <= ON_THE_WIRE
            self.evidence["throttled_sweep"] = int(obeyed and cloud_sweep["complete"])
        if index == PARTIAL_DAY:
            self.evidence["partial_sweep"] = int(not cloud_sweep["complete"])
        if index in (PARTIAL_DAY, THROTTLED_DAY):
            self.sandbox.send("DELETE", "/_sandbox/faults")

    def price_shown(self) -> int:
        """Events that carry the new price."""
        key = self.month.star("price_change").id
        told = [json.loads(line)["event"]["data"] for line in self.cli.lines("tail", "subscriptions.changed.v1")]
        prices = [each["unit_price"] for each in told if each["key"]["subscription"] == key]
        return sum(price is not None and price["amount"] == f"{CLOUD_PRICE_CHANGE:.2f}" for price in prices)

    def _order(self, subscription: Subscription) -> None:
        """A new purchase whose end date is not there yet."""
        record = {**cloud.record(subscription), "commitmentEndDate": cloud.ANNOUNCED_LATE, "end_date_delay_s": 86400}
        customer = cloud.customer_id(subscription.customer)
        self.sandbox.post(f"/_sandbox/customers/{customer}/subscriptions", record)

    def _patch(self, subscription: Subscription, fields: dict[str, Any]) -> None:
        self.sandbox.send("PATCH", cloud.path(subscription), fields)

    def _fault(self, part: str, what: dict[str, Any]) -> None:
        match = {"method": "GET", "path_contains": part}
        self.sandbox.post("/_sandbox/faults", {"match": match, "do": "status", **what})

    def _wait_for_the_hint(self, before: int) -> None:
        """Microsoft told the collector's webhook: the change must be posted without anybody asking for a sweep."""
        began = time.monotonic()
        while self._effects(self.month.star("webhook_hint")) == before:
            if time.monotonic() - began > HINT_SECONDS:
                raise DemoError("a webhook's change was not posted; see collector.log in st/logs")
            time.sleep(0.1)
        self.evidence["webhook_hint"] = 1

    def _effects(self, subscription: Subscription) -> int:
        effects = self.autotask.get("/_sandbox/effects?after=0")
        return sum(effect["contractServiceID"] == subscription.line for effect in effects)

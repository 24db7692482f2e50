"""What postings bill, against arithmetic of its own."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx2
from hypothesis import given
from hypothesis import strategies as st

from autotask_sandbox.amounts import BASE, Bill
from autotask_sandbox.grid import Period
from autotask_sandbox.units import Change, Line

V1 = "/ATServicesRest/V1.0"
START, END = date(2026, 3, 1), date(2026, 3, 31)
MARCH = Period(START, END, 31)
orders = st.lists(st.tuples(st.integers(-3, 30), st.integers(-2, 4), st.sampled_from([None, 20, 25, 31])), max_size=5)


def _changes(wanted: list[tuple[int, int, int | None]]) -> list[Change]:
    """Numbered in the order in which they were entered, which need not be that of their days."""
    return [
        Change(START + timedelta(days=day), delta, None if price is None else Decimal(price), None, number)
        for number, (day, delta, price) in enumerate(wanted, 1)
    ]


def _cost_by_days(line: Line) -> Decimal:
    """Each day of March with its own quantity and price: exact, in money per day."""
    days = [START + timedelta(days=n) for n in range(31)]
    return sum((line.units_on(day) * line.price_on(day) / 31 for day in days), Decimal(0))


@given(orders, st.integers(0, 5))
def test_postings_add_up_to_what_the_period_costs(wanted: list[tuple[int, int, int | None]], early: int) -> None:
    """Some changes are known when the period is billed, the others come one by one: the sum is the sum of the days."""
    line = Line(1, 1, 1, 20, Decimal("23.10"), None)
    bill = Bill(line, MARCH, daily=True)
    changes = _changes(wanted)
    line.changes = sorted(changes[:early], key=lambda c: (c.on, c.number))
    items = [bill.base()]
    billed = {BASE, *(c.number for c in line.changes if c.on <= START)}
    for change in changes:
        if change not in line.changes:
            line.changes = sorted([*line.changes, change], key=lambda c: (c.on, c.number))
        if change.number not in billed:
            items += bill.added(change, billed)
            billed.add(change.number)
    total = sum((item.total for item in items), Decimal(0))
    # each item is rounded to cents, and each price of a part of the period to four places
    tolerance = Decimal("0.01") * len(items) + Decimal("0.0005") * 40 * (1 + len(items))
    assert abs(total - _cost_by_days(line)) <= tolerance


def test_a_delta_alone_is_one_item() -> None:
    """Six more units from the 10th: 22 of 31 days of them, and nothing else."""
    line = Line(1, 1, 1, 10, Decimal("23.10"), Decimal(18))
    line.changes = [Change(date(2026, 3, 10), 6, None, None, 1)]
    items = list(Bill(line, MARCH, daily=True).added(line.changes[0], {BASE}))
    assert [(i.on, i.quantity, i.rate, i.total) for i in items] == [
        (date(2026, 3, 10), 6, Decimal("23.10"), Decimal("98.36"))
    ]
    assert items[0].cost == Decimal("12.7742") * 6


def test_units_and_price_at_once_are_two_items() -> None:
    """One more at the new price, and the ten that were there at the difference, each for half of the month."""
    line = Line(1, 1, 1, 10, Decimal(31), None)
    line.changes = [Change(date(2026, 3, 16), 1, Decimal(62), None, 1)]
    items = list(Bill(line, MARCH, daily=True).added(line.changes[0], {BASE}))
    assert [(i.quantity, i.rate, i.total) for i in items] == [
        (1, Decimal(62), Decimal("32.00")),
        (10, Decimal(31), Decimal("160.00")),
    ]


def test_a_backdated_price_bills_the_whole_period_again() -> None:
    """A price from before the period that comes after its bill: all units at the difference, from the first day on."""
    line = Line(1, 1, 1, 10, Decimal(31), None)
    line.changes = [Change(date(2026, 2, 1), 0, Decimal(30), None, 1)]
    items = list(Bill(line, MARCH, daily=True).added(line.changes[0], {BASE}))
    assert [(i.on, i.quantity, i.rate, i.total) for i in items] == [(START, 10, Decimal(-1), Decimal("-10.00"))]


def test_without_proration_a_change_counts_for_the_whole_period() -> None:
    """The switch proration none: a unit that comes on the last day costs a month."""
    line = Line(1, 1, 1, 10, Decimal(31), None)
    line.changes = [Change(END, 1, None, None, 1)]
    assert [i.total for i in Bill(line, MARCH, daily=False).added(line.changes[0], {BASE})] == [Decimal("31.00")]


async def _items(client: httpx2.AsyncClient, contract: int) -> list[dict[str, Any]]:
    query = {"filter": [{"op": "eq", "field": "contractID", "value": contract}]}
    found: list[dict[str, Any]] = (await client.post(f"{V1}/BillingItems/query", json=query)).json()["items"]
    return found


async def test_items_of_a_period_share_its_number(sandbox: httpx2.AsyncClient) -> None:
    """Quantities summed by contractServicePeriodID give the units at the period's end; no unit row has such an id."""
    body = {"contractServiceID": 8001, "unitChange": 6, "effectiveDate": "2026-03-10"}
    await sandbox.post(f"{V1}/ContractServiceAdjustments", json=body)
    await sandbox.post("/_sandbox/post", json={"contractID": 501, "through": "2026-03-31"})
    items = await _items(sandbox, 501)
    march = {item["contractServicePeriodID"] for item in items if item["itemDate"] >= "2026-03"}
    rows = (await sandbox.get(f"{V1}/Contracts/501/ServiceUnits")).json()["items"]
    assert len(march) == 1
    assert sum(i["quantity"] for i in items if i["contractServicePeriodID"] in march) == 16
    assert not {item["contractServicePeriodID"] for item in items} & {row["id"] for row in rows}


async def test_a_bundle_is_billed_as_a_bundle(sandbox: httpx2.AsyncClient) -> None:
    """Its items carry the bundle's ids and leave those of services empty."""
    body = {"contractID": 502, "serviceBundleID": 9101, "unitChange": 2, "effectiveDate": "2026-01-15"}
    await sandbox.post(f"{V1}/ContractServiceBundleAdjustments", json=body)
    await sandbox.post("/_sandbox/post", json={"contractID": 502, "through": "2026-01-20"})
    items = [item for item in await _items(sandbox, 502) if item["serviceBundleID"]]
    assert [(i["serviceBundleID"], i["serviceID"], i["contractServiceID"], i["totalAmount"]) for i in items] == [
        (9101, None, None, 100)
    ]
    assert items[0]["contractServiceBundlePeriodID"]

"""Draws an MSP and its month from one seed: who buys what where, which scenes are played, and the changes between."""

import random
import uuid
from dataclasses import replace
from datetime import timedelta

from scenarios.msp import DAYS, FIRST_DAY, Change, Customer, Line, Month, Subscription

MONTHLY_OFFERS = (
    ("BP-0001", "Microsoft 365 Business Premium", 20.60),
    ("BS-0001", "Microsoft 365 Business Standard", 11.70),
    ("EX-0001", "Exchange Online Plan 1", 3.70),
    ("TP-0001", "Teams Phone Standard", 9.30),
    ("BK-0001", "Managed Backup 1 TB", 45.00),
    ("DE-0001", "Defender for Business", 2.80),
)
ANNUAL_OFFERS = (("VI-0001", "Visio Plan 2, yearly", 154.80), ("PR-0001", "Project Plan 3, yearly", 336.00))
CLOUD_OFFERS = (
    ("CFQ7TTC0LH18:0001", "Microsoft 365 Business Basic", 5.60),
    ("CFQ7TTC0LFLX:0001", "Microsoft 365 E3", 36.40),
)
"""Sold through Partner Center; the key is product:sku."""
CLOUD_PRICE_CHANGE = 6.10
"""What the first of them costs after the price list changed."""
TOWNS = (
    "Alder", "Birch", "Cedar", "Dunlin", "Ember", "Fennel", "Granite", "Heron", "Iris", "Juniper", "Kestrel", "Linden",
    "Maple", "Nettle", "Osprey", "Poplar", "Quarry", "Rowan", "Sorrel", "Teasel", "Umber", "Vetch", "Willow", "Yarrow",
)  # fmt: skip
TRADES = ("Freight BV", "Dental", "Tiling", "Legal", "Architects", "Bakery", "Optics", "Rowing Club")

QUIET_DAY = 16
"""On this day one change happens and nothing else: it is the one that Autotask refuses."""
POSTING_DAY, EDIT_DAY, MAPPING_DAY, BAD_ROW_DAY, TWICE_DAY, TWO_CHANGES_DAY = 11, 14, 10, 8, 18, 4
EDITED_BY = 3
STARS = (
    "two_changes_one_day", "second_change_of_a_posted_day", "ten_twelve_ten", "suspension_and_return", "cancellation",
    "unmapped_then_mapped", "bad_row", "seen_by_both_accounts", "edit_by_hand", "posted_period", "refusal",
    "several_subscriptions_a_line", "vanished", "first_decrease",
)  # fmt: skip
"""Customer 0 plays the first scene on its first line, customer 1 the second, and so on."""

CLOUD_STARS = (
    "price_change", "late_end_date", "trial_converts", "partial_sweep", "customer_left", "webhook_hint", "moved",
    "api_and_file",
)  # fmt: skip
FIRST_CLOUD_CUSTOMER = 12
"""This customer plays the first of them on its line at Partner Center, the next one the second, and so on."""
CLOUD_LINE, MOVED_LINE = 7, 8
"""Positions among a customer's lines."""
LATE_DAY, LATE_ARRIVED_DAY, THROTTLED_DAY, PARTIAL_DAY, LEFT_DAY, HINT_DAY, MOVE_DAY, PRICE_DAY = (
    4,
    6,
    8,
    13,
    12,
    19,
    15,
    9,
)

MOVE_DATE = FIRST_DAY + timedelta(days=MOVE_DAY)
"""On this day a customer's second contract begins, and a subscription moves there."""


def draw(seed: int, customers: int) -> Month:
    """The month of ``seed`` with at least 20 customers."""
    rng = random.Random(seed)
    month = Month(seed=seed, customers=[], subscriptions={})
    for number in range(max(20, customers)):
        _customer(month, number, rng)
    _script(month)
    _background(month, rng)
    return month


def _customer(month: Month, number: int, rng: random.Random) -> None:
    name = f"{TOWNS[number % len(TOWNS)]} {TRADES[(number + month.seed) % len(TRADES)]}"
    name = name if number < len(TOWNS) else f"{name} {number}"
    offers = [*MONTHLY_OFFERS[:5], *(ANNUAL_OFFERS if number % 4 == 0 else ())]
    lines = []
    for position, (offer, offer_name, price) in enumerate(offers):
        yearly = (offer, offer_name, price) in ANNUAL_OFFERS
        line = 8000 + number * 10 + position
        seats = _subscriptions(month, number, position, (offer, offer_name, "annual" if yearly else "monthly"), rng)
        above = 2 if position == 0 and number == STARS.index("first_decrease") else 0
        below = rng.randint(1, 3) if position == 3 and number % 3 == 0 else 0
        lines.append(
            Line(
                id=line,
                contract=(6001 if yearly else 5001) + number,
                service=_service(offer),
                service_name=offer_name,
                price=price,
                units=max(0, seats + above - below),
            )
        )
    lines.extend(_cloud_lines(month, number, rng))
    mapped_from = MAPPING_DAY if number == STARS.index("unmapped_then_mapped") else 0
    month.customers.append(Customer(number=number, name=name, lines=tuple(lines), mapped_from=mapped_from))


def _service(offer: str) -> int:
    return 9001 + [known[0] for known in (*MONTHLY_OFFERS, *ANNUAL_OFFERS, *CLOUD_OFFERS)].index(offer)


def _cloud_lines(month: Month, number: int, rng: random.Random) -> list[Line]:
    """The line that a subscription at Partner Center feeds, for those customers that have one."""
    if number < FIRST_CLOUD_CUSTOMER:
        return []
    position = number - FIRST_CLOUD_CUSTOMER
    star = CLOUD_STARS[position] if position < len(CLOUD_STARS) else ""
    offer, name, price = CLOUD_OFFERS[0 if star == "price_change" else number % 2]
    key = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    first = Subscription(
        id=key, account="cloud", customer=number, line=8000 + number * 10 + CLOUD_LINE, offer=offer, offer_name=name,
        cycle="monthly", seats=rng.randint(5, 40), vendor_id=key, trial=star == "trial_converts",
        complete=star != "late_end_date",
    )  # fmt: skip
    month.subscriptions[key] = first
    if star:
        month.stars[star] = key
    if star == "api_and_file":
        month.subscriptions[f"n-{key}"] = replace(first, id=f"n-{key}", account="north", offer="BB-0001")
    customer = Customer(number, "", ())
    lines = [Line(first.line, customer.contract, _service(offer), name, price, first.counts)]
    if star == "moved":
        lines.append(Line(8000 + number * 10 + MOVED_LINE, customer.second_contract, _service(offer), name, price, 0))
    return lines


def _subscriptions(month: Month, number: int, position: int, offer: tuple[str, str, str], rng: random.Random) -> int:
    """Subscriptions for one line; returns the seats that count on the first day."""
    star = STARS[number] if position == 0 and number < len(STARS) else ""
    several = star == "several_subscriptions_a_line" or (not star and rng.random() < 0.15)
    total = 0
    for part in range(3 if several else 1):
        key = f"sub-{number:02d}{position}{part}"
        seats = 10 if star == "ten_twelve_ten" else rng.randint(4, 30)
        first = Subscription(
            id=f"n-{key}" if (number + position + part) % 3 else f"s-{key}",
            account="north" if (number + position + part) % 3 else "south",
            customer=number,
            line=8000 + number * 10 + position,
            offer=offer[0],
            offer_name=offer[1],
            cycle=offer[2],
            seats=seats,
            vendor_id=f"{rng.getrandbits(64):016x}",
        )
        month.subscriptions[first.id] = first
        total += seats
        if star and part == 0:
            month.stars[star] = first.id
        if star == "seen_by_both_accounts":
            other = "south" if first.account == "north" else "north"
            month.subscriptions[f"{other[0]}-{key}"] = replace(first, id=f"{other[0]}-{key}", account=other)
    return total


def twin(month: Month, subscription: str) -> str:
    """The other account's sighting of the same vendor subscription."""
    vendor_id = month.subscriptions[subscription].vendor_id
    return next(s.id for s in month.subscriptions.values() if s.vendor_id == vendor_id and s.id != subscription)


def _script(month: Month) -> None:
    """The scenes: what happens to each star, and when."""

    def at(scene: str, index: int, **what: object) -> None:
        star = month.stars[scene]
        month.changes.setdefault(index, []).append(Change(subscription=star, **what))  # type: ignore[arg-type]  # fields of Change

    def seats(scene: str) -> int:
        return month.subscriptions[month.stars[scene]].seats

    at("two_changes_one_day", TWO_CHANGES_DAY, seats=seats("two_changes_one_day") + 5)
    at("second_change_of_a_posted_day", 6, seats=seats("second_change_of_a_posted_day") + 2)
    at("second_change_of_a_posted_day", 6, seats=seats("second_change_of_a_posted_day") + 3, wave=2)
    at("ten_twelve_ten", 3, seats=12)
    at("ten_twelve_ten", 5, seats=10)
    at("suspension_and_return", 7, status="suspended")
    at("suspension_and_return", 12, status="active")
    at("cancellation", 9, status="cancelled")
    at("unmapped_then_mapped", 5, seats=seats("unmapped_then_mapped") + 3)
    at("bad_row", BAD_ROW_DAY + 1, seats=seats("bad_row") + 1)
    at("seen_by_both_accounts", 11, seats=seats("seen_by_both_accounts") + 4)
    other = twin(month, month.stars["seen_by_both_accounts"])
    month.changes[11].append(Change(subscription=other, seats=seats("seen_by_both_accounts") + 4))
    at("edit_by_hand", EDIT_DAY + 1, seats=seats("edit_by_hand") + 2)
    at("posted_period", POSTING_DAY + 2, seats=seats("posted_period") + 6)
    at("refusal", QUIET_DAY, seats=seats("refusal") + 2)
    for index, delta in ((2, 1), (15, -2)):
        at("several_subscriptions_a_line", index, seats=seats("several_subscriptions_a_line") + delta)
    at("vanished", 17, listed=False)
    at("late_end_date", LATE_ARRIVED_DAY, complete=True)
    at("trial_converts", 13, trial=False)
    at("moved", 3, seats=seats("moved") + 2)
    at("moved", MOVE_DAY, line=month.star("moved").line - CLOUD_LINE + MOVED_LINE)
    at("moved", MOVE_DAY + 3, seats=seats("moved") + 5)
    at("webhook_hint", HINT_DAY, seats=seats("webhook_hint") + 3)
    at("api_and_file", 14, seats=seats("api_and_file") + 6)
    month.changes[14].append(Change(twin(month, month.stars["api_and_file"]), seats=seats("api_and_file") + 6))


def _background(month: Month, rng: random.Random) -> None:
    """A few changes a day on lines that play no scene; the last three days are quiet."""
    starring = {month.subscriptions[star].line for star in month.stars.values()}
    silent = month.stars["unmapped_then_mapped"]
    free = [
        s
        for s in month.subscriptions.values()
        if s.line not in starring and s.customer != month.subscriptions[silent].customer
    ]
    seats = {s.id: s.seats for s in free}
    for index in range(1, DAYS - 3):
        if index == QUIET_DAY:
            continue
        chosen = {s.line: s for s in rng.sample(free, rng.randint(3, 6))}  # two on one line could go out apart
        for subscription in chosen.values():
            seats[subscription.id] = max(1, seats[subscription.id] + rng.choice((-3, -2, -1, 1, 2, 3, 4)))
            month.changes.setdefault(index, []).append(
                Change(subscription=subscription.id, seats=seats[subscription.id])
            )

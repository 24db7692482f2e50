"""The world of one history, drawn from its seed: families of companies, their contracts, and who has which seats.

A family is a set of contract lines among which subscriptions may move. A *wide* one has three companies with a
contract each, and customers that are mapped to one of them; the third company lacks a line. A *deep* one has a single
company with two contracts, and subscriptions that are mapped to one of them; the first contract may end inside the
history.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from tests.simulation.books import FOREIGN, SLOTS, Vendor, seats
from tests.simulation.sightings import Account, Line

FIRST_DAY = date(2026, 3, 9)
CONTRACT_START, CONTRACT_END = date(2026, 1, 1), date(2026, 12, 31)
SERVICES = (9001, 9002)
NORTH, SOUTH, CLOUD = "north", "south", "cloud"
ACCOUNTS = {
    NORTH: Account(rank=1, keeps_billing=False, full=True),
    SOUTH: Account(rank=2, keeps_billing=True),
    CLOUD: Account(rank=3, keeps_billing=True),
}
"""North and south drop files; cloud is a Partner Center."""
STATUSES = ("active",) * 7 + ("suspended", "suspended", "ended", "pending")


@dataclass
class Seat:
    """A subscription at one account, and what that account says of it."""

    account: str
    vendor: Vendor
    family: int
    offer: int
    """0 or 1: which of the family's two offers."""
    digit: int
    status: str = "active"
    since: date | None = None
    """The source's own date of its latest change, where it gives one."""
    missing: int = 0
    """Full lists from which it will still be absent."""
    deleted: bool = False
    """Taken out of Partner Center's list for good."""
    joined: date | None = None
    """The day on which its source first showed it complete."""
    bought: bool = False
    """It came after the first day, and its source has not been told of it yet."""

    @property
    def id(self) -> str:
        """Ends with the vendor's id everywhere; at Partner Center it is that id."""
        return self.vendor.id if self.account == CLOUD else f"{self.account}-{self.vendor.id}"

    @property
    def quantity(self) -> int:
        return seats(self.digit, self.vendor.slot)


@dataclass
class Family:
    """Companies and contracts among which subscriptions move, and what the operator mapped."""

    number: int
    kind: Literal["wide", "deep"]
    contracts: dict[int, int]
    """Contract → company."""
    lines: dict[Line, tuple[int, int]]
    """Line → contract, service."""
    ends: dict[int, date]
    """Contract → last day, where it is not the year's."""
    companies: dict[str, int | None] = field(default_factory=dict)
    """Account → company; None: unmapped."""
    services: dict[tuple[str, int], int | None] = field(default_factory=dict)
    """Account, offer → service; None: unmapped."""
    chosen: dict[tuple[str, str], int] = field(default_factory=dict)
    """Account, vendor → contract, in a deep family."""
    moved: date | None = None
    """The latest day on which a mapping of it changed."""

    def line(self, seat: Seat) -> Line | None:
        """The line to which the mappings lead."""
        company, service = self.companies[seat.account], self.services[seat.account, seat.offer]
        contract = self.chosen.get((seat.account, seat.vendor.id))
        for line, (its_contract, its_service) in self.lines.items():
            if self.contracts[its_contract] == company and its_service == service and contract in (None, its_contract):
                return line
        return None

    def takes(self, contract: int, day: date) -> bool:
        """On a contract's last day it hangs on a used date whether anything can still come; later nothing can."""
        return day < self.ends.get(contract, date.max)

    def unmapped(self, seat: Seat) -> bool:
        return self.companies[seat.account] is None or self.services[seat.account, seat.offer] is None

    def customer(self, account: str) -> str:
        return str(UUID(int=0xC0 << 64 | self.number)) if account == CLOUD else f"C-{self.number}"

    def offer(self, account: str, offer: int) -> str:
        return f"CFQ7TTC0F{self.number:03d}:000{offer + 1}" if account == CLOUD else f"OFFER-{self.number}-{offer + 1}"


@dataclass
class Estate:
    """All families and seats of a history."""

    families: list[Family]
    seats: list[Seat]
    before: dict[Line, int]
    """Units on each line when the history begins."""

    def vendors(self) -> list[Vendor]:
        return list({seat.vendor.id: seat.vendor for seat in self.seats}.values())

    def last(self) -> dict[Line, date]:
        """The last day of each line whose contract ends inside the year."""
        return {line: f.ends[c] for f in self.families for line, (c, _) in f.lines.items() if c in f.ends}

    def family(self, seat: Seat) -> Family:
        return self.families[seat.family - 1]

    def of(self, family: Family) -> list[Seat]:
        return [seat for seat in self.seats if seat.family == family.number]

    def lines(self) -> Iterator[tuple[Family, Line]]:
        return ((family, line) for family in self.families for line in family.lines)


def draw(rng: random.Random, families: int, accounts: tuple[str, ...]) -> Estate:
    """The estate of a seed with at least one wide and one deep family."""
    estate = Estate([], [], {})
    for number in range(1, families + 1):
        family = _family(rng, number, "wide" if number % 2 else "deep", accounts)
        estate.families.append(family)
        estate.seats += _seats(rng, family, accounts)
        _before(rng, estate, family)
    return estate


def _family(rng: random.Random, number: int, kind: Literal["wide", "deep"], accounts: tuple[str, ...]) -> Family:
    company = 100 + number * 10
    contracts = {company: company, company + 1: company + 1, company + 2: company + 2} if kind == "wide" else {}
    contracts = contracts or {company: company, company + 1: company}
    contracts = {5000 + contract: owner for contract, owner in contracts.items()}
    lines = {
        contract * 10 + position: (contract, service)
        for contract in contracts
        for position, service in enumerate(SERVICES)
    }
    ends = {}
    if kind == "wide":
        del lines[max(lines)]
    elif rng.random() < 0.5:
        ends[min(contracts)] = FIRST_DAY + timedelta(days=rng.randint(1, 4))
    family = Family(number, kind, contracts, lines, ends)
    for account in accounts:
        family.companies[account] = company
        family.services |= {(account, offer): SERVICES[offer] for offer in (0, 1)}
    return family


def _seats(rng: random.Random, family: Family, accounts: tuple[str, ...]) -> Iterator[Seat]:
    for slot in range(rng.randint(4, SLOTS)):
        yield from vendor_seats(rng, family, slot, accounts)


def vendor_seats(rng: random.Random, family: Family, slot: int, accounts: tuple[str, ...]) -> Iterator[Seat]:
    """A vendor's subscription as one account lists it, or two."""
    vendor = Vendor(str(UUID(int=family.number << 64 | slot + 1)), slot, tuple(family.lines))
    offer = rng.randint(0, 1)
    contract = rng.choice(sorted(family.contracts))
    for account in rng.sample(accounts, 2 if rng.random() < 0.25 else 1):
        status = "pending" if rng.random() < 0.1 else "active"
        if family.kind == "deep":
            family.chosen[account, vendor.id] = contract
        yield Seat(account, vendor, family.number, offer, rng.randint(1, 12), status)


def _before(rng: random.Random, estate: Estate, family: Family) -> None:
    """On some lines stands what the first files will say, on some nothing, on some what nobody can explain."""
    for line in family.lines:
        kind = rng.choice(("right", "right", "nothing", "foreign"))
        estate.before[line] = {"nothing": 0, "foreign": seats(rng.randint(1, 7), FOREIGN)}.get(
            kind, _right(estate, family, line)
        )


def _right(estate: Estate, family: Family, line: Line) -> int:
    leading: dict[str, Seat] = {}
    for seat in estate.of(family):
        if seat.status == "active" and family.line(seat) == line:
            other = leading.get(seat.vendor.id)
            if other is None or ACCOUNTS[seat.account].rank < ACCOUNTS[other.account].rank:
                leading[seat.vendor.id] = seat
    return sum(seat.quantity for seat in leading.values())

"""What happens in a round: seats, statuses and dates at the sources, the operator's mappings, Autotask's biller.

Everything is drawn from the seed alone, never from what came of it: with ``--calm`` the same things happen, without
kills and faults.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.simulation.books import SLOTS
from tests.simulation.estate import CLOUD, NORTH, SERVICES, STATUSES, Estate, Family, Seat, vendor_seats
from tests.simulation.oracle import Oracle

POSTED_THROUGH = date(2026, 3, 31)
Row = tuple[str, str, str, str, str]
"""kind, source, key, target, state of a mapping file."""


@dataclass
class Turn:
    """One round: what the operator maps and when, and which seats changed."""

    day: date
    changed: list[Seat] = field(default_factory=list)
    mappings: list[list[Row]] = field(default_factory=list)
    """Files for ``map import``, one after the other."""
    order: str = "after"
    """Mappings come before, after or beside the collecting."""
    number: int = 0
    delay: float = 0
    """Real seconds until a subscription bought at Partner Center shows its end date."""
    posting: int | None = None
    """A contract whose period the biller posts before anything else happens."""


@dataclass
class Turns:
    """Draws rounds and tells the oracle; ``log`` is what happened to whom, for a person."""

    rng: random.Random
    estate: Estate
    oracle: Oracle
    accounts: tuple[str, ...]
    silent: Sequence[bool]
    """For each round, whether Partner Center is to say nothing in it (also where that is not played)."""
    moves: bool = True
    rounds: int = 0
    log: list[tuple[str | None, str]] = field(default_factory=list)
    posted: dict[int, tuple[date, date]] = field(default_factory=dict)
    """Line → the day of the posting, the last day posted."""

    def first(self, day: date) -> Turn:
        """The day on which everything is seen and mapped for the first time."""
        for seat in self.estate.seats:
            self.oracle.meet(seat.account, seat.id, seat.vendor.id)
        rows = [row for family in self.estate.families for row in self._all_rows(family)]
        self._decided(day, self.estate.seats)
        self._heard(day)
        return Turn(day, list(self.estate.seats), [rows], "before")

    def next(self, day: date) -> Turn:
        self.rounds += 1
        self.oracle.next_round()
        turn = Turn(day, order=self.rng.choice(("before", "after", "beside")), number=self.rounds)
        turn.delay = self.rng.choice((0, 2))
        if not self.posted and self.rng.random() < 0.12:
            turn.posting = self._post(day)
        moving = [family for family in self.estate.families if self.moves and self.rng.random() < 0.5]
        moves = {family.number for family in moving}
        turn.changed = self._changes(day, moves)
        if self.rng.random() < 0.3:
            self._buy(turn, moves)
        for family in moving:
            self._move(turn, family)
        if any(row[4] == "unmapped" for rows in turn.mappings for row in rows):
            turn.order = "before"
        self._heard(day)
        return turn

    # -- Autotask's biller ------------------------------------------------------------------------------------------

    def _post(self, day: date) -> int:
        family = self.rng.choice([family for family in self.estate.families if not family.ends])
        contract = self.rng.choice(sorted(family.contracts))
        for line, (its_contract, _) in family.lines.items():
            if its_contract == contract:
                self.posted[line] = (day, POSTED_THROUGH)
        self._tell(None, f"{day} the biller posts contract {contract} through {POSTED_THROUGH}")
        return contract

    # -- the sources ------------------------------------------------------------------------------------------------

    def _changes(self, day: date, moving: set[int]) -> list[Seat]:
        free = [
            seat
            for seat in self.estate.seats
            if not self._final(seat) and not (seat.joined is None and seat.family in moving)
        ]
        chosen = self.rng.sample(free, min(len(free), self.rng.randint(3, 12)))
        for seat in chosen:
            self._change(day, seat, seat.family in moving)
        return chosen

    @staticmethod
    def _final(seat: Seat) -> bool:
        """Partner Center never brings back what has ended."""
        return seat.account == CLOUD and (seat.deleted or seat.status == "ended")

    def _change(self, day: date, seat: Seat, moving: bool) -> None:
        may_be_dated = not moving and self._settled(day, seat)
        seat.status = self.rng.choice(STATUSES)
        seat.digit = min(15, max(0, seat.digit + self.rng.choice((-3, -2, -1, 1, 2, 5))))
        seat.since = None
        dated = self.rng.random() < 0.15
        if dated and may_be_dated and seat.status == "active":
            seat.since = day + timedelta(days=self.rng.choice((-1, 1)))
        if self.rng.random() < 0.12:
            self._vanish(seat, moving)
        dating = f" from {seat.since}" if seat.since else ""
        gone = ", taken out" if seat.deleted else f", absent from {seat.missing} lists" if seat.missing else ""
        self._tell(seat.vendor.id, f"{day} {seat.account}: {seat.status}, {seat.digit} seats{dating}{gone}")

    def _buy(self, turn: Turn, moving: set[int]) -> None:
        """A new subscription, in a family that has a slot left; where mappings change meanwhile nobody could tell on
        which line it joins."""
        family = self.rng.choice(self.estate.families)
        slot = len({seat.vendor.id for seat in self.estate.of(family)})
        if slot == SLOTS or family.ends or family.number in moving:
            return
        new = list(vendor_seats(self.rng, family, slot, self.accounts))
        for seat in new:
            seat.bought = True
            self.oracle.meet(seat.account, seat.id, seat.vendor.id)
            self._tell(seat.vendor.id, f"{turn.day} {seat.account}: bought, {seat.status}, {seat.digit} seats")
        self.estate.seats += new
        turn.changed += new
        chosen = [seat for seat in new if (seat.account, seat.vendor.id) in family.chosen]
        turn.mappings.append([self._contract_row(family, seat) for seat in chosen])
        self._decided(turn.day, new)

    def _heard(self, day: date) -> None:
        """What the round's lists and files show: who joins, and who was missed once more at Partner Center."""
        silent = self.silent[self.rounds]
        for seat in [seat for seat in self.estate.seats if not (silent and seat.account == CLOUD)]:
            if seat.deleted:
                seat.missing = max(0, seat.missing - 1)
            elif seat.joined is None and seat.status != "pending" and not seat.missing:
                seat.joined = day

    def _settled(self, day: date, seat: Seat) -> bool:
        """Whether it stood yesterday where it stands today, so that a source's date of yesterday means that line."""
        family = self.estate.family(seat)
        seen = seat.joined is not None and seat.joined < day and seat.status == "active" and seat.missing == 0
        still = not family.ends and (family.moved is None or family.moved < day - timedelta(days=1))
        return seen and still and seat.account != CLOUD and family.line(seat) is not None

    def _vanish(self, seat: Seat, moving: bool) -> None:
        if seat.account == NORTH and not moving:
            seat.missing, seat.since = self.rng.choice((1, 2)), None
        elif seat.account == CLOUD and not moving and seat.joined and self.estate.family(seat).line(seat) is not None:
            seat.deleted, seat.missing = True, 2

    # -- the operator -----------------------------------------------------------------------------------------------

    def _move(self, turn: Turn, family: Family) -> None:
        if any(seat.missing for seat in self.estate.of(family)):
            return
        draw = self._contracts if family.kind == "deep" and self.rng.random() < 0.8 else self._companies_or_offers
        for step in range(2 if self.rng.random() < 0.2 else 1):
            rows, family.moved = draw(turn.day, family), turn.day
            while len(turn.mappings) <= step:
                turn.mappings.append([])
            turn.mappings[step] += rows
            said = ", ".join(f"{source} {kind} {key} → {target or state}" for kind, source, key, target, state in rows)
            for vendor in {seat.vendor.id for seat in self.estate.of(family)}:
                self._tell(vendor, f"{turn.day} {turn.order}: map {said}")
            self._decided(turn.day, self.estate.of(family))

    def _contracts(self, day: date, family: Family) -> list[Row]:
        rows: list[Row] = []
        for vendor in sorted({vendor for _, vendor in family.chosen}):
            if self.rng.random() < 0.5:
                continue
            target = self.rng.choice([number for number in sorted(family.contracts) if family.takes(number, day)])
            alone = self.rng.random() < 0.15
            sightings = [seat for seat in self.estate.of(family) if seat.vendor.id == vendor]
            for seat in sightings[:1] if alone else sightings:
                family.chosen[seat.account, vendor] = target
                rows.append(self._contract_row(family, seat))
        return rows

    def _companies_or_offers(self, _day: date, family: Family) -> list[Row]:
        accounts = self.accounts if self.rng.random() < 0.75 else (self.rng.choice(self.accounts),)
        away = self.rng.random() < 0.1
        if family.kind == "wide" and self.rng.random() < 0.65:
            company = None if away else self.rng.choice(sorted(set(family.contracts.values())))
            family.companies |= dict.fromkeys(accounts, company)
            return [self._company_row(family, account) for account in accounts]
        offer, service = self.rng.randint(0, 1), None if away else self.rng.choice(SERVICES)
        family.services |= {(account, offer): service for account in accounts}
        return [self._offer_row(family, account, offer) for account in accounts]

    def _all_rows(self, family: Family) -> list[Row]:
        rows = [self._company_row(family, account) for account in self.accounts]
        rows += [self._offer_row(family, account, offer) for account in self.accounts for offer in (0, 1)]
        for account, vendor in family.chosen:
            seat = next(s for s in self.estate.of(family) if (s.account, s.vendor.id) == (account, vendor))
            rows.append(self._contract_row(family, seat))
        return rows

    @staticmethod
    def _contract_row(family: Family, seat: Seat) -> Row:
        return _row("contract", seat.account, seat.id, family.chosen[seat.account, seat.vendor.id])

    @staticmethod
    def _company_row(family: Family, account: str) -> Row:
        return _row("company", account, family.customer(account), family.companies[account])

    @staticmethod
    def _offer_row(family: Family, account: str, offer: int) -> Row:
        return _row("offer", account, family.offer(account, offer), family.services[account, offer])

    def _decided(self, day: date, touched: list[Seat]) -> None:
        for seat in touched:
            family = self.estate.family(seat)
            self.oracle.maps(day, seat.account, seat.id, family.line(seat), unmapped=family.unmapped(seat))

    def _tell(self, vendor: str | None, text: str) -> None:
        self.log.append((vendor, text))


def _row(kind: str, source: str, key: str, target: int | None) -> Row:
    return (kind, source, key, "" if target is None else str(target), "unmapped" if target is None else "mapped")

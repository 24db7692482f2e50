"""The distributors' side: what north and south drop as files, and what the Partner Center sandbox is told.

The same moment tells the oracle: what is written here is what it hears.
"""

import csv
import io
import json
import random
from datetime import date
from pathlib import Path
from typing import Any

from scenarios.world import Sandbox
from tests.simulation.estate import CLOUD, NORTH, SOUTH, Estate, Seat
from tests.simulation.oracle import Oracle

COLUMNS = (
    "source_system", "record_type", "observed_at", "customer_id", "customer_name", "subscription_id",
    "vendor_subscription_id", "offer_id", "offer_name", "status", "quantity", "unit_price", "currency",
    "term_duration", "billing_cycle", "effective_date",
)  # fmt: skip
TENANT, CLIENT, SECRET = "4b0c6d8e-0000-4000-8000-000000000001", "client-of-the-history", "a-secret-of-the-history"
CLOUD_ENDS = ("expired", "disabled", "deleted")
SECRET_REFERENCE = "${file:cloud-secret}"
FAR_END = "2027-02-28T00:00:00Z"


def word(seat: Seat) -> str:
    """The status in the source's own words; an end has several."""
    if seat.status != "ended":
        return seat.status
    words = CLOUD_ENDS if seat.account == CLOUD else ("cancelled", "expired")
    return words[seat.vendor.slot % len(words)]


class Drops:
    """The drop folders of north (CSV, each file the full list) and south (JSON, what changed)."""

    def __init__(self, folder: Path, estate: Estate, oracle: Oracle, rng: random.Random) -> None:
        self.folder, self.estate, self.oracle, self.rng = folder, estate, oracle, rng
        self.day: date | None = None
        self.files = 0

    def deliver(self, day: date, changed: list[Seat]) -> None:
        """Files of both accounts."""
        self.files = self.files + 1 if day == self.day else 1
        self.day = day
        mine = [seat for seat in self.estate.seats if seat.account == NORTH]
        listed = [seat for seat in mine if seat.missing == 0]
        for seat in mine:
            if seat.missing:
                self.oracle.absent(day, NORTH, seat.id)
                seat.missing -= 1
        self._drop(day, NORTH, listed)
        self._drop(day, SOUTH, [seat for seat in changed if seat.account == SOUTH])

    def _drop(self, day: date, account: str, listed: list[Seat]) -> None:
        if not listed:
            return
        at = f"{day}T{self.files:02d}:00:00Z"
        rows = [self._row(seat, at) for seat in listed]
        rows += self.rng.sample(rows, min(len(rows), self.rng.choice((0, 0, 1))))
        self.rng.shuffle(rows)
        name = f"{day}-{self.files:03d}.{'csv' if account == NORTH else 'json'}"
        text = _csv(rows) if account == NORTH else _json(rows, at)
        (self.folder / account / f"{name}.part").write_text(text)
        (self.folder / account / f"{name}.part").replace(self.folder / account / name)
        for seat in listed:
            tell(self.oracle, day, seat)

    def _row(self, seat: Seat, at: str) -> dict[str, str]:
        family = self.estate.family(seat)
        offer = family.offer(seat.account, seat.offer)
        values = (
            "history", "snapshot", at, family.customer(seat.account), f"Family {family.number}", seat.id,
            seat.vendor.id, offer, offer, word(seat), str(seat.quantity), "0.01", "EUR", "P1Y", "monthly",
            seat.since.isoformat() if seat.since else "",
        )  # fmt: skip
        return dict(zip(COLUMNS, values, strict=True))


def tell(oracle: Oracle, day: date, seat: Seat) -> None:
    """The oracle hears what a source says of a seat on a day."""
    oracle.said(day, seat.account, seat.id, word(seat), seat.digit, seat.since or day)


def _csv(rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return f"{out.getvalue()}# complete rows={len(rows)}\n"


def _json(rows: list[dict[str, str]], at: str) -> str:
    head = {"schema": "subscription-drop/1", "source_system": "history", "generated_at": at, "complete": False}
    return json.dumps({**head, "rows": rows})


def cloud_seed(estate: Estate, token_seconds: int) -> dict[str, Any]:
    """A Partner Center with a customer a family, two on a page."""
    customers = [
        {
            "id": family.customer(CLOUD),
            "companyName": f"Family {family.number}",
            "domain": f"family{family.number}.example",
            "subscriptions": [_subscription(estate, seat) for seat in estate.of(family) if seat.account == CLOUD],
        }
        for family in estate.families
    ]
    head = {"tenant": TENANT, "client_id": CLIENT, "client_secret": SECRET}
    return {**head, "page_size": 2, "token_seconds": token_seconds, "customers": customers}


def _subscription(estate: Estate, seat: Seat) -> dict[str, Any]:
    offer = estate.family(seat).offer(CLOUD, seat.offer)
    return {
        "id": seat.vendor.id, "offerId": f"{offer}:CFQ7TTC0X001", "offerName": offer, "quantity": seat.quantity,
        "status": word(seat), "billingCycle": "monthly", "termDuration": "P1Y",
        "effectiveStartDate": "2026-03-01T00:00:00Z", "commitmentEndDate": FAR_END,
    }  # fmt: skip


class Cloud:
    """The Partner Center sandbox, told of what changed. While a customer or the whole account is silent nothing
    changes there: what was not said yet follows in the next round."""

    def __init__(self, sandbox: Sandbox, estate: Estate, oracle: Oracle) -> None:
        self.sandbox, self.estate, self.oracle = sandbox, estate, oracle
        self.unsaid: list[Seat] = []

    def seats(self) -> list[Seat]:
        return [seat for seat in self.estate.seats if seat.account == CLOUD]

    def deliver(self, changed: list[Seat], delay: float) -> None:
        """The changes of a round; a new subscription shows its end date ``delay`` real seconds later."""
        for seat in {id(seat): seat for seat in [*self.unsaid, *changed] if seat.account == CLOUD}.values():
            customer = f"/_sandbox/customers/{self.estate.family(seat).customer(CLOUD)}/subscriptions"
            path = f"{customer}/{seat.vendor.id}"
            if seat.bought:
                self.sandbox.post(customer, {**_subscription(self.estate, seat), "end_date_delay_s": delay})
                seat.bought = False
            elif seat.deleted:
                self.sandbox.send("DELETE", f"{path}?vanish=true")
            else:
                self.sandbox.send("PATCH", path, {"quantity": seat.quantity, "status": word(seat)})
        self.unsaid = []

    def keep(self, changed: list[Seat]) -> None:
        self.unsaid += [seat for seat in changed if seat.account == CLOUD]

    def swept(self, day: date) -> None:
        """The oracle hears what a sweep reads on a day; what was taken out is missing in each."""
        for seat in self.seats():
            if seat.deleted:
                self.oracle.absent(day, CLOUD, seat.id)
            else:
                tell(self.oracle, day, seat)

    def swept_empty(self, day: date) -> None:
        """A complete sweep without anything in it counts as an absence; a direct read denies nothing."""
        for seat in self.seats():
            self.oracle.absent(day, CLOUD, seat.id, denied=False)

    def owes(self) -> bool:
        """Whether something was not said yet, or was missed only once."""
        deleted = [self.oracle.sightings[CLOUD, seat.id] for seat in self.seats() if seat.deleted]
        return bool(self.unsaid) or any(sighting.absences < 2 for sighting in deleted)

    def complete(self) -> bool:
        """Whether every end date is there."""
        found = self.sandbox.get("/_sandbox/subscriptions")
        return all(row.get("commitmentEndDate") for row in found if row["status"] == "active")

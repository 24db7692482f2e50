"""A subscription that two accounts show, made up for the tests of the third hand."""

from datetime import date, timedelta

from tests.simulation.books import Books, Effect, Finding, Vendor, seats
from tests.simulation.oracle import Oracle
from tests.simulation.sightings import Account

ACCOUNTS = {"a": Account(rank=1, keeps_billing=False, full=True), "b": Account(rank=2, keeps_billing=True)}
A, B, C = 10, 20, 30
VENDOR = Vendor("v", 1, (A, B, C))


def day(number: int) -> date:
    return date(2026, 3, 9) + timedelta(days=number)


def oracle(last: date = date(2026, 12, 31)) -> Oracle:
    """Both accounts see the vendor's subscription, mapped to line A since day 0, whose contract ends on ``last``."""
    made = Oracle(ACCOUNTS, {A: last}, [day(n) for n in range(8)])
    for account in ACCOUNTS:
        made.meet(account, f"{account}-v", "v")
        made.maps(day(0), account, f"{account}-v", A)
    return made


def say(
    made: Oracle, number: int, seats: int, status: str = "active", account: str = "a", *, same_round: bool = False
) -> None:
    """In a round of its own unless told."""
    if not same_round:
        made.next_round()
    made.said(day(number), account, f"{account}-v", status, seats, day(number))


def move(made: Oracle, number: int, line: int | None, *, unmapped: bool = False, same_round: bool = False) -> None:
    """Both sightings, in a round of its own unless told."""
    if not same_round:
        made.next_round()
    for account in ACCOUNTS:
        made.maps(day(number), account, f"{account}-v", line, unmapped=unmapped)


def moved() -> Oracle:
    """Five seats that go from A to B on day 3."""
    made = oracle()
    say(made, 0, 5)
    move(made, 3, B)
    return made


def books(*effects: tuple[int, int, int, int], before: int = 0, last: date = date(2026, 12, 31)) -> Books:
    """Effects as (seq, line, day, seats); what stands follows from them."""
    made = [Effect(seq, line, day(number), seats(change, VENDOR.slot)) for seq, line, number, change in effects]
    start = {A: before, B: 0, C: 0}
    units = {
        day(n): {
            line: start[line] + sum(e.change for e in made if e.line == line and e.day <= day(n))
            for line in start
            if line != A or day(n) <= last
        }
        for n in range(8)
    }
    return Books(units, start, made)


def finding(
    code: str, opened: int, message: str = "", *, line: int | None = None, subscription: str = "", number: int = 9
) -> Finding:
    """Opened on a day and never closed; first read after round ``number``."""
    return Finding(f"{code}-1", code, subscription, line, message, day(opened), None, number)

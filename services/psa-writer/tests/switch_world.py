"""A month at an Autotask of chosen behaviour: a tenant, a person's own changes, wished units by day, and the truth.

Machine time is set by hand, so that W costs nothing; the sandbox is one process for all cases.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import httpx2
from sandbox_process import CODE, SECRET, USER
from writer_world import HandClock, Replica, World, key

from seatledger.psa_writer.adapters.autotask.client import Client, Credentials
from seatledger.psa_writer.adapters.autotask.http import Http
from seatledger.psa_writer.adapters.autotask.psa import AutotaskPsa
from seatledger.psa_writer.adapters.autotask.quota import Unlimited
from seatledger.psa_writer.ports import Adjustment, Deadline, PostOutcome
from seatledger.runtime.clock import FixedCalendar
from seatledger.schemas.book import LineBook
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import LineId
from seatledger.schemas.intents import IntentReleased

INTERFACE = Path(__file__).parents[3] / "docs" / "interface.md"
WAIT = 6.0
Case = Mapping[str, str]


# ------------------------------------------------------------------------------------------------------- the cases


def switches() -> dict[str, tuple[str, ...]]:
    """Every switch with its values, the default first, as docs/interface.md promises them."""
    [listed] = re.findall(r"/_sandbox/switches` \(first value = default\): (.+)", INTERFACE.read_text())
    words = [part.split() for part in listed.split(",")]
    return {name: tuple(values.split("|")) for name, values in words}


def each_alone(table: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """The defaults, and each other value beside them."""
    return [{}, *({name: value} for name, values in table.items() for value in values[1:])]


def pairwise(table: Mapping[str, Sequence[str]], attempts: int = 40) -> list[dict[str, str]]:
    """Few cases that hold every two values of every two switches together: the best of some greedy attempts."""
    return min((_attempt(table, Random(seed)) for seed in range(attempts)), key=len)


def _attempt(table: Mapping[str, Sequence[str]], random: Random) -> list[dict[str, str]]:
    """One pair that is still missing, then for each other switch the value that brings most of the missing ones."""
    missing = {
        frozenset({(one, a), (other, b)})
        for one, other in combinations(table, 2)
        for a in table[one]
        for b in table[other]
    }
    cases = []
    while missing:
        case = dict(random.choice(sorted(sorted(pair) for pair in missing)))
        for name in random.sample(sorted(set(table) - set(case)), len(table) - 2):
            values = random.sample(table[name], len(table[name]))
            case[name] = max(values, key=lambda value: len(_pairs(case, (name, value)) & missing))
        missing -= {frozenset(pair) for pair in combinations(case.items(), 2)}
        cases.append(case)
    return cases


def _pairs(case: Case, chosen: tuple[str, str]) -> set[frozenset[tuple[str, str]]]:
    return {frozenset({other, chosen}) for other in case.items()}


# ------------------------------------------------------------------------------------------------------ the tenant

YEAR = ("2026-01-01", "2026-12-31")
MONTHLY, QUARTERLY = 2, 3
CONTRACTS: dict[int, tuple[tuple[str, str], int, dict[int, int]]] = {
    1: (
        YEAR,
        MONTHLY,
        {1000: 10, 1001: 10, 1002: 0, 1003: 10, 1004: 10, 1005: 10, 1006: 10, 1007: 10, 1008: 10, 1009: 10},
    ),
    2: (("2026-01-31", "2026-12-30"), MONTHLY, {2000: 10}),
    3: (("2026-01-01", "2026-03-31"), MONTHLY, {3000: 10, 3001: 5, 3002: 10, 3003: 10}),
    4: (YEAR, MONTHLY, {4000: 10}),
    5: (YEAR, MONTHLY, {5000: 2}),
    6: (YEAR, QUARTERLY, {6000: 10}),
    7: (YEAR, MONTHLY, {7000: 10}),
}
"""Contract → its days, its period, units by line. Contract 3 ends with the month; contract 4 is posted in advance,
contract 7 just before our own post."""
POSTS = {"method": "POST", "path_contains": "ServiceAdjustments"}
TROUBLES: dict[int, tuple[str, dict[str, Any]]] = {
    1006: ("faults", {"do": "foreign_calls", "per_hour": 20_000}),
    1008: ("faults", {"do": "drop_after", "match": POSTS, "times": 1}),
    1009: ("faults", {"do": "drop_before", "match": POSTS, "times": 1}),
    3003: ("faults", {"do": "drop_after", "match": POSTS, "times": 1}),
    7000: ("post", {"contractID": 7, "through": "2026-03-31"}),
}
"""What the first post on a line meets: an hour that others have used up, an answer that is lost, a posted period."""
EDITS: tuple[tuple[int, str, int], ...] = (
    (1003, "2026-03-05", 3),
    (1004, "2026-03-20", 1),
    (1005, "2026-04-01", 1),
    (1007, "2026-04-01", -2),
    (3001, "2026-03-04", 5),
    (5000, "2026-03-06", -5),
)
"""What a person did before we came: inside a period, on days that we want later, in a last period, below zero."""
POSTED_THROUGH = {4: "2026-03-31"}
WISHES: dict[date, dict[int, int]] = {
    date(2026, 3, 10): {
        1000: 12, 1002: 4, 1003: 15, 1006: 12, 1008: 12, 1009: 12, 2000: 13, 3000: 12, 3001: 7, 3002: 20, 3003: 20,
        4000: 11, 5000: 3, 6000: 12, 7000: 12,
    },
    date(2026, 3, 20): {1000: 9, 1001: 0, 1004: 13, 3000: 14, 3001: 5, 6000: 11},
    date(2026, 3, 31): {2000: 8, 3002: 10},
    date(2026, 4, 1): {1000: 20, 1001: 5, 1002: 0, 1005: 14, 1006: 13, 1007: 10, 4000: 11, 6000: 14, 7000: 13},
    date(2026, 4, 9): {1000: 7, 1001: 6, 1002: 3, 2000: 9},
}  # fmt: skip
"""On each day the units at which lines shall stand from then on."""
READ_ON = [date(2026, month, day) for month in (3, 4) for day in (1, 4, 5, 9, 10, 11, 20, 28, 30)] + [
    date(2026, 3, 31),
    date(2026, 7, 1),
    date(2026, 12, 30),
]


def last_day(line: int) -> date:
    """Of the line's contract."""
    return next(date.fromisoformat(days[1]) for days, _, lines in CONTRACTS.values() if line in lines)


def user_with(rights: str) -> str:
    """The API user with these rights on contracts."""
    return USER if rights == "all" else f"{rights}.{USER}"


def tenant() -> dict[str, Any]:
    """The seed of the sandbox."""
    return {
        "users": [
            {
                "username": user_with(rights),
                "secret": SECRET,
                "integrationCode": CODE,
                "rights": {"contracts": rights, "cost": True},
            }
            for rights in ("all", "limited", "none")
        ],
        "companies": [{"id": 100 + number, "companyName": f"Company {number}"} for number in CONTRACTS],
        "services": [{"id": 1 + number, "name": f"Service {number}", "unitPrice": 10} for number in range(10)],
        "contracts": [
            {
                "id": number,
                "companyID": 100 + number,
                "contractName": f"Contract {number}",
                "contractPeriodType": period,
                "startDate": days[0],
                "endDate": days[1],
                "services": [
                    {"id": line, "serviceID": 1 + place, "unitPrice": 10, "units": units}
                    for place, (line, units) in enumerate(lines.items())
                ],
            }
            for number, (days, period, lines) in CONTRACTS.items()
        ],
    }


@dataclass
class Tenant:
    """The sandbox's control API over one connection that is kept."""

    url: str
    client: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=30, trust_env=False))

    def control(self, method: str, path: str, body: object = None, **params: str) -> Any:
        answer = self.client.request(method, f"{self.url}/_sandbox/{path}", json=body, params=params)
        if answer.status_code != 409:  # what a person is refused, too
            answer.raise_for_status()
        return answer.json() if answer.content else None

    def begin(self, case: Case) -> None:
        """The seed, the switches, and what people did before we came."""
        self.control("POST", "reset")
        self.control("DELETE", "faults")
        self.control("PUT", "switches", {**dict(defaults()), **case})
        self.control("PUT", "clock", {"now": "2026-03-09T09:00:00Z"})
        for line, on, units in EDITS:
            self.control("POST", "edit", {"contractServiceID": line, "effectiveDate": on, "unitChange": units})
        for contract, through in POSTED_THROUGH.items():
            self.control("POST", "post", {"contractID": contract, "through": through})

    def truth(self) -> dict[tuple[int, date], int]:
        """Units by line and day, whatever reads show."""
        return {
            (row["contractServiceID"], day): row["units"]
            for day in READ_ON
            for row in self.control("GET", "units", on=day.isoformat())
        }

    def effects(self) -> list[tuple[int, str]]:
        """Line and date of each change that we made."""
        every = self.control("GET", "effects", after="0")
        return [(one["contractServiceID"], one["effectiveDate"][:10]) for one in every if one["by"] == "api"]


def defaults() -> Iterable[tuple[str, str]]:
    return ((name, values[0]) for name, values in switches().items())


@dataclass
class TroubledPsa(AutotaskPsa):
    """Meets the trouble of a line at the first post there. Posts go one after the other, so that no other meets it."""

    tenant: Tenant
    met: set[int] = field(default_factory=set)
    one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def post(self, adjustment: Adjustment, deadline: Deadline) -> PostOutcome:
        async with self.one:
            if adjustment.line in self.met or adjustment.line not in TROUBLES:
                return await super().post(adjustment, deadline)
            self.met.add(adjustment.line)
            self.tenant.control("POST", *TROUBLES[adjustment.line])
            try:
                return await super().post(adjustment, deadline)
            finally:
                self.tenant.control("DELETE", "faults")


def psa_of(tenant: Tenant, machine: HandClock, rights: str = "all") -> TroubledPsa:
    credentials = Credentials(username=user_with(rights), secret=SECRET, integration_code=CODE)
    client = Client(tenant.url, credentials, Http(write_timeout=10), Unlimited(), lambda _zone: None)
    return TroubledPsa(client, machine, tenant)


# ------------------------------------------------------------------------------------------------------- the month


@dataclass
class Month:
    """What was wished of each line, and what was said of it."""

    tenant: Tenant
    world: World
    replica: Replica
    asked: dict[int, list[IntentReleased]] = field(default_factory=dict)
    left: dict[int, list[str]] = field(default_factory=dict)
    """Wishes that could not go out, with the finding that says why."""
    mirrored_in: int = 0

    async def day(self, today: date, wishes: Mapping[int, int]) -> None:
        """A day of the calendar: a mirror each month, then each line's wish until nothing is under way."""
        noon = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
        self.tenant.control("PUT", "clock", {"now": noon.isoformat().replace("+00:00", "Z")})
        self.world.calendar = FixedCalendar(noon)
        await self._pass(2 * WAIT)
        if today.month != self.mirrored_in:
            await self.world.mirrored(self.replica)
            self.mirrored_in = today.month
        for line, units in wishes.items():
            await self._wish(LineId(line), today, units)
        await self._quiet()

    async def retried(self) -> None:
        """A person says `resolve FINDING retry` to whatever was not seen."""
        for intents in self.asked.values():
            if self.world.outcomes(intents[-1])[-1] == "not_seen":
                await self.world.retry(self.replica, intents[-1])
        await self._quiet()

    async def _wish(self, line: LineId, today: date, units: int) -> None:
        book = await self.replica.books.get(key(line))
        reason = self._hindrance(line, book)
        if reason or book is None:
            self.left.setdefault(line, []).append(reason)
        elif jump := units - book.agreed.units_at(today):
            intent = self.world.intent(book, today, jump)
            self.asked.setdefault(line, []).append(intent)
            await self.world.tell(self.replica, intent)

    def _hindrance(self, line: int, book: LineBook | None) -> str:
        """Why the planner would not release a wish on this line now: always something that a person can see."""
        if book is None:
            assert self.finds(FindingCode.BASELINE_UNCLEAR, line)
            return "baseline_unclear"
        if book.open is not None:
            assert self.finds(FindingCode(book.open.state.value), line)
            return book.open.state.value
        if book.drift is not None:
            assert self.finds(FindingCode.DRIFT, line)
            return "drift"
        return ""

    def finds(self, code: FindingCode, line: int) -> bool:
        return any(each is code and subject.line == line for each, subject in self.world.findings.open)

    async def _quiet(self) -> None:
        """Passes until nothing is taken, sent or unknown; a line that says nothing gets its W, and once more."""
        working = {"open.state": {"$in": ["taken", "sent", "unknown"]}}
        for _ in range(40):
            await self._pass(0)
            if not await self.replica.books.collection.count(working):
                return
            await self.world.hand.sleep(WAIT / 2)
        raise AssertionError("a line is decided after W")

    async def _pass(self, seconds: float) -> None:
        await self.world.hand.sleep(seconds)
        await self.replica.one()

    def outcomes(self, line: int) -> list[str]:
        """The last word on each wish of a line."""
        return [self.world.outcomes(intent)[-1] for intent in self.asked.get(line, [])]

"""Autotask's unconfirmed behaviour, every value of every switch: right units or a finding, never two effects."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest
from sandbox_process import sandbox
from switch_world import (
    CONTRACTS,
    WAIT,
    WISHES,
    Case,
    Month,
    Tenant,
    each_alone,
    last_day,
    pairwise,
    psa_of,
    switches,
    tenant,
)
from writer_world import World, key

from seatledger.psa_writer.ports import PsaUnreachableError
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import LineId

TABLE = switches()
CASES = {
    **{",".join(f"{name}-{value}" for name, value in case.items()) or "defaults": case for case in each_alone(TABLE)},
    **{f"pairs-{number}": case for number, case in enumerate(pairwise(TABLE), start=1)},
}
LINES = sorted({line for wishes in WISHES.values() for line in wishes})
WITHOUT_EFFECT = {"refused", "drifted", "stale", "withdrawn"}
DOUBTFUL = {"held", "not_seen"}


@pytest.fixture(scope="module")
def autotask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """One sandbox for all cases; each begins with its seed anew."""
    folder: Path = tmp_path_factory.mktemp("switches")
    with sandbox(folder, tenant()) as process:
        running = Tenant(process.url)
        yield running
        running.client.close()


async def lived(autotask: Tenant, case: Case) -> Month:
    """The month under these switches."""
    autotask.begin(case)
    world = World(wait=WAIT)
    psa = psa_of(autotask, world.hand)
    month = Month(autotask, world, world.replica(psa=psa))
    for today, wishes in WISHES.items():
        await month.day(today, wishes)
    await month.retried()
    await psa.close()
    return month


def test_the_cases_hold_every_value_and_every_pair(autotask: Tenant) -> None:
    """The table of docs/interface.md is the sandbox's, and no two values of two switches were forgotten."""
    autotask.control("POST", "reset")
    assert autotask.control("GET", "switches") == {name: values[0] for name, values in TABLE.items()}
    met = {frozenset(pair) for case in pairwise(TABLE) for pair in combinations(case.items(), 2)}
    for one, other in combinations(TABLE, 2):
        assert all(frozenset({(one, a), (other, b)}) in met for a in TABLE[one] for b in TABLE[other])


async def test_as_documented_all_is_posted_but_what_cannot_be(autotask: Tenant) -> None:
    """With the defaults each line gets what was wished, but a day that somebody has used, one in a posted period, and a
    line that a person changed in its contract's last period; what was lost on its way came after a person's retry."""
    month = await lived(autotask, {})
    others = {1004: ["refused"], 3001: ["drifted"], 4000: ["refused", "posted"]}
    for line in LINES:
        outcomes = month.outcomes(line)
        assert outcomes == others.get(line, ["posted"] * len(outcomes)), line
        assert outcomes
    assert month.left == {1006: ["not_seen"], 3001: ["drift"]}
    units = {line: units for (line, day), units in autotask.truth().items() if day == date(2026, 3, 30)}
    assert {line: units[line] for line in (1000, 1001, 1006, 1008, 1009, 2000)} == {
        1000: 9, 1001: 0, 1006: 12, 1008: 12, 1009: 12, 2000: 13,
    }  # fmt: skip


@pytest.mark.parametrize("rights", ["limited", "none"])
@pytest.mark.parametrize("permission", TABLE["permission"])
async def test_a_user_who_may_not_see_contracts_moves_nothing(autotask: Tenant, permission: str, rights: str) -> None:
    """403, 500 or an empty world: no book is born at 0, one that is there stays as it is, and a finding or the mirror's
    error says why."""
    autotask.begin({"permission": permission})
    world = World(wait=WAIT)
    blinded, seeing = (psa_of(autotask, world.hand, each) for each in (rights, "all"))
    await world.mirrored(world.replica(psa=blinded))
    assert await world.store.collection("lines").count({}) == 0
    replica = world.replica(psa=seeing)
    await world.mirrored(replica)
    books = await replica.books.find({})
    assert len(books) == len([line for _, _, lines in CONTRACTS.values() for line in lines])
    blind = world.replica(psa=blinded)
    with suppress(PsaUnreachableError):
        await world.mirrored(blind)
    state = await blind.parts.mirror.state()
    assert state.error
    assert (FindingCode.PERMISSION in world.findings.codes) == (rights == "none" and permission != "empty")
    assert await replica.books.find({}) == books
    for psa in (blinded, seeing):
        await psa.close()


@pytest.mark.parametrize("name", CASES)
async def test_right_units_or_a_finding(autotask: Tenant, name: str) -> None:
    """Where nothing is open or drifted, Autotask stands at what was agreed on every day from the first wish on; each
    wish that was said to be done had one effect, one that was not has none or stands as a finding."""
    month = await lived(autotask, CASES[name])
    truth, effects = autotask.truth(), Counter(autotask.effects())
    assert max(effects.values(), default=0) <= 1
    by_line = Counter(line for line, _ in effects.elements())
    wrong = []
    for line in LINES:
        book = await month.replica.books.get(key(LineId(line)))
        outcomes = Counter(month.outcomes(line))
        assert set(outcomes) <= {"posted", "in_place"} | WITHOUT_EFFECT | DOUBTFUL, (line, outcomes)
        doubtful = sum(outcomes[word] for word in DOUBTFUL)
        if not outcomes["posted"] <= by_line[line] <= outcomes["posted"] + doubtful:
            wrong.append(f"{line}: {dict(outcomes)} with {by_line[line]} effects")
        if book is None or book.open or book.drift or not month.asked.get(line):
            continue
        first = min(intent.on for intent in month.asked[line] if intent.on)
        seen = {day: units for (each, day), units in truth.items() if each == line and first <= day <= last_day(line)}
        agreed = {day: book.agreed.units_at(day) for day in seen}
        if seen != agreed:
            wrong.append(f"{line}: agreed {agreed}, there are {seen}")
    assert wrong == [], CASES[name]

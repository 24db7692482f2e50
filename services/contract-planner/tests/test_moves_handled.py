"""Moves through the planner's handlers and the store: who is woken, what is read, what a crash leaves (section 7)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from planner_stage import ID, Stage, received
from planner_world import COMPANY, CONTRACT, LINE, MAIN, POLICY, SERVICE, contract, day, key, line, mapped

from seatledger.contract_planner.domain.assignments import Assignment
from seatledger.contract_planner.domain.policy import Mode
from seatledger.contract_planner.domain.state import CompanyDocument, new_company
from seatledger.contract_planner.domain.wanting import Wanted
from seatledger.contract_planner.ports import Surroundings
from seatledger.runtime.memory import MemoryCollection
from seatledger.schemas.book import LINES, LineBook, Trust
from seatledger.schemas.heads import ASSIGNMENTS
from seatledger.schemas.ids import CompanyId, CompanyKey, ContractId, LineId, ServiceId, SubscriptionKey
from seatledger.schemas.intents import AdjustmentSettled, LineRef, Outcome
from seatledger.schemas.mirror import PSA_CONTRACTS, PSA_LINES, PSA_MIRRORS, MirrorState
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Mapped, Unassigned

B = CompanyId(202)
B_ID = "main/202"
B_LINE = LineId(9202)


async def town(count: int = 1, **changes: Any) -> Stage:
    """Company 101 bills ``count`` subscriptions of ten units each, linked; company 202 has an empty linked line."""
    stage = Stage(policy=replace(POLICY, settle_for=0.0, **changes))
    await stage.furnish(10 * count)
    where = ContractId(602)
    await stage.put(PSA_CONTRACTS, contract(602, company=B))
    await stage.put(PSA_LINES, line(B_LINE, contract=where, company=B))
    at = LineRef(connection=MAIN, company=B, contract=where, line=B_LINE, service=SERVICE)
    book = LineBook(id=f"main/{B_LINE}", at=at, version=7, agreed=StepFunction.constant(0), trust=Trust.LINKED)
    await stage.put(LINES, book)
    for sub in subscriptions(count):
        await stage.say_units(sub, 10, day(9), 1)
    await stage.loop()
    await answer(stage)
    await stage.loop()
    return stage


def subscriptions(count: int) -> list[SubscriptionKey]:
    return [key(f"s{number}") for number in range(1, count + 1)]


async def move(stage: Stage, sub: SubscriptionKey, *, hint: bool = True) -> None:
    if hint:
        await stage.say(mapped(sub, 10, day(9), 2, outcome=Unassigned(company=B), mapping=2))
    where = Mapped(company=B, service=ServiceId(SERVICE))
    await stage.say(mapped(sub, 10, day(9), 2, outcome=where, mapping=2, company=B))


async def answer(stage: Stage) -> list[str]:
    """The writer answers every intent that is out, and where it was."""
    lines = []
    for document in await stage.companies.find({}):
        for state in document.lines.values():
            if state.released is None:
                continue
            intent = state.released.intent
            book = await stage.books.get(f"main/{state.line}")
            assert book is not None
            used = () if intent.on is None else (intent.on,)
            after = {"version": book.version + 1, "agreed": intent.after, "trust": Trust.LINKED}
            await stage.put(LINES, book.model_copy(update={**after, "dates_used": (*book.dates_used, *used)}))
            said = AdjustmentSettled(
                intent=intent.id,
                sequence=1,
                at=intent.at,
                outcome=Outcome.POSTED if intent.jump else Outcome.IN_PLACE,
                on=intent.on,
                before=intent.before,
                after=intent.after,
                jump=intent.jump,
                version=book.version + 1,
                agreed=intent.after,
                settled_at=stage.calendar.now(),
            )
            await stage.take_settled([received(said, intent.id, 1)])
            lines.append(f"{state.line} {intent.jump:+d}")
    return lines


async def generation(stage: Stage, number: int) -> None:
    """A whole mirror ends: what it showed is written, and now it is counted."""
    await stage.put(PSA_MIRRORS, MirrorState(id="main", connection=MAIN, generation=number))


async def calm(stage: Stage) -> list[str]:
    """Rounds of what is dirty, and answers, until nobody is dirty and nothing is out. The minute never comes."""
    posted = []
    for _ in range(30):
        await stage.loop()
        posted += await answer(stage)
        dirty = await stage.companies.collection.count({"dirty": True})
        out = await stage.companies.collection.count({"unanswered": {"$gt": 0}})
        if not dirty and not out:
            return posted
    raise AssertionError("the companies never come to rest")


async def units(stage: Stage) -> tuple[int, int]:
    books = await stage.books.get_many([f"main/{LINE}", f"main/{B_LINE}"])
    old, new = books[f"main/{LINE}"], books[f"main/{B_LINE}"]
    return old.agreed.units_at(day(10)), new.agreed.units_at(day(10))


@pytest.mark.parametrize("hint", [True, False])
async def test_a_move_ends_without_the_minutes_sweep(hint: bool) -> None:
    """kernel.md section 7.6: the claim wakes the old company, its settlement the waiting one, so that nobody waits for
    the minute and drain sees no gap; also where ``unassigned`` was lost."""
    stage = await town()
    await move(stage, key("s1"), hint=hint)
    assert await calm(stage) == ["9001 -10", "9202 +10"]
    assert await units(stage) == (0, 10)
    assert await stage.open_codes() == []


async def test_the_minutes_sweep_ends_a_move_whose_waking_was_lost() -> None:
    """kernel.md section 7.6: both processes died right after they wrote the assignment: nobody was marked."""
    stage = await town()
    real = stage.planner._mark

    async def dies(companies: object) -> None:
        return None

    stage.planner._mark = dies  # type: ignore[method-assign]
    await move(stage, key("s1"), hint=False)
    await calm(stage)
    assert await units(stage) == (10, 0)
    stage.planner._mark = real  # type: ignore[method-assign]
    stage.machine.at += 61
    await calm(stage)
    stage.machine.at += 61
    await calm(stage)
    assert await units(stage) == (0, 10)


async def test_a_process_that_dies_between_the_note_and_its_telling_tells_it_after_a_restart() -> None:
    """kernel.md section 7.2: the note stands in the company document, which stays dirty until the assignment names its
    line no more."""
    stage = await town()
    await move(stage, key("s1"))
    for _ in range(4):
        await stage.loop()
    assert await answer(stage) == ["9001 -10"]

    async def dies(outs: object) -> frozenset[str]:
        return frozenset()

    stage.planner.assignments.leave = dies  # type: ignore[method-assign]
    await stage.loop()
    noted = await stage.company()
    assert noted.dirty
    assert noted.lines[str(LINE)].leavers[str(key("s1"))].left is not None
    restarted = stage.another()
    await calm(restarted)
    assert await units(stage) == (0, 10)


async def test_a_waiting_decrease_is_told_to_the_new_company_at_once() -> None:
    """kernel.md section 7.6: ``move_waits`` on the new company, without waiting for the minute; it closes by itself."""
    stage = await town(company_modes={101: Mode.PROPOSE})
    await move(stage, key("s1"))
    await calm(stage)
    assert await stage.open_codes() == ["move_waits"]
    [found] = await stage.found.find({"closed_at": None})
    assert (found.subject.company, "line 9001 of company 101" in found.message) == (B, True)
    await move_back(stage)
    await calm(stage)
    assert await stage.open_codes() == []
    assert await units(stage) == (10, 0)


async def move_back(stage: Stage) -> None:
    where = Mapped(company=CompanyId(101), service=ServiceId(SERVICE), contract=CONTRACT)
    await stage.say(mapped(key("s1"), 10, day(9), 3, outcome=where, mapping=3))
    gone = Unassigned(company=CompanyId(101))
    await stage.say(mapped(key("s1"), 10, day(9), 3, outcome=gone, mapping=3, company=B))


async def test_a_customers_move_is_read_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many subscriptions move, a planning asks the store the same few questions."""
    counts = []
    for members in (2, 40):
        stage = await town(members)
        for sub in subscriptions(members):
            await move(stage, sub)
        calls: Counter[str] = Counter()
        for name in ("find", "get", "replace_many"):
            monkeypatch.setattr(MemoryCollection, name, counting(calls, name, getattr(MemoryCollection, name)))
        await stage.planner.plan([B_ID])
        await stage.planner.plan([ID])
        monkeypatch.undo()
        counts.append(calls)
        assert await calm(stage) == [f"9001 -{10 * members}", f"9202 +{10 * members}"]
    assert counts[0] == counts[1]


def counting(calls: Counter[str], name: str, real: Any) -> Any:
    async def counted(self: MemoryCollection, *given: Any, **named: Any) -> Any:
        calls[name] += 1
        return await real(self, *given, **named)

    return counted


async def test_two_replicas_move_it_once() -> None:
    """kernel.md section 9.2: both plan both companies at each step: one decrease, one increase."""
    stage = await town()
    twin = stage.another()
    await move(stage, key("s1"))
    posted: list[str] = []
    for _ in range(8):
        for one in (stage, twin):
            await one.planner.plan([ID, B_ID])
        posted += await answer(stage)
    assert posted == ["9001 -10", "9202 +10"]
    rows: Sequence[Any] = await stage.store.collection(ASSIGNMENTS).find({})
    assert [(row["company"], row["leaving"]) for row in rows] == [(B_ID, [])]


async def test_what_one_sighting_may_take_for_a_line_is_its_others_at_once() -> None:
    """Decision 0015: the claim is kept for the first account's sighting; the other arrives on the same line in the same
    planning. One planning later, and either alone would be billed meanwhile."""
    stage = Stage()
    first, other = key("s1"), key("p1", "other")
    kept: dict[str, Any] = {"rev": 1, "free": True, "goes_with": str(first), "taken_at": stage.machine.now()}
    row = Assignment(
        id="claim/main/v1/", connection=MAIN, company=B_ID, contract=None, line=B_LINE, mapping_revision=1, **kept
    )
    await stage.put(ASSIGNMENTS, row)
    wants = [Wanted(str(one), CONTRACT, LINE, SERVICE, 1, row.id) for one in (other, first)]
    document = new_company(CompanyKey(connection=MAIN, company=COMPANY))
    taken = await stage.planner.assignments.take({document.id: (document, wants)})
    assert set(taken[document.id].granted) == {str(other), str(first)}
    elsewhere = replace(wants[0], member=str(key("p2", "other")), line=LineId(9002))
    assert set((await stage.planner.assignments.take({document.id: (document, [elsewhere])}))[document.id].denied)


async def test_who_stands_still_after_its_claim_for_more_than_a_minute_does_not_count() -> None:
    """Decision 0015: a process frozen between its claim and its document; after the minute another company takes the
    claim over, and the frozen one goes on where it was: its save must be lost, or both bill one vendor subscription."""
    stage = await town(0)
    frozen = stage.another()
    real = frozen.companies.save_many

    async def stands_still(documents: Sequence[Any]) -> list[bool]:
        frozen.companies.save_many = real  # type: ignore[method-assign]
        await stage.say(mapped(key("a"), 10, day(10), 1, vendor="v1"))
        stage.machine.at += 61
        await stage.planner.plan([ID])
        return await real(documents)

    frozen.companies.save_many = stands_still  # type: ignore[method-assign]
    where = Mapped(company=B, service=ServiceId(SERVICE))
    await stage.say(mapped(key("b", "other"), 7, day(10), 1, vendor="v1", company=B, outcome=where))
    await frozen.planner.plan([B_ID])
    await calm(stage)
    assert await units(stage) == (10, 0)
    assert await stage.open_codes() == ["duplicate_sighting"]


@pytest.mark.parametrize("read_for", [1, 3])
async def test_what_one_mirror_misses_is_missed_once_whenever_it_is_seen(read_for: int) -> None:
    """Decision 0029: one reading lacks the old contract. The planner sees that before the mirror is counted, or stands
    still between two reads while mirrors are counted; the same reading, counted, is no second one."""
    stage = await town()
    await move(stage, key())
    around = stage.planner.reading.around

    async def meanwhile(documents: Sequence[CompanyDocument]) -> Mapping[str, Surroundings]:
        stage.planner.reading.around = around  # type: ignore[method-assign]  # once
        await generation(stage, read_for)
        return await around(documents)

    stage.planner.reading.around = meanwhile  # type: ignore[method-assign]  # the interleaving under test
    await stage.store.collection(PSA_CONTRACTS).delete_many({"_id": f"main/{CONTRACT}"})
    await calm(stage)
    await generation(stage, read_for + 1)
    assert await calm(stage) == []
    await stage.put(PSA_CONTRACTS, contract())
    await generation(stage, read_for + 2)
    assert await calm(stage) == [f"{LINE} -10", f"{B_LINE} +10"]


async def test_what_two_mirrors_miss_is_gone() -> None:
    """Decision 0029: the first that can be another reading than the one that missed it is believed."""
    stage = await town()
    await move(stage, key())
    await stage.store.collection(PSA_CONTRACTS).delete_many({"_id": f"main/{CONTRACT}"})
    await calm(stage)
    await generation(stage, 3)
    assert await calm(stage) == [f"{B_LINE} +10"]

"""Sentences of kernel.md sections 2 and 4 about what is read: births, the window, posted periods, links, lag."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from writer_world import TODAY, WAIT, World, key

from seatledger.psa_writer.adapters.memory import MemoryPsa
from seatledger.psa_writer.domain.baseline import baseline_of
from seatledger.psa_writer.domain.reading import ContractFacts
from seatledger.psa_writer.handlers import mirror
from seatledger.psa_writer.ports import ContractRow
from seatledger.schemas.book import Trust
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import ContractId, LineId
from seatledger.schemas.mirror import UnitRow

APRIL = date(2026, 4, 1)
FEBRUARY = date(2026, 2, 1)


async def test_two_lines_of_one_contract_and_service_have_a_book_each() -> None:
    """Section 2: one document per contract line, never per contract and service."""
    world = World()
    lines = [world.psa.add_line(1, 10), world.psa.add_line(2, 20)]
    replica = await world.linked(*lines)
    await world.release(replica, lines[0], TODAY, 2)
    await replica.passes(0)
    books = [await world.book(line) for line in lines]
    assert [(book.agreed.at(APRIL), book.dates_used) for book in books] == [(12, (TODAY,)), (20, ())]
    assert [world.psa.units(line).at(APRIL) for line in lines] == [12, 20]


async def test_a_line_of_which_only_a_split_row_can_be_read_stays_without_a_book() -> None:
    """Section 2: finding ``baseline_unclear``; a period that begins makes the book, and the finding goes."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica, window = world.replica(), world.psa.read_window

    async def split(*_args: Any) -> dict[LineId, tuple[UnitRow, ...]]:
        return {line: (UnitRow(id=1, start=date(2026, 3, 10), end=date(2026, 3, 31), units=10),)}

    world.psa.read_window = split  # type: ignore[method-assign,assignment]
    await world.mirrored(replica)
    assert await replica.books.get(key(line)) is None
    assert world.findings.codes == [FindingCode.BASELINE_UNCLEAR]
    world.psa.read_window = window  # type: ignore[method-assign]
    await world.mirrored(replica)
    assert (await world.book(line)).agreed.at(APRIL) == 10
    assert not world.findings.codes


async def test_a_contract_without_an_end_in_sight_is_mirrored_and_sent_like_any_other() -> None:
    """It ends on the last day that there is, and no day after it is ever reckoned."""
    world = World()
    line = world.psa.add_line(1, 10)
    read = world.psa.read_contracts

    async def endless(only: Sequence[ContractId] | None = None) -> Sequence[ContractRow]:
        found = await read(only)
        return [replace(row, facts=row.facts.model_copy(update={"end": date.max})) for row in found]

    world.psa.read_contracts = endless  # type: ignore[method-assign]
    replica = await world.linked(line)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(30)
    assert (world.outcomes(intent)[-1], (await replica.parts.mirror.state()).generation) == ("posted", 1)


async def test_a_line_that_cannot_be_judged_keeps_no_other_line_from_its_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 9.7: the mirror is counted, the other books are born, and readiness names the line until it is well."""
    world = World()
    lines = [world.psa.add_line(n, 10, contract=n) for n in (1, 2)]
    replica = world.replica()

    def poisoned(contract: ContractFacts, *rest: Any) -> Any:
        if contract.contract == ContractId(1):
            raise ZeroDivisionError
        return baseline_of(contract, *rest)

    monkeypatch.setattr(mirror, "baseline_of", poisoned)
    await world.mirrored(replica)
    assert [await replica.books.get(key(line)) is None for line in lines] == [True, False]
    assert (await replica.parts.mirror.state()).generation == 1
    assert key(lines[0]) in (replica.parts.trouble() or "")
    monkeypatch.setattr(mirror, "baseline_of", baseline_of)
    await world.mirrored(replica)
    assert (await world.book(lines[0])).agreed.at(APRIL) == 10
    assert replica.parts.trouble() is None


async def test_the_mirror_reads_from_the_oldest_open_effective_date_on() -> None:
    """Section 2: also where that lies before the window of the previous period."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.edit(line, date(2026, 1, 1), 7)
    await world.release(replica, line, date(2026, 1, 5), 2)
    await replica.passes(0)
    await world.mirrored(replica)
    stored = await world.store.collection("psa_lines").get(key(line))
    assert stored is not None
    assert min(row["start"] for row in stored["rows"]) == "2026-01-01"


@pytest.mark.parametrize("split", ["total", "delta"])
async def test_a_link_on_the_day_of_a_change_by_hand(split: Any) -> None:
    """Section 2: the whole reading moved the baseline, the link is stale; the next one settles without a POST, and no
    later change is built on the old units."""
    world = World()
    world.psa.split_rows = split
    line = world.psa.add_line(1, 10)
    replica = world.replica()
    await world.mirrored(replica)
    old = world.intent(await world.book(line), None, 0)
    world.psa.edit(line, TODAY, 3)
    await world.tell(replica, old)
    await replica.passes(0)
    book = await world.book(line)
    assert (world.outcomes(old), book.trust) == (["taken", "stale"], Trust.NEW)
    assert [book.agreed.at(day) for day in (date(2026, 3, 9), TODAY, APRIL)] == [10, 13, 13]
    link = await world.release(replica, line, None, 0)
    await replica.passes(0)
    assert (world.outcomes(link), world.psa.posts) == (["taken", "in_place"], 0)


@pytest.mark.parametrize("split", ["total", "delta"])
@pytest.mark.parametrize("day", [date(2026, 2, 14), date(2026, 3, 2), TODAY, date(2026, 3, 31)])
async def test_a_baseline_equals_the_truth_from_the_day_of_a_change_by_hand_on(split: Any, day: date) -> None:
    """Section 2: whether a split row is a total or a delta, the next period's first row tells which; else a target
    equal to what stands there would be posted a second time for the rest of that period."""
    world = World()
    world.psa.split_rows = split
    line = world.psa.add_line(1, 10)
    world.psa.edit(line, day, 4)
    await world.mirrored()
    agreed = (await world.book(line)).agreed
    assert agreed.equals_from(date(2026, 2, 10), world.psa.units(line))


async def test_rows_as_wished_are_in_place_even_in_a_posted_period() -> None:
    """Section 4.1: ``after`` ends without a POST, whatever is posted."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.edit(line, TODAY, 2)
    world.psa.lines[line].posted_through = date(2026, 3, 31)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    assert (world.outcomes(intent), world.psa.posts) == (["taken", "in_place"], 0)


async def test_a_period_posted_between_release_and_reading_is_seen_by_the_very_reading() -> None:
    """Sections 4.1 and 9.5: the same read shows ``approveAndPostDate``; the mirror had not seen it."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = await world.release(replica, line, TODAY, 2)
    read = world.psa.read_rows

    async def posted_meanwhile(*args: Any) -> Any:
        world.psa.lines[line].posted_through = date(2026, 3, 31)
        return await read(*args)

    world.psa.read_rows = posted_meanwhile  # type: ignore[method-assign,assignment]
    await replica.passes(0)
    assert (world.outcomes(intent)[-1], world.psa.posts) == ("refused", 0)


@pytest.mark.parametrize("missing", ["gap", "fewer"])
async def test_missing_rows_are_no_information_until_w_is_over(missing: str) -> None:
    """Section 4.1: a gap, or fewer rows than the last read: read again; after W it is a mismatch, never a POST."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    read, whole = world.psa.read_rows, [1]

    async def without(lines: Any, since: Any) -> Any:
        found = await read(lines, since)
        if whole:
            whole.pop()
            world.hand.at += 31  # old: no ground for a post
            return found
        cut = slice(1, 2) if missing == "gap" else slice(len(found[line]) - 1, None)
        return {line: tuple(row for row in found[line] if row not in found[line][cut])}

    world.psa.read_rows = without  # type: ignore[method-assign]
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT - 60)
    assert (world.outcomes(intent), world.psa.posts) == (["taken"], 0)
    await replica.passes(240)
    assert (world.outcomes(intent)[-1], world.psa.posts) == ("drifted", 0)


@pytest.mark.parametrize(("seconds", "codes"), [(600.0, ["read_lag"]), (300.0, [])])
async def test_a_lag_above_w_less_360_seconds_is_a_finding(seconds: float, codes: list[str]) -> None:
    """Section 4.4: measured from a recognised 200 to the reading that first showed it, against a host not loopback."""
    world = World(loopback=False)
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    before, read = world.psa.snapshot(), world.psa.read_rows
    until = world.hand.at + seconds

    async def lagging(*args: Any) -> Any:
        if world.hand.at < until:
            world.psa.shown.append(before)
        return await read(*args)

    world.psa.read_rows = lagging  # type: ignore[method-assign,assignment]
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(seconds + 120)
    assert world.outcomes(intent) == ["taken", "unknown", "posted"]
    assert world.findings.codes == codes


@pytest.mark.parametrize("start", [date(2026, 1, 29), date(2026, 1, 30), date(2026, 1, 31)])
async def test_a_contract_that_starts_on_the_29th_to_31st_is_changed_and_read_back(start: date) -> None:
    """Section 4.1: its periods are recognised on the grid that its rows lie on."""
    world = World()
    line = world.psa.add_line(1, 10, start=start, end=date(2026, 12, 30))
    replica = await world.linked(line)
    for day, jump in ((TODAY, 2), (date(2026, 3, 30), -1), (date(2026, 12, 30), 3)):
        intent = await world.release(replica, line, day, jump)
        await replica.passes(0)
        assert world.outcomes(intent) == ["taken", "posted"], day
    assert world.psa.units(line).last == 14


async def test_a_line_that_goes_up_from_nothing_is_sent_only_after_two_readings() -> None:
    """Section 4.1: one empty reading is no ground for a POST."""
    world = World()
    line = world.psa.add_line(1, 0)
    world.psa.zero_rows = False
    replica = await world.linked(line)
    await replica.passes(120)
    intent = await world.release(replica, line, TODAY, 5)
    await replica.passes(45)
    assert world.psa.posts == 0
    await replica.passes(60)
    assert (world.outcomes(intent)[-1], world.psa.posts) == ("posted", 1)


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "lost"])
async def test_in_the_last_period_a_delta_that_equals_before_is_no_ground_to_send_again(lost: bool) -> None:
    """10 → 20 where only a split row is left and shows its delta, 10: that is not what was there before, so the intent
    is held and nobody's retry can double it (docs/decisions/0009)."""
    world = World()
    world.psa.split_rows = "delta"
    line = world.psa.add_line(1, 10, end=date(2026, 3, 31))
    replica = await world.linked(line)
    world.psa.script.extend(["time_out_with_effect"] if lost else [])
    intent = await world.release(replica, line, TODAY, 10)
    await replica.passes(WAIT + 300)
    assert world.outcomes(intent)[-1] == "held"
    assert not await world.retry(replica, intent)
    await replica.passes(WAIT + 600)
    assert (world.outcomes(intent)[-1], world.psa.posts) == ("held", 1)


async def test_lines_of_which_not_one_shows_a_row_get_no_book() -> None:
    """Empty lists are what an API user without the right gets (reference 15): no book at 0 is opened on them, one
    finding says so, and it closes with the first rows; a lone line without rows stands at 0 as ever."""
    world = World()
    lines = [world.psa.add_line(number, 0) for number in (1, 2)]
    world.psa.zero_rows = False
    replica = world.replica()
    await world.mirrored(replica)
    assert world.findings.codes == ["permission"]
    assert await replica.books.find({}) == []
    world.psa.edit(lines[0], TODAY, 3)
    await world.mirrored(replica)
    assert world.findings.codes == []
    assert [(await world.book(line)).agreed.last for line in lines] == [3, 0]


async def test_a_drift_tells_what_stands_there_now() -> None:
    """Section 3: a wish equal to the rows is released while a drift stands, so a further change by hand is noted, and
    the planner hears of it."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.edit(line, date(2026, 3, 1), 4)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(15)
    assert world.outcomes(intent)[-1] == "drifted"
    world.psa.edit(line, date(2026, 3, 2), 1)
    world.sink.published.clear()
    await replica.passes(600)
    book = await world.book(line)
    assert book.drift is not None
    assert book.drift.rows is not None
    assert book.drift.rows.last == 15
    assert [entry.event.type for entry in world.sink.published] == ["LineObserved"]
    wish = world.intent(book, TODAY, 5)
    await world.tell(replica, wish)
    await replica.passes(0)
    assert world.outcomes(wish)[-1] == "in_place"
    assert (await world.book(line)).drift is None


def test_the_twin_shows_what_a_split_row_means_in_both_ways() -> None:
    """The tests above look at two readings of Autotask, not twice at one."""
    world = World()
    line = world.psa.add_line(1, 10)
    world.psa.edit(line, TODAY, 4)
    shown = []
    for split in ("total", "delta"):
        world.psa.split_rows = split
        shown.append([row.units for row in _rows(world.psa, line) if row.start == TODAY])
    assert shown == [[14], [4]]


def _rows(psa: MemoryPsa, line: LineId) -> list[UnitRow]:
    return list(psa._rows(line, None, date.max))

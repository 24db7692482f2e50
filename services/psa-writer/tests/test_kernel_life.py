"""Sentences of kernel.md sections 2 and 3 that only an unlucky order of things can break: withdrawals that come late,
many lines that wait, one line that is poison, what was there before our newest writes."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from writer_world import TODAY, WAIT, World, key

from seatledger.psa_writer.domain.baseline import Baseline, born
from seatledger.psa_writer.domain.verdict import decide
from seatledger.psa_writer.handlers import execute
from seatledger.psa_writer.ports import Adjustment, Deadline, PostOutcome
from seatledger.schemas.book import OpenState, Trust
from seatledger.schemas.ids import ContractId, LineId
from seatledger.schemas.intents import Outcome, Refusal
from seatledger.schemas.steps import StepFunction

APRIL = date(2026, 4, 1)


# ------------------------------------------------------------------------------------------------ 2: the line book


async def test_a_baseline_that_moves_while_an_intent_is_on_its_way_makes_it_stale() -> None:
    """Section 2: the version went up with the baseline, so the intent that was released before is not taken."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = world.replica()
    await world.mirrored(replica)
    intent = world.intent(await world.book(line), TODAY, 2)
    world.psa.edit(line, APRIL, 3)
    await world.mirrored(replica)
    await world.tell(replica, intent)
    await replica.passes(60)
    assert (world.outcomes(intent), world.psa.posts) == (["stale"], 0)


async def test_a_book_born_again_takes_no_intent_of_its_former_life() -> None:
    """Section 2: its version starts at random, in 63 bits and with room to count on."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    book = await world.book(line)
    intent = world.intent(book, TODAY, 2)
    asked: list[int] = []

    def highest(bits: int) -> int:
        asked.append(bits)
        return (1 << bits) - 1

    again = born(book.at, Baseline(book.agreed, ()), highest).model_copy(update={"rev": 1})
    await world.store.collection("lines").upsert_many([again.model_dump(mode="json", by_alias=True)])
    await world.tell(replica, intent)
    await replica.passes(30)
    assert (asked, again.version < 2**63 - 2**31, again.trust) == ([63], True, Trust.NEW)
    assert (world.outcomes(intent), world.psa.posts) == (["stale"], 0)


async def test_after_a_new_epoch_the_planned_topic_is_read_again_and_nothing_is_taken_twice() -> None:
    """Section 2: known intents, ended and withdrawn ones alike, are answered with their recorded outcome."""
    world = World()
    lines = [world.psa.add_line(n, 10) for n in (1, 2)]
    replica = await world.linked(*lines)
    posted = await world.release(replica, lines[0], TODAY, 2)
    taken_back = world.intent(await world.book(lines[1]), TODAY, 2)
    withdrawal = world.withdrawal(taken_back)
    await world.tell(replica, taken_back, withdrawal)
    await replica.passes(0)
    versions = [(await world.book(line)).version for line in lines]
    fresh = world.replica()
    await world.tell(fresh, posted, taken_back, withdrawal)
    await fresh.passes(60)
    assert [(await world.book(line)).version for line in lines] == versions
    assert (world.outcomes(posted)[-1], world.outcomes(taken_back)[-1]) == ("posted", "withdrawn")
    assert world.psa.posts == 1


async def test_dates_are_given_back_only_while_no_send_was_ever_unknown() -> None:
    """Section 2: unknown, then retried and refused by text: the date stays used."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.extend(["time_out_without_effect", "refused"])
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT + 120)
    assert await world.retry(replica, intent)
    await replica.passes(30)
    assert world.outcomes(intent)[-1] == "refused"
    assert (await world.book(line)).dates_used == (TODAY,)


@pytest.mark.parametrize(("script", "used"), [(["refused"], ()), (["no_byte", "refused"], ())])
async def test_a_definite_refusal_gives_the_date_back(script: list[Any], used: tuple[date, ...]) -> None:
    """Section 2: no send of it was ever unknown."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.extend(script)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(30, step=1)
    assert (world.outcomes(intent)[-1], (await world.book(line)).dates_used) == ("refused", used)


async def test_what_was_there_before_a_write_is_recent_for_w_from_its_confirmation() -> None:
    """Section 2 (``recent``): half an hour later rows that settle a lost answer need not wait, though nobody looked at
    the line meanwhile."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    await world.release(replica, line, date(2026, 3, 11), 2)
    await replica.passes(0)
    world.hand.at += 2 * WAIT
    world.psa.script.append("time_out_with_effect")
    back = await world.release(replica, line, date(2026, 3, 12), -2)
    await replica.passes(30)
    assert world.outcomes(back) == ["taken", "unknown", "posted"]


async def test_a_wall_clock_that_jumps_ahead_makes_no_write_older() -> None:
    """Section 2 (``recent``), design 4: W is machine time of this process; a jump of the wall clock ends nothing."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    old = world.psa.snapshot()
    await world.release(replica, line, date(2026, 3, 11), 2)
    await replica.passes(0)
    world.hand.start += timedelta(hours=5)
    world.psa.script.append("time_out_without_effect")
    world.psa.shown.extend([world.psa.snapshot(), *[old] * 20])
    back = await world.release(replica, line, date(2026, 3, 12), -2)
    await replica.passes(60, step=10)
    assert world.outcomes(back) == ["taken", "unknown"]


# ------------------------------------------------------------------------------------------- 3: the life of an intent


@pytest.mark.parametrize("state", ["sent", "unknown", "held"])
async def test_a_withdrawal_that_came_while_the_outcome_was_open_is_followed_once_it_can_be(state: str) -> None:
    """Section 3: answered with what had happened; when the intent is then *not_seen* it is withdrawn, D stays used,
    and no retry sends a wish that has changed."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = world.intent(await world.book(line), TODAY, 2)
    post = world.psa.post

    async def overtaken(adjustment: Adjustment, deadline: Deadline) -> PostOutcome:
        if state == "sent":
            await world.tell(replica, world.withdrawal(intent))
        return await post(adjustment, deadline)

    world.psa.post = overtaken  # type: ignore[method-assign]
    world.psa.script.append("time_out_without_effect")
    await world.tell(replica, intent)
    await replica.one()
    if state == "held":
        world.psa.edit(line, APRIL, 30)
        await replica.passes(WAIT + 120)
        assert world.outcomes(intent)[-1] == "held"
    if state != "sent":
        await world.tell(replica, world.withdrawal(intent))
        await replica.flush()
        assert world.sink.published[-1].event.data["outcome"] == state
    if state == "held":
        world.psa.edit(line, APRIL, -30)
    await replica.passes(WAIT + 600)
    assert world.outcomes(intent)[-2:] == ["not_seen", "withdrawn"]
    assert ((await world.book(line)).dates_used, world.psa.posts) == ((TODAY,), 1)
    assert not await world.retry(replica, intent)


async def test_a_withdrawal_during_a_send_that_had_its_effect_ends_posted() -> None:
    """Section 3: the answer is not lost because the book changed under it."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = world.intent(await world.book(line), TODAY, 2)
    post = world.psa.post

    async def overtaken(adjustment: Adjustment, deadline: Deadline) -> PostOutcome:
        await world.tell(replica, world.withdrawal(intent))
        return await post(adjustment, deadline)

    world.psa.post = overtaken  # type: ignore[method-assign]
    await world.tell(replica, intent)
    await replica.one()
    assert world.outcomes(intent)[-1] == "posted"


async def test_a_withdrawal_during_a_send_of_which_no_byte_left_is_followed_at_once() -> None:
    """Section 3: back to taken, and withdrawn; the date is free, nothing is sent again."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = world.intent(await world.book(line), TODAY, 2)
    post = world.psa.post

    async def overtaken(adjustment: Adjustment, deadline: Deadline) -> PostOutcome:
        await world.tell(replica, world.withdrawal(intent))
        return await post(adjustment, deadline)

    world.psa.post = overtaken  # type: ignore[method-assign]
    world.psa.script.append("no_byte")
    await world.tell(replica, intent)
    await replica.passes(30, step=1)
    assert (world.outcomes(intent)[-1], world.psa.posts) == ("withdrawn", 0)
    assert (await world.book(line)).dates_used == ()


async def test_a_not_seen_intent_is_withdrawn_and_its_date_stays_used() -> None:
    """Section 3: not_seen → withdrawn (D stays used)."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.append("time_out_without_effect")
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT + 120)
    await world.tell(replica, world.withdrawal(intent))
    await replica.flush()
    assert world.outcomes(intent)[-2:] == ["not_seen", "withdrawn"]
    assert (await world.book(line)).dates_used == (TODAY,)


@pytest.mark.parametrize("kind", ["held", "drift"])
async def test_all_that_wait_for_a_person_are_read_again_however_many_they_are(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Section 3: held, not_seen and drift are read each ``mirror_seconds``, also those beyond one pass's batch."""
    world = World()
    lines = [world.psa.add_line(n, 10) for n in range(1, 12)]
    replica = await world.linked(*lines)
    monkeypatch.setattr(execute, "BATCH", 4)
    if kind == "held":
        world.psa.script.extend(["time_out_without_effect"] * len(lines))
    else:
        for line in lines:
            world.psa.edit(line, date(2026, 3, 1), 7)
    for line in lines:
        await world.release(replica, line, TODAY, 2)
    await replica.passes(15, step=0.5)
    if kind == "held":
        for line in lines:
            world.psa.edit(line, APRIL, 30)
        await replica.passes(WAIT + 240)
    for line in lines:
        world.psa.edit(line, APRIL if kind == "held" else date(2026, 3, 2), -30 if kind == "held" else -7)
    await replica.passes(400, step=5)
    books = [await world.book(line) for line in lines]
    if kind == "held":
        assert {book.open.state for book in books if book.open} == {OpenState.NOT_SEEN}
    assert all(book.open is not None if kind == "held" else book.drift is None for book in books)


async def test_a_drift_on_a_line_that_stands_at_0_without_a_row_closes() -> None:
    """Sections 3 and 4.1: agreed 0, no unit row from the day on in two readings ≥ 60 s apart: rows = agreed."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.zero_rows = False
    await world.release(replica, line, APRIL, -10)
    await replica.passes(180)
    world.psa.edit(line, date(2026, 4, 2), 3)
    intent = await world.release(replica, line, date(2026, 4, 2), 5)
    await replica.passes(2 * WAIT)
    assert world.outcomes(intent)[-1] == "drifted"
    world.psa.edit(line, date(2026, 4, 2), -3)
    await replica.passes(1200)
    assert (await world.book(line)).drift is None


async def test_a_drift_is_not_closed_by_one_reading_without_a_row() -> None:
    """Section 4.1: no row, once, is no information."""
    world = World()
    line = world.psa.add_line(1, 0)
    replica = await world.linked(line)
    world.psa.edit(line, date(2026, 3, 1), 7)
    await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    world.psa.zero_rows = False
    world.psa.edit(line, date(2026, 3, 1), -7)
    await replica.passes(330, step=15)
    assert (await world.book(line)).drift is not None
    await replica.passes(330, step=15)
    assert (await world.book(line)).drift is None


async def test_a_second_drift_keeps_the_day_of_the_first() -> None:
    """Section 3: a drift stands until rows = agreed at every readable date from *its* day on."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.edit(line, date(2026, 2, 1), 7)
    await world.release(replica, line, date(2026, 2, 10), 2)
    await replica.passes(0)
    fitting = await world.release(replica, line, TODAY, 7)
    world.psa.edit(line, APRIL, -3)
    await replica.passes(0)
    assert world.outcomes(fitting)[-1] == "drifted"
    world.psa.edit(line, APRIL, -4)
    await replica.passes(700)
    drift = (await world.book(line)).drift
    assert drift is not None
    assert drift.from_day == date(2026, 2, 10)


async def test_a_line_that_cannot_be_decided_waits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 9.7: a poisoned line waits alone, and turns readiness red; everybody else goes on."""
    world = World()
    lines = [world.psa.add_line(n, 10) for n in (1, 2)]
    replica = await world.linked(*lines)

    def poisoned(book: Any, *rest: Any) -> Any:
        if book.at.line == lines[0]:
            raise ZeroDivisionError
        return decide(book, *rest)

    monkeypatch.setattr(execute, "decide", poisoned)
    waits = await world.release(replica, lines[0], TODAY, 2)
    goes_on = await world.release(replica, lines[1], TODAY, 2)
    await replica.passes(30)
    assert (world.outcomes(waits), world.outcomes(goes_on)) == (["taken"], ["taken", "posted"])
    assert key(lines[0]) in (replica.parts.executor.trouble() or "")
    monkeypatch.setattr(execute, "decide", decide)
    await replica.passes(120)
    assert world.outcomes(waits)[-1] == "posted"
    assert replica.parts.executor.trouble() is None


async def test_an_intent_that_names_no_jump_is_never_marked_sent() -> None:
    """Section 1: after − before is the jump; one that contradicts itself waits alone and spoils nobody's send."""
    world = World()
    lines = [world.psa.add_line(n, 10) for n in (1, 2)]
    replica = await world.linked(*lines)
    broken = world.intent(await world.book(lines[0]), TODAY, 2).model_copy(update={"jump": 0})
    await world.tell(replica, broken)
    other = await world.release(replica, lines[1], TODAY, 2)
    await replica.passes(30)
    assert (world.outcomes(broken), world.outcomes(other)) == (["taken"], ["taken", "posted"])


async def test_rows_as_wished_are_posted_though_the_contract_now_begins_later() -> None:
    """Sections 3 and 4.1: ``after`` ends without a POST; only where rows are ``before`` do the refusals come."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.append("effect_after_time_out")
    world.psa.late_by = WAIT + 300
    intent = await world.release(replica, line, date(2026, 2, 10), 2)
    await replica.passes(WAIT + 120)
    assert world.outcomes(intent)[-1] == "not_seen"
    world.hand.at += 600
    assert world.psa.units(line).at(APRIL) == 12
    row = world.psa.contracts[ContractId(1)]
    facts = row.facts.model_copy(update={"start": date(2026, 3, 1)})
    world.psa.contracts[ContractId(1)] = replace(row, facts=facts)
    fresh = world.replica()
    assert await world.retry(fresh, intent)
    await fresh.passes(30)
    assert (world.outcomes(intent)[-1], world.psa.posts) == ("posted", 1)


async def test_a_date_before_the_contract_is_refused_where_rows_are_before() -> None:
    """Sections 3 and 9.5: never outside the contract."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = await world.release(replica, line, date(2025, 12, 30), 2)
    await replica.passes(30)
    assert (world.said(intent)[-1].refusal, world.psa.posts) == (Refusal.CONTRACT_ENDED, 0)


async def test_a_link_of_a_contract_that_ended_is_refused() -> None:
    """Section 2: refused only where the line is gone or its contract ended."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = world.replica()
    await world.mirrored(replica)
    world.psa.set_status(ContractId(1), 0)
    link = world.intent(await world.book(line), None, 0)
    await world.tell(replica, link)
    await replica.passes(0)
    [*_, last] = world.said(link)
    assert (last.outcome, last.refusal) == (Outcome.REFUSED, Refusal.CONTRACT_ENDED)
    assert (await world.book(line)).trust is Trust.NEW


async def test_a_line_that_is_gone_is_refused_after_w() -> None:
    """Section 3: before sending, line gone; until W is over its silence is no information, nor is it before a full
    mirror has missed the line too."""
    world = World()
    line, other = world.psa.add_line(1, 10), world.psa.add_line(2, 10)
    replica = await world.linked(line, other)
    intent = await world.release(replica, line, TODAY, 2)
    world.psa.lines.pop(LineId(1))
    await world.mirrored(replica)
    await replica.passes(WAIT - 60)
    assert world.outcomes(intent) == ["taken"]
    await replica.passes(240)
    assert (world.said(intent)[-1].refusal, world.psa.posts) == (Refusal.LINE_GONE, 0)


async def test_a_200_whose_rows_never_come_is_never_sent_again_by_itself() -> None:
    """Section 3: unknown, then not_seen; the answer 200 is kept."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    before = world.psa.snapshot()
    world.psa.shown.extend([before] * 10_000)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(3 * WAIT)
    claim = (await world.book(line)).open
    assert claim is not None
    assert claim.answer is not None
    assert (world.outcomes(intent)[-1], world.psa.posts, claim.answer.status) == ("not_seen", 1, 200)
    world.psa.shown.clear()
    await replica.passes(600)
    assert world.outcomes(intent)[-1] == "posted"


async def test_observe_leaves_what_was_not_seen_to_a_person_and_sends_no_retry() -> None:
    """Section 4.7: in ``observe`` no claim is made, whatever a person says."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.append("time_out_without_effect")
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT + 120)
    world.observing.add(101)
    await world.retry(replica, intent)
    await replica.passes(60)
    assert (world.outcomes(intent)[-1], world.psa.posts) == ("withdrawn", 1)
    assert (await world.book(line)).agreed == StepFunction.constant(10)

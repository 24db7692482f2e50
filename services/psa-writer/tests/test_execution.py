"""The life of an intent on memory ports (kernel.md sections 2 to 4)."""

import copy
from datetime import date
from typing import Any

import pytest
from mortal import DiedError, Mortal
from writer_world import TODAY, WAIT, World

from seatledger.psa_writer.domain.transitions import sent
from seatledger.psa_writer.ports import Adjustment, Deadline, PostOutcome, PsaUnreachableError
from seatledger.schemas.book import OpenState, Trust
from seatledger.schemas.ids import ContractId, LineId
from seatledger.schemas.intents import Outcome, Refusal

APRIL = date(2026, 4, 1)


async def test_a_change_is_posted_once_and_read_back() -> None:
    """An intent on a linked line whose rows equal ``before`` is posted, and its rows settle it at once."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    assert world.outcomes(intent) == ["taken", "posted"]
    assert world.psa.units(line).at(TODAY) == 12
    assert (await world.book(line)).agreed.at(TODAY) == 12


async def test_a_line_is_linked_by_its_first_settlement() -> None:
    """A link without a jump uses no date, posts nothing, and makes the line ``linked``."""
    world = World()
    line = world.psa.add_line(1, 10)
    await world.linked(line)
    book = await world.book(line)
    assert (book.trust, book.dates_used, world.psa.posts) == (Trust.LINKED, (), 0)


async def test_a_repeated_run_posts_nothing() -> None:
    """The same intent said again is answered with its recorded outcome and never taken again."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    await world.tell(replica, intent)
    await replica.passes(30)
    assert world.psa.posts == 1
    assert world.outcomes(intent) == ["taken", "posted"]
    assert world.sink.published[-1].event.data["outcome"] == "posted"


async def test_a_time_out_stays_unknown_for_w_and_is_then_not_seen() -> None:
    """Without evidence of arrival nothing is decided before W, and nothing is sent again by itself."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.append("time_out_without_effect")
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT - 60)
    assert world.outcomes(intent) == ["taken", "unknown"]
    await replica.passes(300)
    assert world.outcomes(intent) == ["taken", "unknown", "not_seen"]
    assert world.psa.posts == 1
    assert world.findings.codes == ["not_seen"]


async def test_rows_settle_a_lost_answer() -> None:
    """Rows equal to ``after`` end the unknown at once."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.append("time_out_with_effect")
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(30)
    assert world.outcomes(intent) == ["taken", "unknown", "posted"]


async def test_a_retry_whose_first_attempt_arrives_late_is_found_before_the_second_send() -> None:
    """``retry`` compares first: rows = ``after`` end it as posted, and nothing is sent a second time."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.append("effect_after_time_out")
    world.psa.late_by = WAIT + 600
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT + 120)
    assert world.outcomes(intent)[-1] == "not_seen"
    world.hand.at += 1200
    assert await world.retry(replica, intent)
    await replica.passes(0)
    assert world.outcomes(intent)[-2:] == ["taken", "posted"]
    assert (world.psa.posts, world.psa.units(line).at(APRIL)) == (1, 12)


async def test_a_first_attempt_that_arrives_after_a_second_without_effect_is_posted() -> None:
    """Rows equal to ``after`` are evidence, whichever of the two sends brought them."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.extend(["effect_after_time_out", "time_out_without_effect"])
    world.psa.late_by = WAIT + 400
    intent = await world.release(replica, line, date(2026, 4, 1), 2)
    await replica.passes(WAIT + 120)
    assert await world.retry(replica, intent)
    await replica.passes(30)
    assert world.psa.posts == 2
    await replica.passes(WAIT + 700)
    assert world.outcomes(intent)[-1] == "posted"
    assert world.psa.units(line).at(APRIL) == 12


async def test_a_finding_closes_in_the_pass_that_finds_its_cause_gone() -> None:
    """What a person retried is no open finding any more, without waiting for the next slow look."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.append("time_out_without_effect")
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT + 120)
    assert world.findings.codes == ["not_seen"]
    assert await world.retry(replica, intent)
    await replica.passes(0)
    assert world.findings.codes == []


async def test_a_retry_begins_w_anew() -> None:
    """The second send's unknown lasts a whole W of its own."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.extend(["time_out_without_effect", "time_out_without_effect"])
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT + 120)
    assert await world.retry(replica, intent)
    await replica.passes(WAIT - 60)
    assert world.outcomes(intent) == ["taken", "unknown", "not_seen", "taken", "unknown"]
    await replica.passes(240)
    assert world.outcomes(intent)[-1] == "not_seen"


async def test_a_restart_begins_w_anew() -> None:
    """W is counted by the holder of the lease on its own clock from its first look at this send."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.append("time_out_without_effect")
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT - 60)
    successor = world.replica()
    await successor.passes(WAIT - 60)
    assert world.outcomes(intent) == ["taken", "unknown"]
    await successor.passes(240)
    assert world.outcomes(intent)[-1] == "not_seen"


async def test_a_successor_never_sends_what_another_token_marked_sent() -> None:
    """Found as *sent* after a restart it is unknown for W, though nothing had left."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = await world.release(replica, line, TODAY, 2)
    assert await replica.books.save(sent(await world.book(line), "somebody-else", world.clock.now()))
    await replica.passes(WAIT - 60)
    assert (world.psa.posts, world.outcomes(intent)) == (0, ["taken", "unknown"])
    await replica.passes(240)
    assert (world.psa.posts, world.outcomes(intent)[-1]) == (0, "not_seen")


async def test_the_writer_stopped_between_the_store_taking_sent_and_its_acknowledgement() -> None:
    """The mark is on disk, the process never heard of it: nothing was posted, and nothing is sent by itself."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = await world.release(replica, line, TODAY, 2)
    mortal = Mortal()
    dying = world.replica(store=mortal.wrap(world.store), psa=mortal.wrap(world.psa))
    mortal.at = await _point_after_the_mark(world, line)
    with pytest.raises(DiedError):
        await dying.one()
    stands = (await world.book(line)).open
    assert stands is not None
    assert (stands.state, world.psa.posts) == (OpenState.SENT, 0)
    await world.replica().passes(WAIT + 240)
    assert (world.psa.posts, world.outcomes(intent)[-1]) == (0, "not_seen")


async def _point_after_the_mark(world: World, line: LineId) -> int:
    """In a copy of the world: the number of the crash point right after the write that marks *sent*."""
    rehearsal = copy.deepcopy(world)
    counting = Mortal()
    probe = rehearsal.replica(store=counting.wrap(rehearsal.store), psa=counting.wrap(rehearsal.psa))
    post, points = rehearsal.psa.post, []

    async def noted(*args: Any) -> Any:
        points.append(counting.met)
        return await post(*args)

    rehearsal.psa.post = noted  # type: ignore[method-assign,assignment]  # a probe in a copy
    await probe.parts.executor.run()
    return points[0] - 1


async def test_10_12_15_10_with_reads_that_go_back_in_time() -> None:
    """A read that equals what was there before a write confirmed within W proves nothing, for ``after`` neither."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    old = world.psa.snapshot()
    first = await world.release(replica, line, date(2026, 3, 11), 2)
    await replica.passes(0)
    second = await world.release(replica, line, date(2026, 3, 12), 3)
    await replica.passes(0)
    world.psa.script.append("time_out_without_effect")
    world.psa.shown.extend([world.psa.snapshot(), *[old] * 20])
    third = await world.release(replica, line, date(2026, 3, 13), -5)
    await replica.passes(120, step=5)
    assert [world.outcomes(one)[-1] for one in (first, second, third)] == ["posted", "posted", "unknown"]
    world.psa.shown.clear()
    await replica.passes(2 * WAIT + 300)
    assert world.outcomes(third)[-1] == "not_seen"
    assert world.psa.units(line).at(APRIL) == 15


async def test_rows_back_at_an_older_value_are_judged_once_w_is_over() -> None:
    """Somebody really set the line back to 10: a mismatch, but only after W."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    await world.release(replica, line, date(2026, 3, 11), 2)
    await replica.passes(0)
    world.psa.edit(line, date(2026, 3, 11), -2)
    intent = await world.release(replica, line, date(2026, 3, 12), 3)
    await replica.passes(WAIT - 60)
    assert world.outcomes(intent) == ["taken"]
    await replica.passes(240)
    assert world.outcomes(intent) == ["taken", "drifted"]


async def test_after_a_recognised_200_old_looking_rows_are_evidence() -> None:
    """10 → 12 → 10: the answer 200 to this send makes rows = ``after`` count though they stood there before."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    for day, jump in ((11, 2), (12, -2)):
        intent = await world.release(replica, line, date(2026, 3, day), jump)
        await replica.passes(0)
    assert world.outcomes(intent) == ["taken", "posted"]


async def test_a_withdrawal_that_overtakes_its_intent() -> None:
    """It is recorded all the same; the intent that comes later is answered *withdrawn* and never taken."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    before = await world.book(line)
    intent = world.intent(before, TODAY, 2)
    await world.tell(replica, world.withdrawal(intent))
    await replica.flush()
    assert (await world.book(line)).version == before.version + 1
    await world.tell(replica, intent)
    await replica.passes(0)
    assert world.outcomes(intent) == ["withdrawn"]
    assert world.psa.posts == 0


async def test_a_withdrawal_in_one_batch_with_its_intent_leaves_nothing_to_send() -> None:
    """Both orders end *withdrawn*; the date is free again."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = world.intent(await world.book(line), TODAY, 2)
    await world.tell(replica, intent, world.withdrawal(intent))
    await replica.passes(0)
    assert world.outcomes(intent) == ["taken", "withdrawn"]
    assert (await world.book(line)).dates_used == ()
    assert world.psa.posts == 0


async def test_a_withdrawal_after_the_send_is_answered_with_what_happened() -> None:
    """*Posted* is said again; nothing changes."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    await world.tell(replica, world.withdrawal(intent))
    await replica.flush()
    assert world.outcomes(intent) == ["taken", "posted"]
    assert world.sink.published[-1].event.data["outcome"] == "posted"


async def test_a_mismatch_before_the_first_send_is_a_drift_with_its_finding() -> None:
    """Somebody else's units are never overwritten: *drifted*, nothing posted, the date not used."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.edit(line, date(2026, 3, 1), 7)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    book = await world.book(line)
    assert (world.outcomes(intent)[-1], world.psa.posts, book.dates_used) == ("drifted", 0, ())
    assert book.drift is not None
    assert book.drift.rows is not None
    assert book.drift.rows.at(APRIL) == 17
    assert world.findings.codes == ["drift"]


async def test_while_a_drift_stands_only_a_wish_for_what_is_there_is_taken() -> None:
    """Any other is answered *drifted*; one whose ``after`` equals the rows settles *in_place* and closes the drift."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.edit(line, date(2026, 3, 1), 7)
    await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    other = await world.release(replica, line, TODAY, 1)
    await replica.passes(0)
    fitting = await world.release(replica, line, TODAY, 7)
    await replica.passes(0)
    assert (world.outcomes(other), world.outcomes(fitting)) == (["drifted"], ["taken", "in_place"])
    book = await world.book(line)
    assert (book.drift, book.dates_used, world.psa.posts) == (None, (TODAY,), 0)


async def test_a_drift_mended_by_a_person_closes_by_itself() -> None:
    """Rows = agreed at every readable date from its day on."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.edit(line, date(2026, 3, 1), 7)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    world.psa.edit(line, TODAY, -7)
    await replica.passes(600)
    assert (await world.book(line)).drift is None
    assert world.outcomes(intent)[-1] == "drifted"
    assert not world.findings.codes


async def test_a_drift_that_a_person_mends_from_today_on_only_stands() -> None:
    """A period that still begins with somebody else's units keeps it open."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.edit(line, date(2026, 2, 1), 7)
    await world.release(replica, line, date(2026, 2, 10), 2)
    await replica.passes(0)
    world.psa.edit(line, TODAY, -7)
    await replica.passes(900)
    assert (await world.book(line)).drift is not None
    assert world.findings.codes == ["drift"]


async def test_a_line_that_went_to_0_and_shows_no_row_stands_at_0() -> None:
    """No row from D on, twice at least 60 s apart, of a line that can itself be read."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.zero_rows = False
    intent = await world.release(replica, line, APRIL, -10)
    await replica.passes(30)
    assert world.outcomes(intent) == ["taken", "unknown"]
    await replica.passes(120)
    assert world.outcomes(intent)[-1] == "posted"
    back = await world.release(replica, line, date(2026, 4, 2), 4)
    await replica.passes(120)
    assert world.outcomes(back)[-1] == "posted"
    assert world.psa.units(line).at(date(2026, 5, 1)) == 4


async def test_a_duplicate_answer_for_a_day_on_which_a_person_had_edited_is_date_taken() -> None:
    """At the intent's first send, after W, rows = ``before`` twice: refused, the date used, nothing sent again."""
    world = World()
    line = world.psa.add_line(1, 10)
    world.psa.edit(line, TODAY, 3)
    world.psa.edit(line, date(2026, 3, 20), -3)
    replica = await world.linked(line)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT - 60)
    assert world.outcomes(intent) == ["taken", "unknown"]
    await replica.passes(240)
    [*_, last] = world.said(intent)
    assert (last.outcome, last.refusal, last.dates_used) == (Outcome.REFUSED, Refusal.DATE_TAKEN, (TODAY,))


async def test_retry_of_a_duplicate_at_a_later_send_means_date_taken() -> None:
    """Nothing is sent again where the last answer was the duplicate text."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.extend(["time_out_without_effect", "duplicate"])
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT + 120)
    assert await world.retry(replica, intent)
    await replica.passes(WAIT + 120)
    assert world.outcomes(intent)[-1] == "not_seen"
    assert await world.retry(replica, intent)
    await replica.passes(30)
    assert (world.said(intent)[-1].refusal, world.psa.posts) == (Refusal.DATE_TAKEN, 2)


async def test_observe_withdraws_what_is_not_sent_and_only_reads_the_rest() -> None:
    """The stop switch: no claim is made, whatever was released."""
    world = World()
    lines = [world.psa.add_line(1, 10), world.psa.add_line(2, 10)]
    replica = await world.linked(*lines)
    world.psa.script.append("time_out_with_effect")
    unknown = await world.release(replica, lines[0], TODAY, 2)
    world.psa.shown.extend([world.psa.snapshot()] * 4)
    await replica.one()
    world.observing.add(101)
    unsent = await world.release(replica, lines[1], TODAY, 2)
    await replica.passes(120)
    assert (world.outcomes(unsent)[-1], world.outcomes(unknown)[-1], world.psa.posts) == ("withdrawn", "posted", 1)


async def test_observe_withdraws_also_while_autotask_cannot_be_reached() -> None:
    """The stop switch needs nobody's answer."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.observing.add(101)
    world.psa.down = True
    intent = await world.release(replica, line, TODAY, 2)
    await replica.one()
    assert world.outcomes(intent) == ["taken", "withdrawn"]


async def test_a_replica_without_the_lease_calls_nobody() -> None:
    """The lease spares calls; whoever loses it forgets what it has seen."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    replica.lease.mine = False
    await world.release(replica, line, TODAY, 2)
    calls = world.psa.calls
    await replica.passes(60)
    assert world.psa.calls == calls


async def test_a_paused_replica_that_comes_back_after_the_line_went_on_changes_nothing() -> None:
    """Its late answer loses compare-and-set: the book, not the answer, is the truth."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    successor = world.replica()
    post = world.psa.post

    async def paused(adjustment: Adjustment, deadline: Deadline) -> PostOutcome:
        await successor.passes(30)
        world.hand.at += WAIT
        return await post(adjustment, deadline)

    world.psa.post = paused  # type: ignore[method-assign]
    intent = await world.release(replica, line, TODAY, 2)
    await replica.one()
    world.psa.post = post  # type: ignore[method-assign]
    await successor.passes(WAIT + 240)
    assert (world.outcomes(intent)[-1], len(world.psa.effects)) == ("not_seen", 0)


async def test_a_new_line_takes_the_whole_reading_as_its_baseline_before_its_first_intent() -> None:
    """Rows outside the mirror's window that differ move the baseline: the intent is *stale*, nothing is posted."""
    world = World()
    line = world.psa.add_line(1, 10)
    world.psa.edit(line, date(2026, 9, 1), 5)
    replica = world.replica()
    await world.mirrored(replica)
    book = await world.book(line)
    assert (book.agreed.at(date(2026, 10, 1)), book.version) == (10, 7000)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    book = await world.book(line)
    assert (world.outcomes(intent), world.psa.posts) == (["taken", "stale"], 0)
    assert (book.agreed.at(date(2026, 10, 1)), book.version, book.trust) == (15, 7001, Trust.NEW)


async def test_a_changed_reading_of_a_new_line_moves_its_baseline_without_a_drift() -> None:
    """While ``new`` with nothing open, the mirror's reading is the baseline."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = world.replica()
    await world.mirrored(replica)
    world.psa.edit(line, date(2026, 4, 1), 3)
    await world.mirrored(replica)
    book = await world.book(line)
    assert (book.agreed.at(APRIL), book.version, book.drift) == (13, 7001, None)


async def test_a_linked_line_is_never_moved_by_the_mirror() -> None:
    """What was agreed is what we did, not what is read."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.edit(line, date(2026, 3, 1), 3)
    await world.mirrored(replica)
    assert (await world.book(line)).agreed.at(APRIL) == 10


async def test_a_posted_period_refuses_and_names_its_spans() -> None:
    """Nothing is written into a span that the same minute's reading shows approved and posted."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.lines[line].posted_through = date(2026, 3, 31)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    [*_, last] = world.said(intent)
    assert (last.refusal, world.psa.posts, last.dates_used) == (Refusal.PERIOD_POSTED, 0, ())
    assert any(TODAY in span for span in last.posted_spans)


@pytest.mark.parametrize(
    ("on", "jump", "refusal"),
    [
        (date(2027, 1, 5), 2, Refusal.CONTRACT_ENDED),
        (TODAY, -11, Refusal.BELOW_ZERO),
    ],
)
async def test_refusals_before_sending_cost_no_post(on: date, jump: int, refusal: Refusal) -> None:
    """Never outside the contract, never below zero; the date is free again."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = await world.release(replica, line, on, jump)
    await replica.passes(0)
    [*_, last] = world.said(intent)
    assert (last.refusal, last.dates_used, world.psa.posts) == (refusal, (), 0)


async def test_a_contract_that_is_not_in_effect_refuses() -> None:
    """Its status is read in the same minute as the rows."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.set_status(ContractId(1), 0)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    assert world.said(intent)[-1].refusal is Refusal.CONTRACT_ENDED


async def test_a_used_date_is_refused_at_intake() -> None:
    """A (line, date) is used once, ever."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    second = await world.release(replica, line, TODAY, 1)
    await replica.passes(0)
    assert (world.said(second)[-1].refusal, world.psa.posts) == (Refusal.DATE_USED, 1)


async def test_units_set_by_hand_to_what_is_wished_are_in_place() -> None:
    """Rows = ``after`` before the first send: no POST, and the date counts as used."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.edit(line, TODAY, 2)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    assert world.outcomes(intent) == ["taken", "in_place"]
    assert ((await world.book(line)).dates_used, world.psa.posts) == ((TODAY,), 0)


async def test_held_goes_back_to_not_seen_and_to_posted_by_reading() -> None:
    """A person's edit that hides the outcome is held; taken back it decides."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.append("time_out_without_effect")
    intent = await world.release(replica, line, TODAY, 2)
    await replica.one()
    world.psa.edit(line, APRIL, 30)
    await replica.passes(WAIT + 120)
    assert (world.outcomes(intent)[-1], world.findings.codes) == ("held", ["held"])
    world.psa.edit(line, APRIL, -30)
    await replica.passes(600)
    assert world.outcomes(intent)[-1] == "not_seen"
    world.psa.edit(line, APRIL, 2)
    await replica.passes(600)
    assert (world.outcomes(intent)[-1], world.findings.codes) == ("posted", [])


async def test_a_sign_in_that_stops_working_is_one_finding_and_resumes_by_itself() -> None:
    """A probe a minute; what waited goes out when it works again."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.locked_out = True
    intent = await world.release(replica, line, TODAY, 2)
    before = world.psa.calls
    await replica.passes(300, step=1)
    assert world.findings.codes == ["credentials"]
    assert world.psa.calls - before <= 7
    world.psa.locked_out = False
    await replica.passes(90)
    assert (world.outcomes(intent)[-1], world.findings.codes) == ("posted", [])


async def test_a_deadline_that_passes_before_the_first_byte_gives_the_date_back() -> None:
    """No byte left: the intent is taken again, its date not used by it."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.extend(["no_byte", "thread_limit", "ok"])
    intent = await world.release(replica, line, TODAY, 2)
    await replica.one()
    assert (await world.book(line)).dates_used == ()
    await replica.passes(30, step=1)
    assert (world.outcomes(intent), world.psa.posts) == (["taken", "posted"], 2)


async def test_an_intent_for_a_line_that_no_full_mirror_has_is_refused() -> None:
    """No such line in a full mirror; before any mirror nothing is said."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    ghost = world.intent(await world.book(line), TODAY, 2)
    ghost = ghost.model_copy(update={"at": ghost.at.model_copy(update={"line": 77})})
    await world.tell(replica, ghost)
    await replica.flush()
    assert world.said(ghost)[-1].refusal is Refusal.LINE_GONE


async def test_a_wrong_version_is_stale_and_not_recorded() -> None:
    """Answered each time, kept nowhere."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = world.intent(await world.book(line), TODAY, 2)
    intent = intent.model_copy(update={"version": intent.version + 5})
    await world.tell(replica, intent)
    await replica.flush()
    assert world.outcomes(intent) == ["stale"]
    assert await replica.records.get(intent.id) is None


async def test_history_says_again_the_newest_outcome_as_it_was() -> None:
    """``resync`` repeats what was said, with its id and in its chain, and posts nothing."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(0)
    posted = [entry.event for entry in world.sink.published if entry.event.data.get("outcome") == "posted"]
    again = [entry async for entry in replica.history.say_again() if entry.event.subject == intent.id]
    assert [entry.event for entry in again] == posted
    assert posted[0].cause is not None


async def test_a_failed_mirror_deletes_nothing_and_says_why() -> None:
    """Partial failure, and lists that are suddenly empty, conclude nothing."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    lines, world.psa.lines = world.psa.lines, {}
    with pytest.raises(PsaUnreachableError):
        await world.mirrored(replica)
    world.psa.lines = lines
    state = await replica.parts.mirror.state()
    assert state.error is not None
    assert await world.store.collection("psa_lines").count({}) == 1

"""What is no evidence: requests of which nothing left, and lists in which something is missing (decision 0030)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from writer_world import TODAY, WAIT, Replica, World

from seatledger.psa_writer.adapters.memory import Script
from seatledger.psa_writer.ports import PsaUnreachableError
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import LineId
from seatledger.schemas.intents import IntentReleased, Refusal

APRIL = date(2026, 4, 1)
LEFT_NOTHING: list[Script] = ["no_byte", "thread_limit"]


@contextmanager
def shown(world: World, verb: str, change: Callable[[Any], Any]) -> Iterator[None]:
    """One of the PSA's reads answers what ``change`` makes of the truth."""
    read = getattr(world.psa, verb)

    async def changed(*words: Any) -> Any:
        return change(await read(*words))

    setattr(world.psa, verb, changed)
    yield
    setattr(world.psa, verb, read)


def nothing(found: Any) -> Any:
    """As to a user without the right: empty lists, no error (reference 15)."""
    return type(found)()


# ------------------------------------------------------------------------------------------------ a word said once


async def not_seen_again(world: World) -> tuple[Replica, IntentReleased]:
    """A lost send of which a person says ``retry``, as the world's first command, and the lost send after it."""
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.extend(["time_out_without_effect"] * 3)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT + 120)
    assert await world.retry(replica, intent)
    return replica, intent


async def test_a_retry_that_is_run_again_after_a_crash_is_no_second_word() -> None:
    """Its process died before the answer was stored and comes back after W: what another replica sent is not seen
    again, and nobody has asked for a third send."""
    world = World()
    replica, intent = await not_seen_again(world)
    await replica.passes(WAIT + 300)
    assert await world.retry(replica, intent, "command-1")
    await replica.passes(30)
    assert (world.outcomes(intent)[-1], world.psa.posts) == ("not_seen", 2)
    assert await world.retry(replica, intent)
    await replica.passes(30)
    assert world.psa.posts == 3


async def test_two_words_before_one_send_are_one_send() -> None:
    """The second one finds the intent taken again already; run again after a crash it asks for no send either."""
    world = World()
    replica, intent = await not_seen_again(world)
    assert await world.retry(replica, intent)
    await replica.passes(WAIT + 300)
    assert await world.retry(replica, intent, "command-2")
    await replica.passes(30)
    assert (world.outcomes(intent)[-1], world.psa.posts) == ("not_seen", 2)


# ------------------------------------------------------------------------------- a request of which nothing ever left


async def edited_after_nothing_left(world: World, answer: Script, units: int) -> tuple[IntentReleased, LineId]:
    """10 → 12 is not sent for this reason, and a person adds ``units``; the executor looks for a minute."""
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.append(answer)
    intent = await world.release(replica, line, TODAY, 2)
    await replica.one()
    world.psa.edit(line, TODAY, units)
    await replica.passes(60)
    return intent, line


@pytest.mark.parametrize("answer", LEFT_NOTHING)
async def test_an_edit_after_a_request_that_never_left_is_a_drift(answer: Script) -> None:
    """Section 3: drifted, since no unit of ours can be among those; it is not held as if one had been sent."""
    world = World()
    intent, _ = await edited_after_nothing_left(world, answer, 5)
    assert world.outcomes(intent)[-1] == "drifted"
    assert world.findings.codes == [FindingCode.DRIFT]


@pytest.mark.parametrize("answer", LEFT_NOTHING)
async def test_what_a_person_did_after_a_request_that_never_left_is_not_told_as_ours(answer: Script) -> None:
    """*In place*, without the time of a posting, and not among our recent writes."""
    world = World()
    intent, line = await edited_after_nothing_left(world, answer, 2)
    last = world.said(intent)[-1]
    assert (last.outcome.value, last.posted_at) == ("in_place", None)
    assert (await world.book(line)).recent == ()


async def test_a_retry_of_which_nothing_left_still_counts_as_sent() -> None:
    """The first send may yet arrive: a later one without effect takes nothing back."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.append("time_out_without_effect")
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(WAIT + 300)
    assert world.outcomes(intent)[-1] == "not_seen"
    world.psa.script.extend(["no_byte"])
    assert await world.retry(replica, intent)
    await replica.one()
    world.psa.edit(line, TODAY, 5)
    await replica.passes(60)
    assert world.outcomes(intent)[-1] == "held"


# --------------------------------------------------------------------------------------------- lists that come empty


@pytest.mark.parametrize("verbs", [("read_contracts",), ("read_lines", "read_rows")], ids=["contracts", "lines"])
async def test_a_line_out_of_sight_is_not_told_as_gone(verbs: tuple[str, ...]) -> None:
    """Longer than W and across a mirror, which takes nothing from empty lists: the intent waits, and goes on by itself
    once the right is back."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    await replica.clock.sleep(60)
    intent = await world.release(replica, line, TODAY, 2)
    with shown(world, verbs[0], nothing), shown(world, verbs[-1], nothing):
        await replica.passes(WAIT + 60)
        with pytest.raises(PsaUnreachableError, match="rights"):
            await world.mirrored(replica)
        await replica.passes(WAIT + 60)
    assert world.outcomes(intent) == ["taken"]
    await replica.passes(60)
    assert world.outcomes(intent)[-1] == "posted"
    assert len(world.psa.effects) == 1


async def test_a_decrease_is_not_in_place_because_rows_are_missing() -> None:
    """10 → 0 while the line's rows are missing for longer than two readings take: that is how a job's gap looks. They
    come back with 10, and the decrease is posted."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    intent = await world.release(replica, line, TODAY, -10)
    with shown(world, "read_rows", nothing):
        await replica.passes(WAIT - 60)
    assert world.outcomes(intent) == ["taken"]
    await replica.passes(60)
    assert (world.outcomes(intent)[-1], world.psa.units(line).last) == ("posted", 0)


async def test_a_new_lines_baseline_does_not_become_0_because_rows_are_missing() -> None:
    """First link, 10 → 12: a baseline taken from the gap would have made it 0 → 12, and 22 of the line."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = world.replica()
    await world.mirrored(replica)
    intent = await world.release(replica, line, TODAY, 2)
    with shown(world, "read_rows", nothing):
        await replica.passes(WAIT - 60)
    await replica.passes(60)
    assert (world.outcomes(intent), world.psa.units(line).last) == (["taken", "posted"], 12)


async def test_rows_that_are_missing_for_w_stand_at_0() -> None:
    """Where Autotask shows no row at zero, a person who took the last units by hand is believed after W."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.zero_rows = False
    world.psa.edit(line, TODAY, -10)
    intent = await world.release(replica, line, TODAY, -10)
    await replica.passes(WAIT - 60)
    assert world.outcomes(intent) == ["taken"]
    await replica.passes(120)
    assert (world.outcomes(intent)[-1], world.psa.posts) == ("in_place", 0)


# ------------------------------------------------------------------------------------------ rows that cannot be told


async def test_rows_that_overlap_are_told_as_such() -> None:
    """What stands there is not known: the finding claims neither units nor money; the drift closes with the rows."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)

    def overlapping(found: Any) -> Any:
        return {
            key: tuple(row.model_copy(update={"end": row.end + timedelta(days=3)}) for row in rows)
            for key, rows in found.items()
        }

    with shown(world, "read_rows", overlapping):
        intent = await world.release(replica, line, APRIL, 2)
        await replica.passes(60)
        assert world.outcomes(intent)[-1] == "drifted"
        [draft] = world.findings.open.values()
        assert "overlap" in draft.message
        assert "shows 10" not in draft.message
        assert draft.money_per_month is None
        await replica.passes(600)
        assert world.findings.codes == [FindingCode.DRIFT]
    await replica.passes(600)
    assert world.findings.codes == []
    assert (await world.book(line)).drift is None


async def test_nothing_is_refused_while_the_mirror_has_the_line() -> None:
    """The mirror is what tells gone from out of sight: it has missed the line, so *line gone* is true."""
    world = World()
    line, other = world.psa.add_line(1, 10), world.psa.add_line(2, 10, contract=2)
    replica = await world.linked(line, other)
    intent = await world.release(replica, line, TODAY, 2)
    world.psa.lines.pop(line)
    await replica.passes(WAIT + 60)
    assert world.outcomes(intent) == ["taken"]
    await world.mirrored(replica)
    await replica.passes(60)
    assert world.said(intent)[-1].refusal is Refusal.LINE_GONE

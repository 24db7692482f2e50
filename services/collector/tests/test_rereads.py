"""Direct reads: hints are followed once, at once and also after a crash; what is not complete is waited for."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seatledger.collector.adapters.memory import MemoryAccount
from seatledger.collector.domain.hints import HELD_SECONDS, Hint, Target
from seatledger.collector.domain.reading import Parcel, Reading, Row
from seatledger.collector.handlers.collect import CollectHandler
from seatledger.collector.ports import Progress, untold
from seatledger.runtime.memory import MemoryCollection
from seatledger.runtime.service import Answer
from seatledger.schemas.base import Json
from seatledger.schemas.commands import Collect, CommandIssued, Owner
from seatledger.schemas.ids import CommandId
from seatledger.schemas.subscriptions import Status
from services.collector.tests.collector_samples import DROP, NOW, account, row
from services.collector.tests.collector_world import Crash, Fuse, GivenLease, World

S1 = Target("c1", "S1")
HELD = GivenLease()


def world(*rows: Row, **more: Any) -> World:
    live = MemoryAccount()
    live.hold(*rows)
    return World(live=live, account=account(**more))


def twin(world_: World) -> MemoryAccount:
    assert world_.live is not None
    return world_.live


def hint(world_: World) -> Hint:
    (document,) = world_.documents("hints")
    return Hint.model_validate(document)


def pending(**more: Any) -> Row:
    return row(10, status=Status.PENDING, missing=("term_end",), **more)


async def test_a_hint_reads_its_subscription_alone() -> None:
    """The change is said from the direct read; nothing else of the account is read for it."""
    world_ = world(row(10), row(5, subscription="S2"))
    await world_.sweep()
    twin(world_).hold(row(12), row(6, subscription="S2"))
    rereads = world_.rereads(HELD)
    await rereads.want(S1)
    await rereads.turn()
    assert ([event.quantity for event in world_.said()], len(world_.said("S2"))) == ([10, 12], 1)
    assert twin(world_).calls[-1] == "reread c1 S1"


async def test_a_hint_for_what_was_never_seen_finds_it() -> None:
    """A new subscription is known before the next sweep."""
    world_ = world(row(10))
    await world_.sweep()
    twin(world_).hold(row(10), row(3, subscription="S9"))
    rereads = world_.rereads(HELD)
    await rereads.want(Target("c1", None))
    await rereads.turn()
    assert world_.last("S9").quantity == 3


async def test_doubled_and_late_hints_are_one_read_each_time() -> None:
    """Three hints before the read are one read; one that comes late reads again and says nothing new."""
    world_ = world(row(10))
    rereads = world_.rereads(HELD)
    for _ in range(3):
        await rereads.want(S1)
    await rereads.turn()
    await rereads.turn()
    assert (twin(world_).calls, len(world_.events())) == (["reread c1 S1"], 1)
    await rereads.want(S1)
    await rereads.turn()
    assert (len(twin(world_).calls), len(world_.events()), hint(world_).due) == (2, 1, None)


async def test_a_hint_that_comes_during_a_read_leads_to_another() -> None:
    """What the first read did not see yet is not lost."""
    world_ = world(row(10))
    rereads = world_.rereads(HELD)
    whole = twin(world_).reread

    async def hinted_meanwhile(customer: str, subscription: str | None = None) -> Reading | None:
        twin(world_).reread = whole  # type: ignore[method-assign]  # once
        reading = await whole(customer, subscription)
        twin(world_).hold(row(12))
        await rereads.want(S1)
        return reading

    twin(world_).reread = hinted_meanwhile  # type: ignore[method-assign]  # once
    await rereads.want(S1)
    await rereads.turn()
    assert [event.quantity for event in world_.said()] == [10, 12]


async def test_a_failed_read_is_tried_again_ever_more_rarely() -> None:
    """The hint stays until it is followed."""
    world_ = world(row(10))
    twin(world_).failing = {"c1"}
    rereads = world_.rereads(HELD)
    await rereads.want(S1)
    pauses = []
    for _ in range(4):
        await rereads.turn()
        due = hint(world_).due
        assert due is not None
        pauses.append(due - world_.machine.now().timestamp())
        world_.machine.at += pauses[-1]
    assert pauses == sorted(set(pauses))
    twin(world_).failing = set()
    await rereads.turn()
    assert ([event.quantity for event in world_.said()], hint(world_).due) == ([10], None)


async def test_a_read_that_nobody_can_take_in_stops_no_other() -> None:
    """Of two hints one leads to a state that cannot be stored: it is answered and tried again later, the other one is
    followed."""
    world_ = world(row(10, stamp=datetime.max.replace(tzinfo=UTC)), row(5, subscription="S2"))
    rereads = world_.rereads(HELD)
    number = await rereads.want(S1)
    await rereads.want(Target("c1", "S2"))
    await rereads.turn()
    assert [event.key.subscription for event in world_.events()] == ["S2"]
    result = await rereads.result(S1, number)
    assert (result.complete, "OverflowError" in str(result.error)) == (False, True)
    assert [one["due"] is None for one in world_.documents("hints")] == [False, True]


async def test_an_absence_that_cannot_be_asked_for_waits() -> None:
    """What the source answers cannot be stored: nothing ends, the sweep is incomplete and says so."""
    world_ = world(row(10), row(5, subscription="S2"))
    await world_.sweep()
    twin(world_).hold(row(10), row(5, subscription="S2", stamp=datetime.max.replace(tzinfo=UTC)))
    twin(world_).unlisted = {"S2"}
    results = [await world_.sweep() for _ in range(2)]
    assert [result.complete for result in results] == [True, False]
    assert (len(world_.said("S2")), world_.findings.codes()) == (1, ["source_incomplete"])


class AskedCollection(MemoryCollection):
    """Notes which fields were asked for, and which indexes there are."""

    def __init__(self) -> None:
        super().__init__()
        self.indexes: list[tuple[str, ...]] = []
        self.asked: list[set[str]] = []

    async def ensure_index(self, *fields: str, unique: bool = False) -> None:
        self.indexes.append(fields)
        await super().ensure_index(*fields, unique=unique)

    async def find(self, where: Mapping[str, Any], **kwargs: Any) -> list[Json]:
        self.asked.append(set(where))
        return await super().find(where, **kwargs)


async def test_whatever_a_sweep_and_a_direct_read_ask_of_the_snapshots_has_an_index() -> None:
    """Else each hint reads the whole account: some seconds of the embedded store for 15,000 subscriptions."""
    world_, snapshots = world(pending()), AskedCollection()
    world_.store._collections["snapshots"] = snapshots  # the twin of a store has no other way in
    await world_.books(Fuse()).prepare()
    await world_.sweep()
    rereads = world_.rereads(HELD)
    for target in (S1, Target("c1", None)):
        await rereads.want(target)
        await rereads.turn()
    assert len(snapshots.asked) > 3
    for fields in snapshots.asked:
        leading = [set(index[: len(fields)]) for index in (("_id",), *snapshots.indexes)]
        assert fields in leading, f"{sorted(fields)} has no index"


async def test_without_the_lease_hints_wait_for_its_holder() -> None:
    """Written down by whoever hears of them, followed by the one who holds the account."""
    world_ = world(row(10))
    other = world_.rereads(GivenLease(holds=False))
    await other.want(S1)
    await other.turn()
    assert twin(world_).calls == []
    await world_.rereads(HELD).turn()
    assert len(world_.events()) == 1


async def test_killed_at_every_step_a_hint_is_followed_all_the_same() -> None:
    """Before and after every write and call: the next process ends in the same event."""
    quiet, fuse = world(row(10)), Fuse()
    rereads = quiet.rereads(HELD, fuse)
    await rereads.want(S1)
    fuse.burnt = 0
    await rereads.turn()
    assert fuse.burnt > 5
    for step in range(1, fuse.burnt + 1):
        dying, short = world(row(10)), Fuse()
        first = dying.rereads(HELD, short)
        await first.want(S1)
        short.burnt, short.left = 0, step
        with pytest.raises((Crash, BaseExceptionGroup)):
            await first.turn()
        await dying.rereads(HELD).turn()
        assert ([event.revision for event in dying.events()], hint(dying).due) == ([1], None), f"killed at {step}"


async def test_a_direct_read_that_denies_it_ends_nothing_by_itself() -> None:
    """Gone needs two complete sweeps too."""
    world_ = world(row(10))
    await world_.sweep()
    twin(world_).hold()
    rereads = world_.rereads(HELD)
    await rereads.want(S1)
    await rereads.turn()
    assert [event.change.value for event in world_.said()] == ["seen"]


async def test_a_sweep_begun_before_a_direct_read_does_not_undo_it() -> None:
    """The sweep read 10 seats, then a hint led to 12; what the sweep brings home is older, and there is no version."""
    world_ = world(row(10))
    await world_.sweep()
    sweeper, rereads = world_.sweeper(), world_.rereads(HELD)
    rereads = type(rereads)(**{**vars(rereads), "intake": sweeper.intake})
    whole = twin(world_).read

    async def overtaken(parcel: Parcel, progress: Progress = untold) -> Reading:
        reading = await whole(parcel, progress)
        twin(world_).hold(row(12))
        await rereads.want(S1)
        await rereads.turn()
        return reading

    twin(world_).read = overtaken  # type: ignore[method-assign]  # for this sweep
    assert (await sweeper.sweep()).complete
    assert [event.quantity for event in world_.said()] == [10, 12]


async def test_what_is_not_complete_is_read_again_ever_more_rarely() -> None:
    """Held after the sweep: a minute, five, fifteen, an hour, four; complete it is said and left alone."""
    world_ = world(pending())
    await world_.sweep()
    pauses = []
    for _ in range(7):
        due = hint(world_).due
        assert due is not None
        pauses.append(due - world_.machine.now().timestamp())
        world_.machine.at += pauses[-1] - 1
        reads = len(twin(world_).calls)
        await world_.rereads(HELD).turn()
        assert len(twin(world_).calls) == reads
        world_.machine.at += 1
        await world_.rereads(HELD).turn()
    assert pauses == pytest.approx([*HELD_SECONDS, HELD_SECONDS[-1], HELD_SECONDS[-1]])
    assert world_.last().asks is None
    twin(world_).hold(row(10))
    world_.machine.at += HELD_SECONDS[-1]
    await world_.rereads(HELD).turn()
    assert (world_.last().complete, hint(world_).due, world_.findings.codes()) == (True, None, [])


async def test_after_a_day_of_waiting_a_person_hears_of_it() -> None:
    """24 h of the business calendar, by a sweep or a direct read, once; it closes by itself when it is complete."""
    world_ = world(pending())
    await world_.sweep()
    world_.calendar.at += timedelta(hours=23, minutes=59)
    await world_.sweep()
    assert world_.findings.codes() == []
    world_.calendar.at += timedelta(minutes=1)
    world_.machine.at += HELD_SECONDS[0]
    await world_.rereads(HELD).turn()
    ((code, subject),) = world_.findings.open
    assert (code.value, subject.subscription) == ("source_incomplete", "S1")
    twin(world_).hold(row(10))
    assert (await world_.sweep()).complete
    assert world_.findings.codes() == []


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        (row(10, status=Status.PENDING), True),
        (row(10, missing=("term_end",)), True),
        (row(10, status=Status.TRIAL), False),
        (row(10, status=Status.OTHER, missing=("status",)), False),
        (row(10), False),
    ],
    ids=["pending", "no end date", "trial", "unknown status", "complete"],
)
async def test_only_what_will_be_completed_is_waited_for(state: Row, waits: bool) -> None:
    """A trial is complete in itself, and of an unknown status a person hears at once."""
    world_ = world(state)
    await world_.sweep()
    assert bool(world_.documents("hints")) is waits


async def test_a_hint_for_what_is_held_keeps_it_held() -> None:
    """Read at once for the hint, and waited for as before."""
    world_ = world(pending())
    await world_.sweep()
    rereads = world_.rereads(HELD)
    await rereads.want(S1)
    await rereads.turn()
    assert (len(twin(world_).calls), hint(world_).held_since) == (3, NOW)
    assert hint(world_).due is not None


async def test_hints_that_are_done_are_cleared_away_by_a_later_sweep() -> None:
    """An hour after their read, and never one that is due."""
    world_ = world(row(10))
    rereads = world_.rereads(HELD)
    await rereads.want(S1)
    await rereads.turn()
    await world_.sweep()
    assert len(world_.documents("hints")) == 1
    world_.machine.at += 3601
    await world_.sweep()
    assert world_.documents("hints") == []


async def collected(world_: World, subscription: str, *, sweeping: bool = False) -> Answer:
    """``collect SOURCE --subscription`` on a process whose loop for direct reads runs, and the other one if told."""
    turns, rereads = world_.turns(HELD), world_.rereads(HELD)
    body = Collect(source=DROP, subscription=subscription)
    command = CommandIssued(id=CommandId("c-1"), owner=Owner.COLLECTOR, actor="me", issued_at=NOW, body=body)

    async def loop() -> None:
        while True:
            if sweeping:
                await turns.turn()
            await rereads.turn()
            await world_.machine.sleep(0.5)

    task = asyncio.create_task(loop())
    try:
        return await asyncio.wait_for(CollectHandler({DROP: turns}, {DROP: rereads})(command), 10)
    finally:
        task.cancel()


async def test_collect_of_one_subscription_reads_just_that_one() -> None:
    """The answer is of that read: one subscription, what changed of it."""
    world_ = world(row(10), row(5, subscription="S2"))
    await world_.sweep()
    twin(world_).hold(row(12), row(6, subscription="S2"))
    answer = await collected(world_, "S1")
    (sweep,) = answer.result["sweeps"]
    assert (answer.ok, sweep["complete"], sweep["subscriptions"], sweep["changed"]) == (True, True, 1, 1)
    assert twin(world_).calls == ["waiting", "read", "reread c1 S1"]


async def test_collect_of_a_subscription_that_fails_says_so() -> None:
    """No: incomplete, with the reason."""
    world_ = world(row(10))
    await world_.sweep()
    twin(world_).failing = {"c1"}
    answer = await collected(world_, "S1")
    assert (answer.ok, "500" in answer.message) == (False, True)


async def test_collect_of_an_unknown_subscription_sweeps() -> None:
    """Nobody knows whose it is: the whole account is read."""
    world_ = world(row(10))
    answer = await collected(world_, "S1", sweeping=True)
    assert (answer.ok, twin(world_).calls[:2]) == (True, ["waiting", "read"])

"""A source's list of changes: asked with an overlap, followed once, never ahead of what is stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import structlog

from seatledger.collector.handlers.feed import OVERLAP, FeedCursor, PollFeed
from seatledger.collector.ports import Signal, SourceUnreachableError
from seatledger.runtime.store import Documents
from seatledger.schemas.findings import FindingCode
from services.collector.tests.collector_samples import NOW, row
from services.collector.tests.collector_world import Crash, Fuse, GivenLease, Mortal, World
from services.collector.tests.test_rereads import world


@dataclass
class Listed:
    """A list of changes that the test writes."""

    all: list[Signal] = field(default_factory=list)
    asked: list[datetime] = field(default_factory=list)
    trouble: SourceUnreachableError | None = None

    async def signals(self, since: datetime) -> Sequence[Signal]:
        self.asked.append(since)
        if self.trouble is not None:
            raise self.trouble
        return [signal for signal in reversed(self.all) if signal.at >= since]

    def add(self, minutes: float, subscription: str | None = "S1", customer: str = "c1") -> None:
        """Recorded so many minutes after the account was first read."""
        self.all.append(Signal(customer, subscription, NOW + timedelta(minutes=minutes)))


def poll(world_: World, listed: Listed, lease: GivenLease | None = None, fuse: Fuse | None = None) -> PollFeed:
    fuse = fuse or Fuse()
    cursors = Documents(Mortal(world_.store.collection("feeds"), fuse), FeedCursor)
    return PollFeed(listed, world_.rereads(lease or GivenLease(), fuse), cursors, 0.0, structlog.get_logger())


def wanted(world_: World) -> dict[str, int]:
    """How often each was hinted at."""
    return {f"{one['customer']}/{one['subscription'] or '*'}": one["wanted"] for one in world_.documents("hints")}


async def test_what_is_recorded_leads_to_one_read_each() -> None:
    """Each record once, however often the overlap shows it; those of a whole customer too."""
    world_, listed = world(row(10)), Listed()
    feed = poll(world_, listed)
    await feed.turn()
    listed.add(1)
    listed.add(2, None)
    for _ in range(3):
        await feed.turn()
    listed.add(3)
    await feed.turn()
    assert wanted(world_) == {"c1/S1": 2, "c1/*": 1}


async def test_it_is_asked_from_a_quarter_of_an_hour_before_the_newest() -> None:
    """What the source writes down late is found; what is older is not followed again after it left the overlap."""
    world_, listed = world(row(10)), Listed()
    listed.add(60)
    await poll(world_, listed).turn()
    world_.calendar.at = NOW + timedelta(hours=2)
    await poll(world_, listed).turn()
    listed.add(50, "S2")
    await poll(world_, listed).turn()
    assert listed.asked == [NOW - OVERLAP, NOW - OVERLAP, NOW + timedelta(minutes=60) - OVERLAP]
    assert wanted(world_) == {"c1/S1": 1, "c1/S2": 1}


async def test_a_record_of_years_ahead_silences_no_other() -> None:
    """One wrong date at the source: it is followed, and what is recorded after it is found."""
    world_, listed = world(row(10)), Listed()
    listed.add(60 * 24 * 365 * 70)
    await poll(world_, listed).turn()
    listed.add(1, "S2")
    for _ in range(2):
        await poll(world_, listed).turn()
    assert wanted(world_) == {"c1/S1": 1, "c1/S2": 1}


async def test_a_quiet_account_is_asked_for_its_last_two_days() -> None:
    """Nothing recorded for three weeks: a day is a call, so not all of them are asked for again each minute."""
    world_, listed = world(row(10)), Listed()
    feed = poll(world_, listed)
    for day in (0, 20, 21):
        world_.calendar.at = NOW + timedelta(days=day)
        await feed.turn()
    assert listed.asked[-1] == NOW + timedelta(days=20 - 2) - OVERLAP


async def test_only_the_holder_of_the_lease_asks() -> None:
    """Two replicas are not two calls."""
    listed = Listed()
    await poll(world(row(10)), listed, GivenLease(holds=False)).turn()
    assert listed.asked == []


async def test_killed_at_every_step_no_record_is_lost() -> None:
    """The cursor moves after the hints are stored."""
    quiet, listed, fuse = world(row(10)), Listed(), Fuse()
    listed.add(1)
    listed.add(2, "S2")
    await poll(quiet, listed, fuse=fuse).turn()
    for step in range(1, fuse.burnt + 1):
        dying = world(row(10))
        with pytest.raises(Crash):
            await poll(dying, listed, fuse=Fuse(left=step)).turn()
        await poll(dying, listed).turn()
        assert wanted(dying).keys() == {"c1/S1", "c1/S2"}, f"killed at step {step}"


async def test_a_list_that_may_not_be_read_is_told_once_and_closes() -> None:
    """No right to it: a finding, the sweep goes on without; another trouble is the sweep's to tell."""
    world_, listed = world(row(10)), Listed()
    feed = poll(world_, listed)
    listed.trouble = SourceUnreachableError("500", "wait")
    await feed.turn()
    assert world_.findings.codes() == []
    listed.trouble = SourceUnreachableError("403", "grant it", FindingCode.PERMISSION)
    for _ in range(2):
        await feed.turn()
    assert world_.findings.codes() == ["permission"]
    listed.trouble = None
    await feed.turn()
    assert world_.findings.codes() == []


async def test_customers_that_are_not_collected_are_not_followed() -> None:
    """`exclude` holds here too."""
    world_, listed = world(row(10), exclude=("c1",)), Listed()
    listed.add(1)
    await poll(world_, listed).turn()
    assert wanted(world_) == {}

# ruff: noqa: S101 - assertions are what a suite is made of
"""The suite that every distributor passes: prove yours with it.

Run it with ``seatledger conformance distributor MODULE:FACTORY``, where the factory makes a :class:`Bench` (or a
:class:`LiveBench`) around your adapter and a sandbox of its source. Or, in a test module of yours, subclass
:class:`DistributorSuite` and give it a ``bench`` fixture. Needs pytest with pytest-asyncio in auto mode.

What only deliveries do (a drop) is skipped for a live account, and the other way round.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pytest

from seatledger.collector.domain.reading import Reading, Row
from seatledger.collector.ports import Distributor, SourceUnreachableError


@dataclass(frozen=True)
class Seats:
    """What the suite wants the source to hold. ``spoilt``: in a form that no reader can make a quantity of."""

    subscription: str
    quantity: int
    customer: str = "c1"
    status: str = "active"
    spoilt: bool = False


@runtime_checkable
class Bench(Protocol):
    """A distributor over a source that the suite can change."""

    distributor: Distributor

    async def hold(self, seats: Sequence[Seats], *, full: bool) -> None:
        """Let the source deliver exactly this from now on; ``full``: and say that it is all it has."""

    async def break_off(self) -> None:
        """Let the source stop answering."""

    async def mend(self) -> None: ...

    async def close(self) -> None:
        """Give back what the bench took."""


@runtime_checkable
class LiveBench(Bench, Protocol):
    """A distributor that asks an API for its present state; ``hold`` is always of all it has."""

    async def lose(self, customer: str) -> None:
        """Let the source refuse everything about this customer (403 or 404): the relation is lost."""

    async def fail(self, customer: str) -> None:
        """Let every call about this customer fail (500), however often it is tried."""


class DistributorSuite:
    """Each test is one thing that the collector relies on."""

    async def test_what_the_source_holds_is_read(self, bench: Bench) -> None:
        """Customer, subscription, quantity and status arrive as the source has them."""
        await bench.hold([Seats("S1", 10), Seats("S2", 0, customer="c2", status="suspended")], full=True)
        assert [_told(row) for row in await _rows(bench)] == [
            ("c1", "S1", 10, "active"),
            ("c2", "S2", 0, "suspended"),
        ]

    async def test_reading_again_gives_the_same(self, bench: Bench) -> None:
        """A delivery begun anew after a crash is the delivery it was, and so is an account that stands still."""
        await bench.hold([Seats("S1", 10)], full=True)
        (parcel,) = await bench.distributor.waiting()
        assert await bench.distributor.read(parcel) == await bench.distributor.read(parcel)

    async def test_a_bad_row_is_a_problem_and_its_neighbours_are_rows(self, bench: Bench) -> None:
        """Nothing is dropped silently, and the bad row names its subscription so that it is protected."""
        await bench.hold([Seats("S1", 10), Seats("S2", 5, spoilt=True), Seats("S3", 7)], full=True)
        (parcel,) = await bench.distributor.waiting()
        reading = await bench.distributor.read(parcel)
        assert sorted(row.subscription for row in reading.rows) == ["S1", "S3"]
        assert [(problem.subscription, problem.stops) for problem in reading.problems] == [("S2", True)]

    @pytest.mark.parametrize("full", [True, False])
    async def test_full_is_what_the_source_says(self, bench: Bench, full: bool) -> None:
        """Only a delivery that says so is the full list; a live account always is."""
        if not full:
            _needs_deliveries(bench)
        await bench.hold([Seats("S1", 10)], full=full)
        (parcel,) = await bench.distributor.waiting()
        assert bool((await bench.distributor.read(parcel)).full) is full

    async def test_what_was_put_away_waits_no_more(self, bench: Bench) -> None:
        """Putting away ends a parcel, and doing it again does nothing."""
        await bench.hold([Seats("S1", 10)], full=True)
        (parcel,) = await bench.distributor.waiting()
        await bench.distributor.put_away(parcel, failed=False)
        await bench.distributor.put_away(parcel, failed=False)
        assert parcel not in await bench.distributor.waiting()

    async def test_putting_away_spares_another_of_the_same_name(self, bench: Bench) -> None:
        """A delivery that came meanwhile is not the one that was taken."""
        await bench.hold([Seats("S1", 10)], full=True)
        (first,) = await bench.distributor.waiting()
        await bench.distributor.put_away(first, failed=False)
        await bench.hold([Seats("S1", 12)], full=True)
        await bench.distributor.put_away(first, failed=False)
        assert [row.quantity for row in await _rows(bench)] == [12]

    async def test_a_source_out_of_reach_says_so_and_comes_back(self, bench: Bench) -> None:
        """No answer is an error that names the source and what helps, never an empty list."""
        await bench.hold([Seats("S1", 10)], full=True)
        await bench.break_off()
        with pytest.raises(SourceUnreachableError) as caught:
            await _rows(bench)
        assert caught.value.message
        assert caught.value.do
        await bench.mend()
        assert [row.quantity for row in await _rows(bench)] == [10]

    async def test_equal_content_is_known_as_equal(self, bench: Bench) -> None:
        """Two deliveries of the same have one digest, another content has another."""
        digests = []
        for quantity in (10, 10, 11):
            await bench.hold([Seats("S1", quantity)], full=True)
            (parcel,) = await bench.distributor.waiting()
            digests.append((await bench.distributor.read(parcel)).digest)
            await bench.distributor.put_away(parcel, failed=False)
        assert digests[0] == digests[1] != digests[2]

    async def test_deliveries_have_no_direct_read(self, bench: Bench) -> None:
        """A source that cannot be asked for one subscription says so, and proves nothing by it."""
        _needs_deliveries(bench)
        await bench.hold([Seats("S1", 10)], full=True)
        assert await bench.distributor.reread("c1", "S1") is None

    async def test_each_look_at_a_live_account_is_a_parcel_of_its_own(self, bench: Bench) -> None:
        """Two looks are never taken for one delivery, and each says that it was live."""
        live = await _holding(bench, Seats("S1", 10))
        (first,) = await live.distributor.waiting()
        (second,) = await live.distributor.waiting()
        assert first != second
        assert (await live.distributor.read(second)).live

    async def test_a_direct_read_shows_one_subscription_alone(self, bench: Bench) -> None:
        """Its present state, and nothing that could be taken for a full list."""
        live = await _holding(bench, Seats("S1", 10), Seats("S2", 5))
        await live.hold([Seats("S1", 12), Seats("S2", 6)], full=True)
        reading = await _reread(live, "c1", "S1")
        assert [_told(row) for row in reading.rows] == [("c1", "S1", 12, "active")]
        assert (reading.live, reading.full, reading.gone) == (True, False, frozenset())

    async def test_a_customer_is_read_by_itself(self, bench: Bench) -> None:
        """Asked without a subscription: all of that customer, and nobody else's."""
        live = await _holding(bench, Seats("S1", 10), Seats("S2", 5), Seats("S3", 1, customer="c2"))
        reading = await _reread(live, "c1", None)
        assert sorted(row.subscription for row in reading.rows) == ["S1", "S2"]
        assert reading.full is False

    async def test_gone_is_what_the_source_denies_when_asked(self, bench: Bench) -> None:
        """A subscription that was there and is not any more: the direct read says so by name."""
        live = await _holding(bench, Seats("S1", 10), Seats("S2", 5))
        await live.hold([Seats("S2", 5)], full=True)
        reading = await _reread(live, "c1", "S1")
        assert (len(reading.rows), reading.gone, reading.incomplete) == (0, frozenset({"S1"}), None)

    async def test_a_customer_that_refuses_is_silent(self, bench: Bench) -> None:
        """A lost relation is named, hinders nobody else, and proves nothing of its subscriptions, asked for or not."""
        live = await _holding(bench, Seats("S1", 10), Seats("S3", 1, customer="c2"))
        await live.lose("c1")
        reading = await _reading(live)
        assert [one.customer for one in reading.silent] == ["c1"]
        assert ([row.subscription for row in reading.rows], reading.incomplete) == (["S3"], None)
        asked = await _reread(live, "c1", "S1")
        assert ([one.customer for one in asked.silent], asked.gone) == (["c1"], frozenset())

    async def test_a_customer_that_fails_leaves_the_reading_incomplete(self, bench: Bench) -> None:
        """Who could not be read is named; what was read counts, and nothing is gone."""
        live = await _holding(bench, Seats("S1", 10), Seats("S3", 1, customer="c2"))
        await live.fail("c1")
        reading = await _reading(live)
        assert [one.customer for one in reading.unread] == ["c1"]
        assert [row.subscription for row in reading.rows] == ["S3"]
        assert reading.incomplete
        asked = await _reread(live, "c1", "S1")
        assert ([one.customer for one in asked.unread], asked.gone) == (["c1"], frozenset())

    async def test_a_direct_read_out_of_reach_says_so(self, bench: Bench) -> None:
        """No answer is no answer: never a subscription that is gone."""
        live = await _holding(bench, Seats("S1", 10))
        await live.break_off()
        try:
            reading = await _reread(live, "c1", "S1")
        except SourceUnreachableError:
            return
        assert ([one.customer for one in reading.unread], reading.gone) == (["c1"], frozenset())


class TestDistributor(DistributorSuite):
    """Anybody's adapter: collected where this module is run by name, with a fixture ``bench_factory`` from a plugin."""

    @pytest.fixture
    async def bench(self, bench_factory: Callable[[], Bench]) -> AsyncIterator[Bench]:
        bench = bench_factory()
        yield bench
        await bench.close()


def _needs_deliveries(bench: Bench) -> None:
    if isinstance(bench, LiveBench):
        pytest.skip("only where the source makes deliveries")


async def _holding(bench: Bench, *seats: Seats) -> LiveBench:
    """A live bench with these seats, read once as a sweep would; skips where there is none."""
    if not isinstance(bench, LiveBench):
        pytest.skip("only where the source can be asked for its present state")
    await bench.hold(seats, full=True)
    await _reading(bench)
    return bench


async def _reading(bench: Bench) -> Reading:
    (parcel,) = await bench.distributor.waiting()
    return await bench.distributor.read(parcel)


async def _reread(bench: LiveBench, customer: str, subscription: str | None) -> Reading:
    reading = await bench.distributor.reread(customer, subscription)
    assert reading is not None
    return reading


async def _rows(bench: Bench) -> list[Row]:
    """Every row that waits, by subscription."""
    readings = [await bench.distributor.read(parcel) for parcel in await bench.distributor.waiting()]
    return sorted((row for reading in readings for row in reading.rows), key=lambda row: row.subscription)


def _told(row: Row) -> tuple[str, str, int, str]:
    return row.customer.id, row.subscription, row.quantity, row.status.value

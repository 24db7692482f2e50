"""What goes wrong around the mapper: order, repetition, death at any write, and two replicas at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from seatledger.schemas.commands import ResetCustomer
from seatledger.schemas.ids import SourceName
from seatledger.schemas.subscriptions import Mapped, SubscriptionMapped
from services.mapper.tests.mapper_bench import (
    Bench,
    CrashError,
    CrashingStore,
    bench_config,
    contract_row,
    customer_row,
    offer_row,
)
from services.mapper.tests.mapper_samples import company, service, snapshot

Step = Callable[[Bench], Awaitable[Any]]

STORY: tuple[Step, ...] = (
    lambda bench: bench.loops(),
    lambda bench: bench.see(snapshot(), snapshot("S2"), snapshot("S3", customer="c2", name="Fabrikam")),
    lambda bench: bench.map(customer_row(), customer_row("c2", 102), customer_row("c3", 101), offer_row()),
    lambda bench: bench.loops(),
    lambda bench: bench.see(snapshot(revision=2, units=6), snapshot("S4", customer="c2", name="Fabrikam")),
    lambda bench: bench.map(customer_row(target=202), contract_row("S4", 56)),
    lambda bench: bench.loops(),
    lambda bench: bench.say(ResetCustomer(source=SourceName("drop"), customer="c2")),
    lambda bench: bench.loops(),
)
"""Sightings, mappings (one refused), a change of company, a reset; each step is repeated until it got through."""


async def told(bench: Bench) -> dict[str, Any]:
    """What stands in the end: results, what is frozen, and the last word to each company."""
    return {
        document.subscription: (
            document.outcome,
            document.frozen,
            document.snapshot_revision,
            {entry.key: SubscriptionMapped.model_validate(entry.event.data).outcome for entry in document.said},
        )
        for document in await bench.all_mapped()
    }


async def live(store: CrashingStore, *, automatic: bool = False) -> Bench:
    return await Bench(store, bench_config(automatic=automatic)).start()


async def play(store: CrashingStore, *, crash_at: int | None, after: bool) -> tuple[Bench, bool]:
    """The story, each step repeated by a new process after a crash; and whether it crashed."""
    bench, crashed = await live(store), False
    store.writes_left, store.after = crash_at, after
    for step in STORY:
        while True:
            try:
                await step(bench)
                break
            except CrashError:
                crashed = True
                bench = await bench.again()
    await bench.loops()
    return bench, crashed


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
async def test_dying_at_any_write_changes_nothing_in_the_end(after: bool) -> None:
    """Killed before or after each single document is stored, and going on from the bus: the same results, the same
    last words to each company, one history entry per said thing, nothing left to decide."""
    calm, _ = await play(CrashingStore(), crash_at=None, after=False)
    expected = await told(calm)
    for write in range(1, 200):
        bench, crashed = await play(CrashingStore(), crash_at=write, after=after)
        assert await told(bench) == expected, f"killed at write {write}"
        assert len((await bench.row("company", "drop/c1")).history) == 2
        assert not (await bench.row("company", "drop/c2")).redecide
        for document in await bench.all_mapped():
            ids = [entry.event.id for entry in document.outbox]
            assert len(ids) == len(set(ids))
            assert {t.company: t.revision for t in document.told} == {
                entry.key: SubscriptionMapped.model_validate(entry.event.data).revision for entry in document.said
            }
        if not crashed:
            assert write > 20
            return
    pytest.fail("the story never ended without a crash")


@pytest.mark.parametrize("seed", range(20))
async def test_order_and_repetition_of_events_do_not_change_the_result(seed: int) -> None:
    """Any order, any repetition and any cut into batches end at the newest snapshot of each subscription."""
    dice = random.Random(seed)
    bench = await live(CrashingStore())
    await bench.map(customer_row(), offer_row())
    events = [snapshot(f"S{n}", revision=r, units=10 * n + r) for n in (1, 2, 3) for r in (1, 2, 3)]
    stream = dice.sample(events, len(events)) + dice.sample(events, 5)
    while stream:
        size = dice.randint(1, 4)
        batch, stream = stream[:size], stream[size:]
        await bench.see(*batch)
    for n in (1, 2, 3):
        document = await bench.mapped(f"S{n}")
        assert (document.snapshot_revision, document.sighting.snapshot.quantity) == (3, 10 * n + 3)
        assert document.outcome == Mapped(company=101, service=7)
        assert document.revision <= 3


@pytest.mark.parametrize("seed", range(40))
async def test_a_mapping_that_changes_while_a_snapshot_arrives_decides_it(seed: int) -> None:
    """On two replicas at once: whatever is read and written between, the new subscription ends decided by the row
    as it stands, and the row's flag falls only then."""
    store = CrashingStore()
    one, two = await live(store), await live(store)
    await one.map(offer_row())
    await one.see(snapshot("S2"))
    store.yields = random.Random(seed)

    async def set_and_decide() -> None:
        await two.map(customer_row())
        await two.loops()

    await asyncio.gather(one.see(snapshot(), snapshot("S2", revision=2)), set_and_decide())
    for subscription in ("S1", "S2"):
        assert (await one.mapped(subscription)).outcome == Mapped(company=101, service=7)
    assert (await one.mapped("S2")).snapshot_revision == 2


@pytest.mark.parametrize("seed", range(20))
async def test_two_customers_of_one_name_on_two_replicas_get_no_company(seed: int) -> None:
    """Two replicas that see two customers of one name at the same time: both end unmapped."""
    store = CrashingStore()
    one, two = await live(store, automatic=True), await live(store, automatic=True)
    await one.mirrored(company(101), service(7))
    store.yields = random.Random(seed)
    await asyncio.gather(one.see(snapshot()), two.see(snapshot("S2", customer="c2")))
    assert [document.outcome.kind for document in await one.all_mapped()] == ["unmapped", "unmapped"]


@pytest.mark.parametrize(("write", "after"), [(1, False), (1, True), (2, False), (2, True)])
async def test_dying_between_a_customer_and_its_namesake_unmaps_both(write: int, after: bool) -> None:
    """A second customer of a name arrives and the process dies between the two documents: the repeated batch unmaps
    both all the same."""
    store = CrashingStore()
    bench = await live(store, automatic=True)
    await bench.mirrored(company(101), service(7))
    await bench.loops()
    await bench.see(snapshot())
    store.writes_left, store.after = write, after
    with pytest.raises(CrashError):
        await bench.see(snapshot("S2", customer="c2"))
    await bench.see(snapshot("S2", customer="c2"))
    assert [document.outcome.kind for document in await bench.all_mapped()] == ["unmapped", "unmapped"]


@pytest.mark.parametrize("seed", range(20))
async def test_two_replicas_cannot_give_one_company_to_two_customers(seed: int) -> None:
    """C27 under two commands at once: one is accepted, the other refused with the first one's id."""
    store = CrashingStore()
    one, two = await live(store), await live(store)
    store.yields = random.Random(seed)
    answers = await asyncio.gather(one.map(customer_row()), two.map(customer_row("c2")))
    assert sorted(answer.ok for answer in answers) == [False, True]


async def test_a_row_that_changes_while_it_is_applied_keeps_its_flag() -> None:
    """A command between deciding and lowering the flag is decided in the next round, never lost."""
    store = CrashingStore()
    one, two = await live(store), await live(store)
    await one.map(offer_row(), customer_row())
    await one.see(snapshot())
    settle = one.parts.loops[0].run.settler.settle  # type: ignore[attr-defined]  # the loop is a Redecide

    async def settle_and_be_overtaken(ids: set[str]) -> None:
        await settle(ids)
        await two.map(customer_row(target=202))

    object.__setattr__(one.parts.loops[0].run.settler, "settle", settle_and_be_overtaken)  # type: ignore[attr-defined]
    await one.loops()
    assert (await one.row("company", "drop/c1")).redecide
    await two.loops()
    assert (await one.mapped()).outcome == Mapped(company=202, service=7)
    assert not (await one.row("company", "drop/c1")).redecide

"""The mapper with the real store beside what its bulk writes alone take, in processes of their own.

Every event is a first sighting of a subscription whose customer and offer are mapped: a new document with its outbox,
then the outbox published and cleared. The store is a process that both wait for; each round has a database of its own.
"""

import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from bench.results import Results, say
from bench.samples import changes, stored_mappings
from bench.station import Station, station

ROUNDS = 3
EVENTS = 3_000
LOADS = (1_000, EVENTS, 9_000)
SHARE = 0.7


class Pair(NamedTuple):
    """Events a second of the stage, and of its writes alone."""

    stage: float
    alone: float


def measure(results: Results) -> None:
    asyncio.run(_measure(results))


async def _measure(
    results: Results, loads: tuple[int, ...] = LOADS, events: int = EVENTS, rounds: int = ROUNDS
) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        async with station(Path(name)) as at:
            found: dict[int, list[Pair]] = {}
            for before, load in pairwise((0, *loads)):
                await at.fill(changes(load - before, before))
                found[load] = [await _pair(at, load, number) for number in range(rounds if load == events else 1)]
    stage, alone = _middle(found[events])
    share = statistics.median(one.stage / one.alone for one in found[events])
    note = f"median of {rounds} rounds of {events} events"
    results.at_least("mapper with its store, to its bulk writes alone", share, "x", SHARE, note=note)
    results.shown("mapper with its store", stage, "events/s")
    results.shown("its bulk writes alone", alone, "events/s")
    middles = {load: _middle(pairs) for load, pairs in found.items()}
    series = {
        "mapper": [(load, middle.stage) for load, middle in middles.items()],
        "its bulk writes alone": [(load, middle.alone) for load, middle in middles.items()],
    }
    results.growth("a stage with its store", "subscriptions new in a run", "events/s", series)


def _middle(pairs: Sequence[Pair]) -> Pair:
    return Pair(statistics.median(one.stage for one in pairs), statistics.median(one.alone for one in pairs))


async def _pair(at: Station, events: int, number: int) -> Pair:
    """Both, each first in every other round."""
    kinds = ("mapper", "bulk") if number % 2 == 0 else ("bulk", "mapper")
    found = {kind: await _run(at, kind, events) for kind in kinds}
    say(f"  {events} events: {found['mapper']:.0f}/s; writes alone {found['bulk']:.0f}/s")
    return Pair(found["mapper"], found["bulk"])


async def _run(at: Station, kind: str, events: int) -> float:
    await at.begin(f"{kind}{at.epochs}")
    store = at.store()
    for name, rows in stored_mappings(events).items():
        await store.collection(name).upsert_many(rows)
    async with at.stage(kind, str(events)) as stage:
        done = await stage.says("events")
    await store.drop()
    await store.close()
    return float(done["events"] / done["seconds"])

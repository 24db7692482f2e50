"""The bus side of a stage beside a bare aiokafka loop that does the same, both in processes of their own.

Interleaved rounds on one broker, so that what disturbs the machine disturbs both; each ratio is the median of the
rounds' ratios. Time and CPU run from the first batch to the last confirmed event: joining the group is no part of it.
"""

import asyncio
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.bare import answer
from bench.results import Results, say
from bench.samples import changes
from bench.station import Station, station

ROUNDS = 7
EVENTS = 40_000
LOADS = (5_000, 20_000, EVENTS)
THROUGHPUT, CPU = 0.8, 1.25


@dataclass(frozen=True)
class Run:
    """What one process did."""

    rate: float
    """Events a second."""
    cpu: float
    """Microseconds of CPU time an event."""


def measure(results: Results) -> None:
    asyncio.run(_measure(results))


async def _measure(
    results: Results, loads: tuple[int, ...] = LOADS, events: int = EVENTS, rounds: int = ROUNDS
) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        async with station(Path(name)) as at:
            await at.fill(changes(max(loads)))
            pairs = [await _pair(at, events, number) for number in range(rounds)]
            grown = {load: await _pair(at, load, 0) for load in loads if load != events}
    tell(results, pairs, events)
    middle = (statistics.median(ours.rate for ours, _ in pairs), statistics.median(bare.rate for _, bare in pairs))
    rates = {events: middle} | {load: (ours.rate, bare.rate) for load, (ours, bare) in grown.items()}
    series = {kind: [(load, rates[load][place]) for load in loads] for place, kind in enumerate(("stage", "bare loop"))}
    results.growth("a stage on the bus", "events in a run", "events/s", series)


async def _pair(at: Station, events: int, number: int) -> tuple[Run, Run]:
    """Both, each first in every other round."""
    kinds = ("ours", "bare") if number % 2 == 0 else ("bare", "ours")
    found = {kind: await _run(at, kind, events) for kind in kinds}
    ours, bare = found["ours"], found["bare"]
    say(f"  {events} events: {ours.rate:.0f}/s, {ours.cpu:.0f} µs; bare {bare.rate:.0f}/s, {bare.cpu:.0f} µs")
    return ours, bare


async def _run(at: Station, kind: str, events: int) -> Run:
    await at.begin("bus")
    async with at.stage(kind, str(events), f"bare.{at.epochs}") as stage:
        done = await stage.says("events")
    return Run(done["events"] / done["seconds"], done["cpu"] / done["events"] * 1e6)


def tell(results: Results, pairs: list[tuple[Run, Run]], events: int) -> None:
    (sample,) = changes(1)
    heard = sample.event.to_bytes()
    sizes = f"{len(heard)} bytes in, {len(answer(heard)[1])} bytes out"
    throughput = statistics.median(ours.rate / bare.rate for ours, bare in pairs)
    cpu = statistics.median(ours.cpu / bare.cpu for ours, bare in pairs)
    note = f"median of {len(pairs)} rounds of {events} events, {sizes}"
    results.at_least("stage on the bus: throughput to the bare loop's", throughput, "x", THROUGHPUT, note=note)
    results.at_most("stage on the bus: CPU an event to the bare loop's", cpu, "x", CPU, note=note)
    for number, name in enumerate(("stage", "bare loop")):
        rate = statistics.median(pair[number].rate for pair in pairs)
        spent = statistics.median(pair[number].cpu for pair in pairs)
        results.shown(f"{name} on the bus", rate, "events/s")
        results.shown(f"{name} on the bus, CPU time", spent, "µs an event")

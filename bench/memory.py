"""The memory of one service process after 100,000 and after 1,000,000 events.

The topic holds 100,000 events; each new bus epoch makes the process read it again from its beginning. Needs about 3 GB
for the broker, which keeps everything in memory.
"""

import asyncio
import tempfile
from pathlib import Path

from bench.results import Results, say
from bench.samples import changes
from bench.station import station

EACH, TIMES = 100_000, 10
MEGABYTES = 10.0
MEGABYTE = 1_000_000


def measure(results: Results) -> None:
    points = asyncio.run(_watch(EACH, TIMES))
    grown = points[-1][1] - points[0][1]
    results.shown(f"memory after {EACH} events", points[0][1], "MB")
    results.below(f"memory after {EACH * TIMES} events, more than after {EACH}", grown, "MB", MEGABYTES)
    results.growth("memory of one process", "events handled", "MB", {"resident": points})


async def _watch(each: int, times: int) -> list[tuple[float, float]]:
    """Events handled and resident megabytes after each epoch."""
    points: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        async with station(Path(name)) as at:
            await at.fill(changes(each))
            await at.begin("memory")
            async with at.stage("ours", str(each)) as stage:
                while len(points) < times:
                    done = await stage.says("events")
                    points.append((done["events"], done["rss"] / MEGABYTE))
                    say(f"  {done['events']} events: {points[-1][1]:.1f} MB, {each / done['seconds']:.0f} events/s")
                    if len(points) < times:
                        await at.begin("memory")
    return points

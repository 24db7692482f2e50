"""Start to ready: seconds from ``seatledger up`` to all services ready, with nothing stored and with more and more."""

import statistics
from collections.abc import Mapping
from datetime import UTC, datetime

from bench.estate import Estate, Seed, connection, contracts, drop, estate, file_row
from bench.results import Results, Row, say

STORED = (0, 500, 2_000, 5_000)
STARTS = 3
LINES_EACH = 10


def configuration(urls: Mapping[str, str]) -> Row:
    return {
        "state_dir": "st",
        "psa": {"main": connection(urls["autotask"])},
        "sources": {"north": drop("north", 1)},
    }


def measure(results: Results) -> None:
    seed = contracts(20, LINES_EACH, datetime.now(UTC).year, lambda _: False)
    with estate({"autotask": Seed("autotask", seed)}, configuration) as at:
        points = [(float(stored), _starts(at, stored)) for stored in STORED]
    results.shown("start to ready, nothing stored", points[0][1], "s", note=f"median of {STARTS} starts")
    results.shown(f"start to ready, {STORED[-1]} subscriptions stored", points[-1][1], "s")
    results.growth("start to ready", "subscriptions stored", "s", {"ready": points})


def _starts(at: Estate, stored: int) -> float:
    """The median of some starts on so many stored subscriptions, which nobody has mapped yet."""
    if stored:
        at.start()
        at.deliver("north", [file_row("north", n // LINES_EACH, n % LINES_EACH, 5) for n in range(stored)])
        at.drain()
        at.stop()
    seconds = []
    for _ in range(STARTS):
        seconds.append(at.start())
        at.stop()
    say(f"  {stored} stored: {', '.join(f'{second:.1f}' for second in seconds)} s")
    return statistics.median(seconds)

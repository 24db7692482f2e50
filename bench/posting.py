"""Posting, through the real processes: calls an adjustment, seconds from seen to posted, changes a second to plans.

4,000 contract lines in the Autotask sandbox. ``north`` feeds 200 of them, ``wide`` 2,100 others. Calls are those that
the sandbox counted, read-backs included; the periodic mirror is switched off by its interval and measured apart.
Latency runs from the collector's read of a change to the send that had its effect, the rate from that read to the
release of the last intent, all on the machine's clock (no calendar file here). A line is changed once: a second
change of a day waits for the next.
"""

import statistics
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from bench.estate import Estate, Seed, connection, contracts, drop, estate, file_row, instant, mappings, percentile
from bench.results import Results, Row, say

COMPANIES, LINES_EACH = 400, 10
FED, WIDE = range(20), range(20, 230)
YEARLY_FROM = 230
TOGETHER, ALONE = 100, 30
LOADS = (100, 400, 1_600)
MIRROR_CALLS, CALLS_TOGETHER, CALLS_ALONE, SECONDS = 60, 1.3, 4, 5.0

Key = tuple[int, int]
"""Company and position."""


class Posting:
    """The running stack, what the two distributors list, and the numbers."""

    def __init__(self, at: Estate, results: Results) -> None:
        self.at = at
        self.results = results
        self.seats: Mapping[str, dict[Key, int]] = {
            "north": {(n, k): 5 for n in FED for k in range(LINES_EACH)},
            "wide": {(n, k): 5 for n in WIDE for k in range(LINES_EACH)},
        }

    def change(self, account: str, keys: Iterable[Key]) -> None:
        for key in keys:
            self.seats[account][key] += 1

    def round(self, account: str) -> None:
        """Deliver the full list as it stands, collect, drain."""
        self.at.deliver(account, [file_row(account, *key, units) for key, units in self.seats[account].items()])
        self.at.drain()

    def counters(self) -> Row:
        found: Row = self.at.sandboxes["autotask"].get("/_sandbox/counters")
        return found

    def posted(self) -> int:
        effects = self.at.sandboxes["autotask"].get("/_sandbox/effects?after=0")
        return sum(effect["by"] == "api" for effect in effects)

    def mirror(self) -> None:
        (result,) = self.at.cli.run("mirror", "--timeout", "170")
        self.results.at_most(f"mirror of {result['lines']} lines", result["calls"], "calls", MIRROR_CALLS)

    def counted(self, name: str, keys: list[Key], bar: float) -> float:
        """Changes of one round, and the calls for each adjustment that it posted."""
        posted, calls = self.posted(), self.counters()["calls"]
        self.change("north", keys)
        self.round("north")
        posted, calls = self.posted() - posted, self.counters()["calls"] - calls
        per = calls / posted if posted else float("inf")
        whole = posted == len(keys)
        note = f"{posted} posted, {calls} calls"
        self.results.at_most(f"{name}", per, "calls an adjustment", bar, whole=whole, note=note)
        return per

    def repeated(self) -> None:
        writes = self.counters()["writes"]
        self.round("north")
        self.at.cli.run("resync")
        self.at.drain()
        again = self.counters()["writes"] - writes
        self.results.at_most("a list sent again and a resync", again, "writes", 0)

    def alone(self, keys: list[Key]) -> float:
        """Change after change; the median and the goal's percentile."""
        for key in keys:
            self.change("north", [key])
            self.round("north")
        seconds = [delay for key, delay in self.delays().items() if key in {f"north-{n}-{k}" for n, k in keys}]
        note = f"{len(seconds)} changes one after the other, median {statistics.median(seconds):.2f} s"
        whole = len(seconds) == len(keys)
        self.results.below(
            "a change seen to posted, p95", percentile(seconds, 0.95), "s", SECONDS, whole=whole, note=note
        )
        return percentile(seconds, 0.95)

    def together(self, keys: list[Key]) -> tuple[float, float]:
        """Changes a second from their read to their intents, and the p95 of the seconds to their posting."""
        began = datetime.now(UTC)
        self.change("wide", keys)
        self.round("wide")
        read, released = self.read_at(keys), self.released(began)
        seconds = [delay for key, delay in self.delays().items() if key in {f"wide-{n}-{k}" for n, k in keys}]
        missing = len(keys) - min(len(read), len(released), len(seconds))
        if missing:
            raise RuntimeError(f"{missing} of {len(keys)} changes were not planned or not posted")
        passed = (max(released) - min(read)).total_seconds()
        say(f"  {len(keys)} changes together: planned in {passed:.1f} s, posted p95 {percentile(seconds, 0.95):.1f} s")
        return len(keys) / passed, percentile(seconds, 0.95)

    def read_at(self, keys: list[Key]) -> list[datetime]:
        """When the collector read the newest state of these."""
        wanted = {f"wide-{n}-{k}" for n, k in keys}
        newest: dict[str, tuple[int, datetime]] = {}
        for event in self.at.tail("subscriptions.changed.v1"):
            data = event["data"]
            name = data["key"]["subscription"]
            if name in wanted and data["revision"] > newest.get(name, (0, None))[0]:
                newest[name] = (data["revision"], instant(data["observed_at"]))
        return [at for _, at in newest.values()]

    def released(self, since: datetime) -> list[datetime]:
        """When intents with a jump were released since then."""
        events = [event for event in self.at.tail("adjustments.planned.v1") if event["type"] == "IntentReleased"]
        found = [instant(event["data"]["released_at"]) for event in events if event["data"]["jump"]]
        return [at for at in found if at >= since]

    def delays(self) -> dict[str, float]:
        """Seconds from the collector's read to the send, by subscription, joined over the causes of each settlement."""
        mapped = {
            event["id"]: event["data"]["subscription"]
            for event in self.at.tail("subscriptions.mapped.v1")
            if event["type"] == "SubscriptionMapped"
        }
        found: dict[str, float] = {}
        for event in self.at.tail("adjustments.settled.v1"):
            data = event["data"]
            if event["type"] != "AdjustmentSettled" or data["outcome"] != "posted":
                continue
            for seen in [mapped[cause] for cause in data["causes"] if cause in mapped][-1:]:
                passed = instant(data["posted_at"]) - instant(seen["observed_at"])
                found[seen["key"]["subscription"]] = passed.total_seconds()
        return found


def configuration(urls: Mapping[str, str]) -> Row:
    return {
        "state_dir": "st",
        "psa": {"main": connection(urls["autotask"])},
        "sources": {"north": drop("north", 1), "wide": drop("wide", 2)},
    }


def measure(results: Results) -> None:
    year = datetime.now(UTC).year
    seed = contracts(COMPANIES, LINES_EACH, year, lambda n: n >= YEARLY_FROM and n % 10 == 0)
    with estate({"autotask": Seed("autotask", seed)}, configuration) as at:
        _measure(at, Posting(at, results), results)


def _measure(at: Estate, posting: Posting, results: Results) -> None:
    at.start()
    say("  first mirror, mappings, first link of 2,300 lines …")
    at.cli.run("mirror", "--timeout", "170")
    offers = {f"O-{k}": 9001 + k for k in range(LINES_EACH)}
    for account, companies in (("north", FED), ("wide", WIDE)):
        at.map(mappings(account, companies, lambda n: f"C-{n}", offers))
        posting.round(account)
    posting.mirror()
    keys = list(posting.seats["north"])
    many = posting.counted(f"{TOGETHER} changes together", keys[:TOGETHER], CALLS_TOGETHER)
    few = posting.counted("10 changes together", keys[TOGETHER : TOGETHER + 10], CALLS_ALONE)
    one = posting.counted("a lone change", keys[TOGETHER + 10 : TOGETHER + 11], CALLS_ALONE)
    posting.repeated()
    alone = posting.alone(keys[TOGETHER + 11 : TOGETHER + 11 + ALONE])
    rates, waits = _together(posting)
    results.shown(f"{LOADS[-1]} changes together, seen to planned", rates[-1][1], "changes/s")
    calls = {"calls": [(1.0, one), (10.0, few), (float(TOGETHER), many)]}
    results.growth("Autotask's calls for an adjustment", "changes together", "calls", calls)
    results.growth("end to end", "changes together", "changes/s, seen to planned", {"planned": rates})
    results.growth("a change seen to posted", "changes together", "s, p95", {"p95": [(1, alone), *waits]})


def _together(posting: Posting) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Rates and waits under each load."""
    left = list(posting.seats["wide"])
    rates, waits = [], []
    for load in LOADS:
        keys, left = left[:load], left[load:]
        rate, wait = posting.together(keys)
        rates.append((float(load), rate))
        waits.append((float(load), wait))
    return rates, waits

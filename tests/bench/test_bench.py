"""The bench on tiny loads: its parts run, what is compared is the same work, and what is told is what was measured."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from bench import bus, memory, planning, report, storing
from bench.bare import answer
from bench.bus import Run, tell
from bench.chart import chart, ticks
from bench.estate import percentile
from bench.gauge import Gauge
from bench.planner import Spent, planner_over
from bench.results import Results, Row, machine, merged
from bench.samples import changes, mapped_documents
from bench.station import configuration
from bench.town import SUBSCRIPTIONS, company, company_id, once, stored
from bench.worker import said
from seatledger.runtime.bus import Received
from seatledger.runtime.config import config_from
from seatledger.runtime.memory import MemoryStore
from seatledger.schemas.heads import COMPANIES
from seatledger.schemas.registry import read

TINY: dict[str, Callable[[Results], Coroutine[Any, Any, None]]] = {
    "bus": lambda results: bus._measure(results, loads=(60,), events=60, rounds=1),
    "store": lambda results: storing._measure(results, loads=(20,), events=20, rounds=1),
    "planning": lambda results: planning._measure(results, companies=4, steps=2),
}
"""Parts whose load is an argument."""


@pytest.mark.parametrize("part", TINY)
def test_a_part_runs_from_its_load_to_its_numbers(part: str) -> None:
    """On a stack of its own, as in `make bench`: what broke is not found after 20 minutes."""
    results = Results(part)
    asyncio.run(TINY[part](results))
    assert results.rows
    assert all(row["value"] > 0 for row in results.rows)


def test_memory_is_watched_over_two_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same process reads the topic twice."""
    monkeypatch.setattr(memory, "EACH", 60)
    monkeypatch.setattr(memory, "TIMES", 2)
    results = Results("memory")
    memory.measure(results)
    (resident,) = results.rows[-1]["growth"]["series"].values()
    assert [events for events, _ in resident] == [60, 120]


def test_the_stage_and_the_bare_loop_say_the_same_bytes() -> None:
    """Neither does less than the other: same key, same value, for each record."""
    for outgoing in changes(15):
        value = outgoing.event.to_bytes()
        head, data = read(value)
        ours = said(Received(head, data))
        assert (ours.key.encode(), ours.event.to_bytes()) == answer(value)


def test_the_writes_alone_are_those_of_mapped_subscriptions() -> None:
    """Each document is mapped and carries one event to publish, as the mapper stores it."""
    documents = list(mapped_documents(12))
    assert len({document["_id"] for document in documents}) == 12
    assert all(document["outcome"]["kind"] == "mapped" for document in documents)
    assert all(document["has_outbox"] and len(document["outbox"]) == 1 for document in documents)


async def test_each_subscription_of_the_town_is_released_in_one_planning() -> None:
    """What is timed as planning ends in an intent for every subscription, told apart in deciding and saving."""
    store, spent = MemoryStore(), Spent()
    for collection, document in [*stored(once()), *stored(company(0)), *stored(company(1))]:
        await store.collection(collection).upsert_many([document])
    planner = await planner_over(config_from(configuration("bench") | {"state_dir": "st"}, Path()), store, spent)
    await planner.plan([company_id(0), company_id(1)])
    found = await store.collection(COMPANIES).find({})
    assert [len(document["outbox"]) for document in found] == [SUBSCRIPTIONS, SUBSCRIPTIONS]
    assert spent.saving > 0


def test_a_gauge_tells_each_so_many_events(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each full hundred, however the batches fall."""
    gauge = Gauge(100)
    for batch in (60, 60, 60, 20):
        gauge.arrived()
        gauge.done(batch)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["events"] for line in lines] == [120, 200]
    assert all(line["rss"] > 0 and line["seconds"] >= 0 for line in lines)


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    """One disturbed round decides nothing; a ratio beyond its goal is no ok."""
    results = Results("bus")
    tell(results, [(Run(90, 12), Run(100, 10)), (Run(10, 99), Run(100, 10)), (Run(85, 13), Run(100, 10))], 100)
    throughput, cpu = results.rows[:2]
    assert (throughput["value"], throughput["ok"]) == (0.85, True)
    assert (cpu["value"], cpu["ok"]) == (1.3, False)
    assert {"name", "value", "unit", "bar", "ok"} <= throughput.keys()


def test_a_part_that_fails_is_a_number_that_is_not_ok() -> None:
    """What came to no end is not left out."""
    results = Results("sweep")
    results.failed(RuntimeError("the sweep was not whole"))
    assert [(row["ok"], row["note"]) for row in results.rows] == [(False, "RuntimeError: the sweep was not whole")]


def test_percentiles_are_values_that_were_measured() -> None:
    """p95 of twenty values is the largest but none; of none it meets no goal."""
    assert percentile([float(n) for n in range(20)], 0.95) == 19.0
    assert percentile([], 0.95) == float("inf")


@pytest.mark.parametrize(
    ("largest", "expected"),
    [(1600, [0, 500, 1000, 1500, 2000]), (0.93, [0, 0.2, 0.4, 0.6, 0.8, 1]), (7, [0, 2, 4, 6, 8]), (0, [0, 1])],
)
def test_axes_have_round_numbers(largest: float, expected: list[float]) -> None:
    """From 0 to at least the largest value."""
    assert ticks(largest) == expected


def test_a_chart_names_its_axes_and_is_the_same_each_time() -> None:
    """Load and unit stand at the axes, each series in the legend."""
    series = {"a & b": [(1.0, 2.0), (3.0, 4.0)]}
    text = chart("growth", "events", "events/s", series)
    assert text == chart("growth", "events", "events/s", series)
    assert all(part in text for part in (">events<", ">events/s<", ">a &amp; b<"))


def run_of(part: str, value: float, **about: object) -> list[Row]:
    results = Results(part)
    results.shown(f"what {part} takes", value, "s")
    results.measured_on(machine() | about, 60, [part])
    return results.rows


def test_a_part_that_is_measured_again_replaces_its_numbers_alone() -> None:
    """Each part says when it was measured; two machines are never mixed."""
    both = merged(run_of("bus", 1), run_of("store", 2))
    again = merged(both, run_of("bus", 3))
    assert {row["name"]: row["value"] for row in again if row["part"] != "machine"} == {
        "what store takes": 2,
        "what bus takes": 3,
    }
    assert [row["machine"]["parts"] for row in again if "machine" in row] == [["store"], ["bus"]]
    elsewhere = merged(both, run_of("bus", 4, cpu="another"))
    assert [row["value"] for row in elsewhere if row["part"] != "machine"] == [4]


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bench's result, the page and its charts are in a folder of the test's own."""
    monkeypatch.setattr(report, "OUT", tmp_path / "out.json")
    monkeypatch.setattr(report, "RESULTS", tmp_path / "performance.json")
    monkeypatch.setattr(report, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr(report, "CHARTS", tmp_path / "performance")
    monkeypatch.setattr(report, "SIZING", tmp_path / "sizing.md")
    (tmp_path / "sizing.md").write_text(f"Sizes\n\n{report.BEGIN}old\n{report.END}\nMore\n")
    return tmp_path


def test_the_page_is_not_made_from_parts(documents: Path) -> None:
    """After ONLY= the page stays as it was: its numbers are those of one run."""
    results = Results("store")
    results.shown("mapper with its store", 1, "events/s")
    (documents / "out.json").write_text(json.dumps(results.rows))
    assert report.main() == 1
    assert not (documents / "performance.json").exists()


def test_a_whole_run_becomes_the_page(documents: Path) -> None:
    """Every part with its goal, what was measured, the command and the machine; a missed goal is told."""
    results = Results()
    for part in report.PARTS:
        results.part = part
        results.at_most(f"{part} is quick", 3, "s", 2, note="of one")
        results.growth(f"growth of {part}", "events", "s", {"it": [(1, 2), (3, 4)]})
    results.measured_on(machine(), 90, list(report.PARTS))
    (documents / "out.json").write_text(json.dumps(results.rows))
    assert report.main() == 0
    page = (documents / "performance.md").read_text()
    for part in report.PARTS:
        assert f"`make bench ONLY={part}`" in page
        assert f"| {part} is quick (of one) | 3 s | <= 2 | **missed** |" in page
        assert f"](performance/growth-of-{part}.svg)" in page
        assert (documents / "performance" / f"growth-of-{part}.svg").is_file()
    assert "start: on " in page
    assert "1.5 minutes" in page
    sizing = (documents / "sizing.md").read_text()
    assert "| sweep is quick | 3 s |" in sizing
    assert sizing.startswith("Sizes\n")
    assert sizing.endswith(f"{report.END}\nMore\n")
    assert "old" not in sizing


def test_page_and_charts_are_those_of_the_committed_results() -> None:
    """No figure in docs/performance.md, and no line of a chart, was typed by hand."""
    rows = json.loads(report.RESULTS.read_text())
    assert report.PAGE.read_text() == report.page(rows)
    assert {path.name: path.read_text() for path in report.CHARTS.iterdir()} == report.charts(rows)
    sizing = report.SIZING.read_text()
    assert sizing == report.sized(sizing, rows)


def test_every_part_of_the_bench_is_on_the_page() -> None:
    """A part that is measured is explained, in the order in which it is measured."""
    from bench.__main__ import PARTS

    assert list(PARTS) == list(report.PARTS)
    assert PARTS["store"] is storing.measure

"""``make performance``: the last ``make bench`` becomes ``docs/performance.json``, and that the page, its charts and
what ``docs/sizing.md`` quotes.

No figure is typed by hand: a test compares page and charts with what these functions make of the committed results.
"""

import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.chart import chart
from bench.results import Row

DOCS = Path(__file__).parent.parent / "docs"
OUT = Path(__file__).with_name("out.json")
RESULTS, PAGE, CHARTS = DOCS / "performance.json", DOCS / "performance.md", DOCS / "performance"
SIZING = DOCS / "sizing.md"
BEGIN, END = "<!-- made by `make performance` -->\n", "<!-- end -->\n"
SIZED = ("store", "planning", "posting", "sweep", "memory", "start")
"""Parts of which the page about sizes quotes what has a unit of its own: a ratio says nothing about a machine."""

PARTS: Mapping[str, tuple[str, str]] = {
    "bus": (
        "A stage on the bus",
        "A whole service process (health server, readiness, metrics, logs, outboxes) whose handler answers each "
        "`SubscriptionChanged` with a `SubscriptionMapped`, beside a bare aiokafka loop that validates, builds, "
        "dumps and produces the very same bytes with the same settings, by the client's `send`, event by event (a "
        "stage packs them itself, a batch a partition). Both are processes of their own and take turns on one broker; "
        "a ratio is the median of the rounds' ratios.",
    ),
    "memory": (
        "Memory",
        "Resident memory of one such process, read each time it has handled another 100,000 events.",
    ),
    "store": (
        "A stage with its store",
        "The mapper on new, mapped subscriptions: read rows, decide, store the result with its outbox, publish, "
        "clear the outbox, look again. Beside it the same documents written in bulks of the same size, and their "
        "outboxes cleared, by a process that does nothing else. Both wait for the store most of the time.",
    ),
    "planning": (
        "Planning from stored state",
        "Every subscription is mapped and was never planned: each is assigned to its line, wished for, planned "
        "and released in one planning. *Deciding* is all but the store: reading documents into models and "
        "planning. *Saving* is assignments, company documents twice, and plans. Nothing is published meanwhile.",
    ),
    "posting": (
        "From a distributor's file to Autotask",
        "All services by `seatledger up` against the Autotask sandbox, 4,000 contract lines. Calls are counted by "
        "the sandbox, read-backs included. Seconds run from the collector's read of a change to the send that had "
        "its effect.",
    ),
    "sweep": (
        "Partner Center",
        "Sweeps against the Partner Center sandbox, which answers 429 beyond 500 calls a minute. A hint runs from "
        "the change at the distributor to the effect in Autotask.",
    ),
    "start": (
        "Start to ready",
        "Seconds from `seatledger up` to all services ready: broker, store, topics and four services.",
    ),
}


def main() -> int:
    rows = json.loads(OUT.read_text()) if OUT.is_file() else []
    missing = [part for part in (*PARTS, "machine") if all(row["part"] != part for row in rows)]
    if missing:
        print(
            f"error: {OUT.name}: it lacks {', '.join(missing)}. Run `make bench`, or these parts with ONLY=",
            file=sys.stderr,
        )
        return 1
    shutil.copyfile(OUT, RESULTS)
    CHARTS.mkdir(exist_ok=True)
    for old in CHARTS.glob("*.svg"):
        old.unlink()
    for name, text in charts(rows).items():
        (CHARTS / name).write_text(text)
    PAGE.write_text(page(rows))
    SIZING.write_text(sized(SIZING.read_text(), rows))
    return 0


def charts(rows: list[Row]) -> dict[str, str]:
    """Each chart by its file name."""
    return {_file(row["growth"]["title"]): chart(**row["growth"]) for row in rows if "growth" in row}


def page(rows: list[Row]) -> str:
    """``docs/performance.md``."""
    runs = [row["machine"] for row in rows if "machine" in row]
    machine = runs[-1]
    parts = [
        "# Performance",
        "",
        "Made by `make bench` and `make performance`; `docs/performance.json` holds what was measured. Goals are "
        "ratios within one run of a part wherever that is possible: absolute numbers are those of the machine.",
        "",
        f"Measured on {machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}, with the embedded {machine['broker']} and {machine['store']}:",
        "",
        *(_run(run) for run in runs),
    ]
    for name, (title, text) in PARTS.items():
        parts += _section(name, title, text, [row for row in rows if row["part"] == name])
    return "\n".join(parts) + "\n"


def sized(text: str, rows: list[Row]) -> str:
    """``docs/sizing.md`` with these rows between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    machine = next(row["machine"] for row in rows if "machine" in row)
    quoted = [
        row
        for part in SIZED
        for row in rows
        if row["part"] == part and "growth" not in row and row["unit"] not in {"", "x"}
    ]
    table = "\n".join(
        ["| what | measured |", "|---|---:|", *(f"| {row['name']} | {_measured(row)} |" for row in quoted)]
    )
    where = f"On {machine['cores']} cores of {machine['cpu']} ([all figures and how each grows](performance.md)):"
    return f"{before}{BEGIN}{where}\n\n{table}\n{END}{after}"


def _section(name: str, title: str, text: str, rows: list[Row]) -> list[str]:
    numbers = [row for row in rows if "growth" not in row]
    grown = [row["growth"]["title"] for row in rows if "growth" in row]
    table = ["| what | measured | goal | |", "|---|---:|---|---|", *(_line(row) for row in numbers)]
    images = [line for one in grown for line in ("", f"![{one}](performance/{_file(one)})")]
    return ["", f"## {title}", "", text, "", f"`make bench ONLY={name}`", "", *table, *images]


def _run(run: Row) -> str:
    took = f"{run['minutes']:g} minutes, load average before {run['load_before']:g}"
    return f"- {', '.join(run['parts'])}: on {run['on']}, {took}"


def _line(row: Row) -> str:
    note = f" ({row['note']})" if "note" in row else ""
    verdict = "" if not row["bar"] else "met" if row["ok"] else "**missed**"
    return f"| {row['name']}{note} | {_measured(row)} | {row['bar']} | {verdict} |"


def _measured(row: Row) -> str:
    return f"{row['value']:,g} {row['unit']}".strip()


def _file(title: str) -> str:
    return re.sub(r"[^a-z]+", "-", title.lower()).strip("-") + ".svg"


if __name__ == "__main__":
    sys.exit(main())

"""``docs/metrics.md``, made from the declaration: ``python -m seatledger.runtime.metrics_page``."""

import argparse
from pathlib import Path
from typing import Final

from seatledger.runtime.metrics import LABELS, Declared, Metrics
from seatledger.schemas.heads import SERVICES

HEAD: Final = """\
# Metrics

Made by `python -m seatledger.runtime.metrics_page` from `libs/runtime/src/seatledger/runtime/metrics.py`, the one place
where metrics are declared. Each service answers `GET /metrics` in Prometheus' text format. A counter `x` is stored as
`x_total`, a histogram `x` as `x_bucket`, `x_sum` and `x_count`.

Counts are of one process: add them up over replicas. Gauges of what stands in the store (marked *store*) are the same
on each replica: take their maximum. Nothing is counted per customer, so the number of series does not grow with them.
Dashboard, alert rules and a scrape configuration are in [`deploy/observability`](../deploy/observability/README.md).
"""


def page() -> str:
    declared = Metrics().declared
    feeders = dict.fromkeys(one.fed_by for one in declared)
    groups = [_group(fed_by, [one for one in declared if one.fed_by == fed_by]) for fed_by in feeders]
    return "\n".join([HEAD, *groups, _labels()])


def _group(fed_by: tuple[str, ...], declared: list[Declared]) -> str:
    title = "Every service" if fed_by == SERVICES else ", ".join(fed_by)
    head = f"## {title}\n\n| metric | kind | unit | labels | meaning |\n|---|---|---|---|---|\n"
    return head + "".join(_row(one) for one in declared)


def _row(one: Declared) -> str:
    labels = ", ".join(f"`{label}`" for label in one.labels) or "–"
    kind = f"{one.kind}, store" if one.from_store else str(one.kind)
    return f"| `{one.name}` | {kind} | {one.unit} | {labels} | {one.help} |\n"


def _labels() -> str:
    rows = "".join(f"| `{label}` | {meaning} |\n" for label, meaning in LABELS.items())
    return f"## Labels\n\n| label | values |\n|---|---|\n{rows}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the page of all metrics.")
    default = Path(__file__).parents[5] / "docs" / "metrics.md"
    parser.add_argument("file", nargs="?", type=Path, default=default, help="default: that of this checkout")
    parser.parse_args().file.write_text(page())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

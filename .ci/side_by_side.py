"""Prints the counts of two runs of the suite side by side, which tests ended otherwise, and how many that need a broker
did not run on Apache Kafka: junit files by pytest."""

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

OUTCOMES = {"failure": "failed", "error": "failed", "skipped": "skipped"}


@dataclass(frozen=True)
class Ended:
    """How a test of a run ended: passed, failed or skipped; ``broker``: conftest.py marked it as needing one."""

    how: str
    broker: bool


def outcomes(path: Path) -> dict[str, Ended]:
    """Each test of a run, by its id."""
    cases = ElementTree.parse(path).iter("testcase")  # noqa: S314  # written by pytest a moment ago
    return {f"{case.get('classname')}::{case.get('name')}": _ended(case) for case in cases}


def _ended(case: ElementTree.Element) -> Ended:
    how = next((OUTCOMES[part.tag] for part in case if part.tag in OUTCOMES), "passed")
    return Ended(how, case.find("properties/property[@name='broker']") is not None)


def compare(embedded: dict[str, Ended], kafka: dict[str, Ended]) -> str:
    """The table, a line for what ran in one run alone, and one for each test of both runs that ended otherwise."""
    both = sorted(embedded.keys() & kafka.keys())
    first, second = (Counter(run[test].how for test in both) for run in (embedded, kafka))
    rows = [f"{word:<10}{first[word]:>12}{second[word]:>16}" for word in ("passed", "failed", "skipped")]
    missing = sum(ended.broker for test, ended in embedded.items() if test not in kafka)
    alone = [f"of the tests that need a broker, {missing} did not run on Apache Kafka"]
    if len(kafka) > len(both):
        alone.append(f"{len(kafka) - len(both)} more tests ran on Apache Kafka alone")
    other = [
        f"{test}: {embedded[test].how}, {kafka[test].how}" for test in both if embedded[test].how != kafka[test].how
    ]
    return "\n".join([f"{'same ids':<10}{'embedded':>12}{'Apache Kafka':>16}", *rows, *alone, *other])


def main(embedded: str, kafka: str) -> None:
    """Writes to stdout; without a run on the embedded broker there is nothing to compare with."""
    if not Path(embedded).exists():
        sys.stdout.write(f"{embedded} is not there: run `make test` first to see its counts beside these\n")
        return
    sys.stdout.write(compare(outcomes(Path(embedded)), outcomes(Path(kafka))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])

"""What the sandbox imitates, as tables that tests run and docs/sandbox-partner-center.md shows.

``python -m partner_center_sandbox.facts`` writes that document to stdout.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import yaml

MARKS = {
    "D": "documented by the vendor",
    "F": "seen in clients that call the live API",
    "I": "inferred, or a choice of ours",
    "U": "uncertain: a switch or to be verified with a real tenant",
}
HEAD = """# What the Partner Center sandbox imitates

Made from the tables in `simulators/partner_center/src/partner_center_sandbox/facts_data` by
`python -m partner_center_sandbox.facts > docs/sandbox-partner-center.md`; a test fails when the two differ. Every row
is one test: `pytest simulators/partner_center -k ID`. The section is a subject of the API; code that says *section 2.5*
means the facts of section 2.5 here.

"""


@dataclass(frozen=True)
class Fact:
    """One behaviour: ``steps`` are calls with what they must answer; where calls are not enough, a test is named."""

    id: str
    mark: str
    section: str
    says: str
    steps: tuple[dict[str, Any], ...] = ()
    proved_by: str | None = None


@dataclass(frozen=True)
class Area:
    title: str
    facts: tuple[Fact, ...] = field(repr=False)


def _fact(raw: dict[str, Any]) -> Fact:
    return Fact(**{**raw, "section": str(raw["section"]), "steps": tuple(raw.get("steps", ()))})


def areas() -> Iterator[Area]:
    """The tables in the order of their file names."""
    folder = resources.files("partner_center_sandbox").joinpath("facts_data")
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        if "facts" in raw:
            yield Area(raw["title"], tuple(_fact(fact) for fact in raw["facts"]))


def world() -> dict[str, Any]:
    """The seed document of the partner on which the facts are tried."""
    text = resources.files("partner_center_sandbox").joinpath("facts_data/world.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def _table(area: Area) -> str:
    rows = "".join(f"| `{fact.id}` | {fact.mark} | {fact.section} | {fact.says} |\n" for fact in area.facts)
    return f"## {area.title}\n\n| Fact | Mark | Section | Behaviour |\n|---|---|---|---|\n{rows}"


def document() -> str:
    """docs/sandbox-partner-center.md, whole."""
    marks = "Marks: " + " · ".join(f"**{mark}** {meaning}" for mark, meaning in MARKS.items()) + ".\n\n"
    return HEAD + marks + "\n".join(_table(area) for area in areas())


if __name__ == "__main__":
    sys.stdout.write(document())

"""``seatledger explain`` walks every adjustment of the month back, from Autotask's answer to a distributor's row."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

WALK = ("source", "event", "mapping", "plan", "intent", "request", "answer", "readback", "settlement")
"""The steps from a raw payload to what Autotask shows; each adjustment has all of them."""
AT_ONCE = 50
"""Intents that one command is asked for."""

Row = dict[str, Any]


class Program(Protocol):
    """The ``seatledger`` command, always with ``--json``."""

    def run(self, *words: str) -> Any: ...

    def lines(self, *words: str) -> list[str]: ...


def untraced(effects: Iterable[Row], program: Program) -> list[str]:
    """What is missing on the way of adjustments of ours, a sentence each. A line and a day are used once, so together
    they name an adjustment."""
    ledger = [json.loads(line) for line in program.lines("ledger", "export")]
    intents = {(row["line"], row["effective_on"]): row["intent"] for row in ledger if row["state"] == "posted"}
    ours = {(one["contractServiceID"], one["effectiveDate"][:10]): one for one in effects if one["by"] == "api"}
    walked = [place for place in ours if place in intents]
    told = _explained([intents[place] for place in walked], program)
    missing = [(place, "the ledger has no intent for it") for place in ours if place not in intents]
    missing += [(place, lack) for place, one in zip(walked, told, strict=True) for lack in _lacks(one, ours[place])]
    return [f"line {line} on {day}: {lack}" for (line, day), lack in missing]


def _explained(intents: list[str], program: Program) -> list[Row]:
    told: list[Row] = []
    for start in range(0, len(intents), AT_ONCE):
        some = intents[start : start + AT_ONCE]
        found = program.run("explain", *some)
        told += found if len(some) > 1 else [found]
    return told


def _lacks(told: Row, effect: Row) -> Iterator[str]:
    """What a walk should say and does not, or says otherwise than what took effect in Autotask."""
    found: dict[str, list[Row]] = {kind: [] for kind in (*WALK, "finding")}
    for step in told["steps"]:
        found[step["kind"]].append(step["data"])
    yield from (f"no {kind}" for kind in WALK if not found[kind])
    # What is gone has no row: the complete lists without it are its source.
    yield from (
        "a source without its row" for one in found["source"] if not one["content"] and "absent_since" not in one
    )
    if all(one["unit_change"] != effect["unitChange"] for one in found["request"]):
        yield "the request is another one"
    if all(one["status"] != 200 for one in found["answer"]):
        yield "no answer that says it was done"
    if all(one["units"] != effect["unitsAfter"] for one in found["readback"]):
        yield "what was read back is another number"

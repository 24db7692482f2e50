"""``make bench`` → ``bench/out.json``: every part, about half an hour, or those named in ``ONLY=``, whose rows replace
those of an earlier run on the same machine.

A part that fails is a row that says so; the others go on. Exit code 1 where a goal is missed.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import bus, memory, planning, posting, starting, storing, sweeping
from bench.report import RESULTS
from bench.results import Results, line_of, machine, merged, say
from scenarios import world

OUT = Path(__file__).with_name("out.json")
PARTS: Mapping[str, Callable[[Results], None]] = {
    "bus": bus.measure,
    "memory": memory.measure,
    "store": storing.measure,
    "planning": planning.measure,
    "posting": posting.measure,
    "sweep": sweeping.measure,
    "start": starting.measure,
}


def main() -> int:
    names = _names()
    world.end_with_make()
    results, found, began = Results(), machine(), time.monotonic()
    for number, name in enumerate(names, start=1):
        say(f"[{number}/{len(names)}] {name} …")
        _part(results, name)
    results.measured_on(found, time.monotonic() - began, names)
    known = next((path for path in (OUT, RESULTS) if path.is_file()), None)
    before = json.loads(known.read_text()) if known else []
    OUT.write_text(json.dumps(merged(before, results.rows), indent=1) + "\n")
    say("")
    for row in results.rows:
        say(line_of(row))
    print(json.dumps({"numbers": results.rows}))
    return 0 if all(row["ok"] for row in results.rows) else 1


def _part(results: Results, name: str) -> None:
    results.part, began = name, time.monotonic()
    try:
        PARTS[name](results)
    except Exception as error:  # a part that cannot go on is a number too: the others are measured all the same
        results.failed(error)
    say(f"  {name} took {time.monotonic() - began:.0f} s")


def _names() -> list[str]:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"parts, with commas between: {', '.join(PARTS)}")
    wanted = [name for name in parser.parse_args().only.split(",") if name]
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        parser.error(f"ONLY: there is no part {', '.join(unknown)}. The parts are {', '.join(PARTS)}")
    return wanted or list(PARTS)


if __name__ == "__main__":
    sys.exit(main())

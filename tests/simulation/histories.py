"""Random histories through the real processes, killed at random, against independent arithmetic.

    python -m tests.simulation.histories --seeds 20 [--base 100] [--rounds 8] [--calm]

A round is: faults and a kill on their way, files and changes at the sources, mappings changed before, beside or after
``collect``, ``drain``; then mostly the clock goes on. At the end comes a quiet day (clock on, ``drain``, nothing new),
on which each date of Autotask's books is compared with the oracle. One line a seed says how it went; a seed that
disagrees says company, line, subscription and dates, what was expected, what was found and why, and everything that
happened to that subscription. The last line on stdout is ``{"seeds", "effects", "disagree"}``; exit 1 where anything
disagrees.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scenarios import world
from tests.simulation.books import Books
from tests.simulation.report import disagreements
from tests.simulation.run import History, Run, Size
from tests.simulation.verdict import Problem

CLEAR = "\x1b[K"
"""To a terminal: the rest of this line is empty."""


@contextmanager
def running(history: History) -> Iterator[Run]:
    run = Run(history)
    try:
        yield run
    finally:
        run.stage.close()


def play(seed: int, size: Size, keep: bool = False) -> tuple[History, int]:
    """One history; its problems stand in it. Returns it with the number of our effects."""
    folder = Path(tempfile.mkdtemp(prefix=f"history-{seed}-"))
    history, effects = History(seed, size, folder), 0
    with running(history) as run:
        try:
            _rounds(history, run)
            effects = run.judge()
            run.resync(effects)
        except world.DemoError as stuck:
            why = "a command ends, however often it is begun anew"
            history.problems.append(Problem("an end", str(stuck), why, history.day, history.day, ()))
    if keep or history.problems:
        history.note(f"kept: {folder.name} in the system's folder for temporary files")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return history, effects


def _rounds(history: History, run: Run) -> None:
    rounds = history.size.rounds
    run.operator.patiently("mirror")
    for number in range(rounds):
        if number and history.rng.random() < 0.8:
            run.morning()
        under_way(f"seed {history.seed}: {history.day}, round {number + 1} of {rounds}")
        turn = history.turns.next(history.day) if number else history.turns.first(history.day)
        run.round(turn, history.trouble(turn))
    under_way(f"seed {history.seed}: the quiet day at the end")
    run.quiet()


def told(history: History) -> list[str]:
    """What disagrees, what went wrong on the way, and how to play it again."""
    if not history.problems:
        return []
    books = history.books or Books({}, {}, [])
    trouble = ["  on the way:", *(f"       {line}" for line in history.log)]
    return [
        *disagreements(history.problems, history.estate, history.turns.log, books),
        *trouble,
        f"  once more: {replay(history.seed, history.size)}; with --calm without kills and faults",
    ]


def replay(seed: int, size: Size) -> str:
    """The command that plays a seed again."""
    words = ["python -m tests.simulation.histories", f"--seeds 1 --base {seed}"]
    usual = Size()
    words += [f"--{name} {getattr(size, name)}" for name in ("rounds", "families") if _differs(size, usual, name)]
    words += [f"--accounts {','.join(size.accounts)}"] if _differs(size, usual, "accounts") else []
    words += ["--no-moves"] if not size.moves else []
    words += ["--calm"] if size.calm else []
    return " ".join([*words, "--keep"])


def _differs(size: Size, usual: Size, name: str) -> bool:
    return bool(getattr(size, name) != getattr(usual, name))


def main() -> int:
    options = _options()
    world.end_with_make()
    accounts = tuple(options.accounts.split(","))
    size = Size(options.rounds, options.families, accounts, options.calm, options.moves)
    say(f"{options.seeds} histories of {size.rounds} rounds (sources {options.accounts}): some two minutes each")
    total = disagree = 0
    for seed in range(options.base, options.base + options.seeds):
        began = time.monotonic()
        history, effects = play(seed, size, options.keep)
        total += effects
        disagree += bool(history.problems)
        say("\n".join([_line(history, effects, time.monotonic() - began), *told(history)]))
    print(json.dumps({"seeds": options.seeds, "effects": total, "disagree": disagree}))
    return 1 if disagree else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="how many histories")
    parser.add_argument("--base", type=int, default=1, help="the first seed")
    parser.add_argument("--rounds", type=int, default=Size.rounds)
    parser.add_argument("--families", type=int, default=Size.families)
    parser.add_argument("--calm", action="store_true", help="without kills and faults")
    parser.add_argument("--moves", action=argparse.BooleanOptionalAction, default=Size.moves, help="mappings change")
    parser.add_argument("--accounts", default=",".join(Size.accounts))
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    return parser.parse_args()


def _line(history: History, effects: int, seconds: float) -> str:
    wrong = len(history.problems)
    verdict = f"DISAGREES in {wrong} point{'s' if wrong > 1 else ''}" if wrong else "agrees"
    kills = sum(" kill " in line for line in history.log)
    faults = sum(" fault " in line for line in history.log)
    return f"seed {history.seed}: {verdict}; {effects} adjustments, {kills} kills, {faults} faults, {seconds:.0f} s"


def under_way(text: str) -> None:
    """On a terminal, one line that the next one replaces."""
    if sys.stderr.isatty():
        print(f"\r{text}{CLEAR}", end="", file=sys.stderr, flush=True)


def say(text: str) -> None:
    print(f"\r{CLEAR}{text}" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

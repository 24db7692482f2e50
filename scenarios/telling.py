"""What the demo says: the verdict in words for somebody who sees it for the first time, and as JSON."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scenarios.msp import Month

ROOT = Path(__file__).parents[1]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


SCENES = {
    "seats_up": "adjustments that raised units",
    "seats_down": "adjustments that lowered units",
    "two_changes_one_day": "two changes of one day, in one file: posted as one",
    "second_change_of_a_posted_day": "a second change on a day already posted: goes out on the next free day",
    "ten_twelve_ten": "10 → 12 → 10 seats: two adjustments, not none",
    "suspension_and_return": "a subscription suspended, then active again",
    "cancellation": "a subscription cancelled: its line ends at 0",
    "unmapped_then_mapped": "a customer nobody had mapped: waits, and goes out once mapped",
    "bad_row": "a row with a quantity that is none: a finding, its neighbours go on",
    "file_delivered_twice": "a file delivered twice: changes nothing",
    "seen_by_both_accounts": "a subscription listed by both distributors: counted once",
    "edit_by_hand": "a line changed by hand in Autotask: found, not overwritten",
    "posted_period": "a change inside a posted period: moved to the first open day",
    "refusal": "a refusal by Autotask: a finding, sent again when a person says retry",
    "several_subscriptions_a_line": "adjustments of lines that several subscriptions feed",
    "vanished": "a subscription that two full lists no longer have: its line ends at 0",
    "first_decrease": "a decrease on a line never touched before: waits for a person's yes",
    "late_end_date": "a new subscription whose end date comes days later: held until then",
    "trial_converts": "a trial that is bought: billed from that day",
    "throttled_sweep": "Partner Center says 429: the sweep waits as told, and ends whole",
    "partial_sweep": "one customer cannot be read: the sweep is incomplete, and nothing of it goes down",
    "customer_left": "a customer whose relation ended: its units stay, a finding says so",
    "webhook_hint": "a webhook's hint: re-read and posted without a sweep",
    "price_change": "a new price in the price list: shown, not posted",
    "api_and_file": "a subscription at Partner Center and in a distributor's file: counted once",
    "moved": "a subscription moved to another contract: minus there, plus here, no day twice",
    "explained": "adjustments walked by `explain` from the distributor's row to Autotask's answer, no step missing",
    "month_billed": "billing items of March, whose total is the demo's own sum",
}
"""What each scene is, for somebody who sees it for the first time."""


def report(result: dict[str, Any], month: Month, say: Callable[[str], None]) -> bool:
    """Tell a newcomer what came out; True if everything agrees, nothing was used twice and every scene happened."""
    wrong = [line for line in result["lines"] if not line["agree"]]
    missing = [name for name, times in result["scenes"].items() if not times]
    say("\nWhat happened in this month, told from what took effect in Autotask (the demo fails if one is missing):")
    for name, times in result["scenes"].items():
        say(f"  {times:4} × {SCENES.get(name, name.replace('_', ' '))}")
    _outcomes(result["outcomes"], result["findings"], say)
    for line in wrong:
        say(
            f"WRONG: line {line['line']} ({line['company']}, {line['service']}): Autotask shows {line['units']} units,"
            f" the distributors' files say {line['source_seats']}"
        )
    for name in missing:
        say(f"MISSING: {name.replace('_', ' ')} did not happen ({SCENES.get(name, 'no description')})")
    for twice in result["twice"]:
        say(f"TWICE: {twice} carries two adjustments of ours")
    for lack in result["untraced"]:
        say(f"UNTRACED: {lack}")
    for differs in result["billing"]["differ"]:
        say(
            "WRONG: Autotask billed {billed} on contract {contract}, the demo's own sum is {expected}".format(**differs)
        )
    good = not (wrong or missing or result["twice"])
    total = sum(line["units"] or 0 for line in result["lines"])
    compared = f"{len(result['lines'])} contract lines, {total} units"
    verdict = f"{compared}: every line shows the seats of the distributors' files" if good else "FAILED, see above"
    say(f"\nVerdict (seed {month.seed}, {result['seconds']:.0f} s): {verdict}")
    return good


def _outcomes(outcomes: dict[str, int], findings: dict[str, int], say: Callable[[str], None]) -> None:
    say(
        f"What came of the changes: {outcomes['posted']} adjustments posted, each once; {outcomes['in_place']} lines"
        f" stood right already and were only linked; {outcomes['refused']} could not be posted as asked and went out"
        f" otherwise; {outcomes['held']} held in doubt."
    )
    told = ", ".join(f"{code} ×{times}" for code, times in sorted(findings.items()))
    say(f"Findings, things said to a person on the way: {told}. {outcomes['findings']} still open at the end.")


def announce(result: dict[str, Any], month: Month, state: Path) -> bool:
    """The result as JSON, and what it says as text; True if all is as it should be."""
    (state / "demo-result.json").write_text(json.dumps(result, indent=1))
    short = {**result, "lines": f"{len(result['lines'])}, all of them in {shown(state)}/demo-result.json"}
    # On a terminal the lines would push the text for people off the screen; programs get all of it.
    print(json.dumps(short if sys.stdout.isatty() else result), flush=True)
    return report(result, month, say)


def walk_around(folder: Path) -> None:
    """Say how to look at what is kept; where a person sits at the terminal everything stays up until they are done."""
    config = f"--config {shown(folder)}/seatledger.yaml"
    words = ("status", "findings --all", "plan list", "tail")
    looks = "".join(f"\n  .venv/bin/seatledger {each} {config}" for each in words)
    if sys.stdin.isatty():
        say(f"\nEverything still runs. In another terminal, in this folder:{looks}\nPress Enter to stop it.")
        sys.stdin.readline()
    else:
        say(f"\nTo look at it later: .venv/bin/seatledger up {config}\nand in another terminal:{looks}")
        say("(the local Autotask is in memory and has ended with the demo; all else is on disk)")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))

"""``make demo``: an MSP's month through the real services, judged by arithmetic of its own.

Imports nothing of Seatledger. It plays the distributors (files in drop folders, a Partner Center), Autotask's people
(the sandbox's control API) and the operator (the ``seatledger`` command), then compares Autotask's units, and its bill
of the month, with the seats it played. ``SABOTAGE=1`` edits one line behind everybody's back: then the demo must fail,
and name the line.
"""

import argparse
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scenarios import files, judge, paths, world
from scenarios.api_scenes import ApiScenes
from scenarios.billing import Bill, Posted
from scenarios.draw import (
    BAD_ROW_DAY,
    EDIT_DAY,
    EDITED_BY,
    MAPPING_DAY,
    POSTING_DAY,
    QUIET_DAY,
    TWICE_DAY,
    TWO_CHANGES_DAY,
    draw,
)
from scenarios.msp import DAYS, FIRST_OPEN_DAY, Month
from scenarios.telling import ROOT, announce, say, shown, walk_around

REFUSAL = "Reference value on field: contractServiceID of type: ContractServiceAdjustment does not exist or is invalid."


class Demo:
    """One run: its folder, its processes, its evidence."""

    def __init__(self, month: Month, folder: Path) -> None:
        self.month = month
        self.folder = folder
        self.seen: Counter[str] = Counter()
        """Findings ever met open, by code."""
        self.evidence: dict[str, int] = {}
        self.bill = Bill(month)
        self.posted = Posted()
        self.swept: list[dict[str, Any]] = []
        """What the last ``collect`` answered."""

    # -- the world --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        files.write_configuration(self.folder, self.month)
        self.watchdog = world.Watchdog()
        self.sandbox = world.Sandbox(self.folder, self.watchdog)
        self.partner_center = world.Sandbox(self.folder, self.watchdog, "partner-center")
        files.point_configuration(self.folder, self.sandbox.url, self.partner_center.url, world.free_port())
        self.cli = world.Cli(self.folder)
        self.api = ApiScenes(self.month, self.folder, self.partner_center, self.sandbox, self.cli)
        say("starting the broker, the store and the four services …")
        self.up = self.cli.start_up(self.watchdog)
        self.cli.wait_ready(self.up)

    def stop(self) -> None:
        started = [getattr(self, name, None) for name in ("sandbox", "partner_center")]
        processes = [getattr(self, "up", None), *(sandbox.process for sandbox in started if sandbox is not None)]
        for process in processes:
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in processes:
            if process is not None:
                world.reap(process)
        if hasattr(self, "watchdog"):
            self.watchdog.stop()

    # -- the month --------------------------------------------------------------------------------------------------

    def play(self) -> None:
        for index in range(DAYS):
            self.day(index)

    def day(self, index: int) -> None:
        began = time.monotonic()
        files.set_clock(self.folder, self.month.day(index))
        if index == 0:
            self.first_day()
        self.people(index)
        self.api.before(index)
        changed = self.month.apply(index, wave=1)
        self.bill.take_down(index)
        self.api.changed(index, changed)
        self.deliver(index, wave=1)
        outcome = self.round()
        self.api.after(index, self.swept)
        if self.month.apply(index, wave=2):
            self.deliver(index, wave=2)
            outcome = self.round()
        self.after(index)
        say(
            f"{self.month.day(index)}  {len(changed):2} changes · {outcome['posted']:3} posted so far"
            f" · {outcome['waiting_day']} wait for their day · {outcome['findings']:2} open findings"
            f" · {time.monotonic() - began:4.1f} s"
        )

    def first_day(self) -> None:
        """The operator's set-up: mappings; one customer is forgotten."""
        table = files.mapping_table(self.month)
        (self.folder / "mappings.csv").write_text(table)
        self.cli.run("mirror")
        self.cli.run("map", "import", str(self.folder / "mappings.csv"))

    def people(self, index: int) -> None:
        """What people do on that day, before the files come."""
        star = self.month.stars
        if index == MAPPING_DAY:
            self.map_the_forgotten()
        if index == POSTING_DAY:
            self.post_march([self.month.customer(star["posted_period"]).contract])
        if self.month.day(index) == FIRST_OPEN_DAY:
            self.post_march(self.month.monthly_contracts() - set(self.posted.totals))
        if index == EDIT_DAY:
            self.sandbox.edit(self.month.subscriptions[star["edit_by_hand"]].line, self.month.day(index), EDITED_BY)
        if index == QUIET_DAY:
            self.sandbox.post(
                "/_sandbox/faults",
                {
                    "match": {"method": "POST", "path_contains": "ServiceAdjustments"},
                    "do": "status",
                    "apply": False,
                    "status": 500,
                    "body": {"errors": [REFUSAL]},
                    "times": 1,
                },
            )

    def post_march(self, contracts: Iterable[int]) -> None:
        """The biller's Approve & Post; Autotask writes the billing items."""
        for contract in sorted(contracts):
            said = self.sandbox.post("/_sandbox/post", {"contractID": contract, "through": "2026-03-31"})
            self.posted.add(contract, said)

    def map_the_forgotten(self) -> None:
        customer = self.month.customer(self.month.stars["unmapped_then_mapped"])
        accounts = {s.account for s in self.month.subscriptions.values() if s.customer == customer.number}
        self.evidence["unmapped_met"] = self.seen["company_unmapped"]
        for account in sorted(accounts):
            self.cli.run("map", "company", account, files.customer_id(account, customer.number), str(customer.company))

    def rows(self, account: str) -> list[dict[str, str]]:
        return files.rows(self.month, account)

    def deliver(self, index: int, wave: int) -> None:
        """The distributors' files of the day."""
        for account in files.ACCOUNTS:
            rows = self.rows(account)
            if index == TWO_CHANGES_DAY:
                rows = self.with_an_earlier_change(index, rows)
            if index == BAD_ROW_DAY:
                bad = self.month.stars["bad_row"]
                rows = [{**row, "quantity": "8.0"} if row["subscription_id"] == bad else row for row in rows]
            files.drop(self.folder, account, self.month.day(index), "b" if wave == 1 else "c", rows, hour=5 + wave)

    def with_an_earlier_change(self, index: int, rows: list[dict[str, str]]) -> list[dict[str, str]]:
        """The star's first change of the day, which its second one overtakes in the same file."""
        star = self.month.subscriptions[self.month.stars["two_changes_one_day"]]
        earlier = {"quantity": str(star.seats - 3), "observed_at": f"{self.month.day(index)}T03:00:00Z"}
        return [{**row, **earlier} for row in rows if row["subscription_id"] == star.id] + rows

    def round(self) -> dict[str, Any]:
        """Collect and drain; the codes of the findings that stand open are remembered."""
        self.swept = self.cli.run("collect", "--timeout", "60", accept=(0, 1))
        outcome: dict[str, Any] = self.cli.run("drain", "--timeout", "60", accept=(0, 1))
        if outcome["findings"]:
            self.seen.update(finding["code"] for finding in self.cli.run("findings", accept=(0, 1)))
        return outcome

    def findings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.cli.run("findings", "--all", accept=(0, 1))
        return found

    def after(self, index: int) -> None:
        """What the operator does once the day's work stands."""
        if index == TWICE_DAY:
            files.drop_again(self.folder, "south", self.month.day(index))
            self.round()
            self.evidence["twice"] = int(all(sweep["changed"] == 0 for sweep in self.swept))
        if index == 0:
            for plan in self.cli.run("plan", "list"):
                if plan["state"] == "proposed":
                    self.cli.run("plan", "approve", plan["id"], "--hash", plan["hash"])
                    self.evidence["approved"] = self.evidence.get("approved", 0) + 1
            self.cli.run("drain", "--timeout", "60", accept=(0, 1))
        if index == QUIET_DAY:
            refused = [f for f in self.findings() if f["code"] == "refused" and f["closed_at"] is None]
            for finding in refused:
                self.cli.run("resolve", finding["id"], "retry")
            self.evidence["refused"] = len(refused)
            self.cli.run("drain", "--timeout", "60", accept=(0, 1))

    # -- the verdict ------------------------------------------------------------------------------------------------

    def judge(self, sabotage: bool, seconds: float) -> dict[str, Any]:
        last = self.month.day(DAYS - 1)
        if sabotage:
            self.sandbox.edit(self.month.subscriptions[self.month.stars["ten_twelve_ten"]].line, last, 1)
        units = {row["contractServiceID"]: row["units"] for row in self.sandbox.get(f"/_sandbox/units?on={last}")}
        effects = self.sandbox.get("/_sandbox/effects?after=0")
        findings = self.findings()
        lines = judge.compare(self.month, units)
        self.evidence |= self.api.evidence | {"price_change": self.api.price_shown()}
        scenes = judge.scenes(judge.Happened(self.month, effects, findings, self.evidence, units, self.seen))
        untraced = paths.untraced(effects, self.cli)
        scenes["explained"] = 0 if untraced else sum(effect["by"] == "api" for effect in effects)
        billing = self.posted.against(self.bill)
        scenes["month_billed"] = 0 if billing["differ"] else self.posted.items
        outcome = self.cli.run("drain", "--timeout", "60", accept=(0, 1))
        outcome.pop("pending", None)
        return {
            "seed": self.month.seed,
            "lines": lines,
            "scenes": scenes,
            "twice": judge.dates_used_twice(effects),
            "untraced": untraced,
            "billing": billing,
            "outcomes": outcome,
            "findings": dict(Counter(finding["code"] for finding in findings)),
            "seconds": round(seconds, 1),
        }


def run(seed: int, customers: int, sabotage: bool, keep: bool) -> int:
    began = time.monotonic()
    month = draw(seed, customers)
    state = ROOT / "st"
    folder = state / f"demo-{os.getpid()}"
    folder.mkdir(parents=True)
    say(
        f"Seatledger demo, seed {seed}: {len(month.customers)} customers, {len(month.subscriptions)} subscriptions at"
        f" three distributors, {sum(1 for _ in month.lines())} contract lines in a local Autotask, {DAYS} days.\n"
        f"Everything runs on this machine, below {shown(folder)}/. On each day the distributors' files"
        " come, `seatledger collect` reads them and the Partner Center, and `seatledger drain` waits until all is"
        " settled."
    )
    demo, kept = Demo(month, folder), keep
    try:
        demo.start()
        demo.play()
        result = demo.judge(sabotage, time.monotonic() - began)
        good = announce(result, month, state)
        kept = keep or not (good or sabotage)
        if keep:
            walk_around(folder)
    except world.DemoError:
        kept = True
        raise
    finally:
        demo.stop()
        if kept:
            say(f"Kept: {shown(folder)}/, with the services' logs in st/logs below it.")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


def end_once(*_: object) -> None:
    """On SIGTERM: leave in order, and let no second one disturb it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or 1))
    parser.add_argument("--customers", type=int, default=int(os.environ.get("CUSTOMERS") or 24))
    parser.add_argument("--sabotage", action="store_true", default=os.environ.get("SABOTAGE") == "1")
    parser.add_argument("--keep", action="store_true", default=os.environ.get("KEEP") == "1")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, end_once)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with Ctrl-C switched off
    world.end_with_make()
    try:
        return run(options.seed, options.customers, options.sabotage, options.keep)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except world.DemoError as error:
        say(f"error: demo: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""The demo's verdict: units in Autotask against seats in the demo's own files, and proof that every scene happened."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from scenarios.draw import CLOUD_LINE, EDITED_BY, LATE_ARRIVED_DAY, MOVE_DATE, MOVED_LINE
from scenarios.msp import FIRST_OPEN_DAY, Line, Month

Effect = dict[str, Any]


def expected(month: Month, line: Line) -> int:
    """Units that the line must show at the end, summed from the distributors' seats; the line that a person edited
    stays as that person left it: found, not overwritten."""
    if line.id == month.star("edit_by_hand").line:
        return line.units + EDITED_BY
    return month.seats(line)


def compare(month: Month, units: dict[int, int]) -> list[dict[str, Any]]:
    """A row a line: the demo's own sum beside Autotask's units."""
    return [
        {
            "line": line.id,
            "company": customer.name,
            "service": line.service_name,
            "source_seats": expected(month, line),
            "units": units.get(line.id),
            "agree": units.get(line.id) == expected(month, line),
        }
        for customer, line in month.lines()
    ]


def dates_used_twice(effects: list[Effect]) -> list[str]:
    """(line, date) pairs on which more than one adjustment of ours took effect; there must be none."""
    ours = Counter((e["contractServiceID"], e["effectiveDate"][:10]) for e in effects if e["by"] == "api")
    return [f"line {line} on {day}" for (line, day), times in ours.items() if times > 1]


@dataclass(frozen=True)
class Happened:
    """What the month left behind. ``effects`` are what took effect in Autotask, by anybody."""

    month: Month
    effects: list[Effect]
    findings: list[dict[str, Any]]
    evidence: dict[str, int]
    units: dict[int, int]
    seen: Counter[str]
    """Findings ever met open, by code."""

    @property
    def ours(self) -> list[Effect]:
        return [effect for effect in self.effects if effect["by"] == "api"]

    def on_line(self, line: int) -> list[tuple[str, int]]:
        """Day and change of each of our adjustments of a line."""
        return [(e["effectiveDate"][:10], e["unitChange"]) for e in self.ours if e["contractServiceID"] == line]

    def jumps(self, scene: str) -> list[tuple[str, int]]:
        return self.on_line(self.month.star(scene).line)

    def changes(self, scene: str) -> list[int]:
        return [units for _, units in self.jumps(scene)]

    def codes(self, code: str) -> int:
        return sum(finding["code"] == code for finding in self.findings)

    def did(self, what: str) -> int:
        return self.evidence.get(what, 0)

    def stands(self, scene: str) -> int | None:
        return self.units.get(self.month.star(scene).line)


def scenes(past: Happened) -> dict[str, int]:
    """How often each scene really happened, told from Autotask's effects and the findings; 0 fails the demo."""
    return {**_of_files(past), **_of_the_api(past)}


def _of_files(past: Happened) -> dict[str, int]:
    """The scenes at the distributors that send files, and in Autotask."""
    month, changes = past.month, past.changes
    edited, both = month.star("edit_by_hand").line, month.star("seen_by_both_accounts")
    posted = [day for day, _ in past.jumps("posted_period")]
    second = [units for _, units in sorted(past.jumps("second_change_of_a_posted_day"))]
    several = {line.id for _, line in month.lines() if len({s.vendor_id for s in month.feeding(line.id)}) > 1}
    return {
        "seats_up": sum(effect["unitChange"] > 0 for effect in past.ours),
        "seats_down": sum(effect["unitChange"] < 0 for effect in past.ours),
        "two_changes_one_day": int(changes("two_changes_one_day") == [5]),
        "second_change_of_a_posted_day": int(
            second == [2, 1] and month.star("second_change_of_a_posted_day").seats > 0
        ),
        "ten_twelve_ten": int(changes("ten_twelve_ten") == [2, -2]),
        "suspension_and_return": int([u > 0 for u in changes("suspension_and_return")] == [False, True]),
        "cancellation": int(past.stands("cancellation") == 0),
        "unmapped_then_mapped": int(past.did("unmapped_met") > 0 and 3 in changes("unmapped_then_mapped")),
        "bad_row": min(past.seen["source_row_bad"], past.codes("source_row_bad")),
        "file_delivered_twice": past.did("twice"),
        "seen_by_both_accounts": int(
            past.stands("seen_by_both_accounts") == both.seats and changes("seen_by_both_accounts") == [4]
        ),
        "edit_by_hand": sum(f["code"] == "drift" and f["line"] == edited for f in past.findings),
        "posted_period": int(posted == [FIRST_OPEN_DAY.isoformat()] and past.codes("period_posted") > 0),
        "refusal": int(past.did("refused") > 0 and changes("refusal") == [2]),
        "several_subscriptions_a_line": sum(effect["contractServiceID"] in several for effect in past.ours),
        "vanished": int(past.stands("vanished") == 0),
        "first_decrease": int(past.did("approved") > 0 and changes("first_decrease") == [-2]),
    }


def _of_the_api(past: Happened) -> dict[str, int]:
    """The scenes at Partner Center."""
    month, changes = past.month, past.changes
    late, moved = month.star("late_end_date"), month.star("moved")
    priced = [effect for effect in past.ours if effect["adjustedUnitPrice"] is not None]
    return {
        "late_end_date": int(past.jumps("late_end_date") == [(month.day(LATE_ARRIVED_DAY).isoformat(), late.seats)]),
        "trial_converts": int(changes("trial_converts") == [month.star("trial_converts").seats]),
        "throttled_sweep": past.did("throttled_sweep"),
        "partial_sweep": int(past.did("partial_sweep") > 0 and changes("partial_sweep") == []),
        "customer_left": int(past.codes("permission") > 0 and changes("customer_left") == []),
        "webhook_hint": past.did("webhook_hint"),
        "price_change": 0 if priced else past.did("price_change"),
        "api_and_file": int(changes("api_and_file") == [6]),
        "moved": int(_moved_days(past) == [MOVE_DATE.isoformat()] * 2 and past.stands("moved") == moved.seats),
    }


def _moved_days(past: Happened) -> list[str | None]:
    """The day of the minus on the old line, and of the plus on the new one."""
    new = past.month.star("moved").line
    old = new - MOVED_LINE + CLOUD_LINE
    return [
        next((day for day, units in past.on_line(line) if units * sign > 0), None)
        for line, sign in ((old, -1), (new, 1))
    ]

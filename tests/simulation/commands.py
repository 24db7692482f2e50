"""The operator at the command line: maps, collects, drains, says yes to plans and ``retry`` to findings."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scenarios import world
from tests.simulation.turns import Row

AGAIN = {"not_seen", "refused"}
"""Findings that the person in the history answers with ``retry``."""
PATIENCE = 130
"""Seconds in which a claim that no document names is taken over: a minute (kernel.md section 5), and up to one more
until a sweep looks."""


class Operator:
    """One person; a command that failed because a process under it had just died is said again."""

    def __init__(self, cli: world.Cli, folder: Path, log: Callable[[str], None]) -> None:
        self.cli, self.folder, self.log = cli, folder, log
        self.imports = 0
        self.refused = 0
        """Refusals met so far."""

    def patiently(self, *words: str, accept: tuple[int, ...] = (0, 1)) -> Any:
        """A command, again where a process under it had just died."""
        for attempt in range(6):
            try:
                return self.cli.run(*words, accept=accept)
            except world.DemoError as error:
                if attempt == 5:
                    raise
                self.log(f"again: {error}")
        return None

    def import_mappings(self, tables: list[list[Row]]) -> list[str]:
        """One file after the other; the rows that were refused."""
        refused: list[str] = []
        for rows in [rows for rows in tables if rows]:
            self.imports += 1
            path = self.folder / f"mappings-{self.imports}.csv"
            head = "kind,source,key,target,state"
            path.write_text("\n".join([head, *(",".join(row) for row in rows)]) + "\n")
            answer = self.patiently("map", "import", str(path))
            refused += [row["message"] for row in answer["rows"] if not row["ok"]]
        return refused

    def sweep(self, times: int) -> bool:
        """Collect until every account was read to its end, as its schedule would; whether it was."""
        for _ in range(times):
            swept = self.patiently("collect", "--timeout", "60")
            if all(sweep["complete"] for sweep in swept):
                return True
            self.log(f"swept again: {[s['error'] for s in swept if s['error']]}")
        return False

    def drain(self) -> None:
        """Drain and play the person who says yes to plans and ``retry`` to what was not seen, until nothing asks."""
        for _ in range(6):
            outcome = self.patiently("drain", "--timeout", "90")
            if not self._approve(outcome) and not self._retry(outcome):
                return

    def _approve(self, outcome: dict[str, Any]) -> bool:
        if not outcome["waiting_approval"]:
            return False
        asking = [plan for plan in self.patiently("plan", "list") if plan["state"] == "proposed"]
        for plan in asking:
            self.patiently("plan", "approve", plan["id"], "--hash", plan["hash"])
        return bool(asking)

    def _retry(self, outcome: dict[str, Any]) -> bool:
        if not outcome["held"] and outcome["refused"] == self.refused:
            return False
        self.refused = outcome["refused"]
        asking = [finding for finding in self.patiently("findings") if finding["code"] in AGAIN]
        for finding in asking:
            self.patiently("resolve", finding["id"], "retry")
        return bool(asking)

    def wait_for_claims(self, waits: Callable[[], list[str]]) -> None:
        """A business day has more than the minute after which a claim that nobody holds is taken over; a history's
        rounds would be over before. ``waits``: who waits for one without a reason."""
        began, names = time.monotonic(), waits()
        if not names:
            return
        while waits() and time.monotonic() - began < PATIENCE:
            time.sleep(2)
        self.log(f"waited {time.monotonic() - began:.0f} s for the claims of {', '.join(names)}")
        self.drain()

"""A whole installation as a person runs it: sandboxes, ``seatledger up`` on the embedded stack, and the commands."""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.results import Row, say
from scenarios import files, world

USER = {"username": "api@demo.example", "secret": files.SECRET, "integrationCode": files.CODE, "resourceID": 5}
DRAINED_SECONDS, DRAINED_TIMES = 170, 4
"""A command of the demo's hands may take three minutes."""


@dataclass(frozen=True)
class Seed:
    """What a sandbox holds; ``kind`` is autotask or partner-center."""

    kind: str
    content: Row


def connection(url: str) -> Row:
    """The one Autotask: policy says yes, nothing settles, the periodic mirror stays away."""
    return {
        "kind": "autotask", "url": url, "username": USER["username"], "secret": "${env:DEMO_SECRET}",
        "integration_code": "${env:DEMO_CODE}", "timezone": "UTC", "currency": "EUR", "mode": "auto",
        "first_link": "auto", "settle_for_seconds": 0, "unknown_wait_seconds": 6, "mirror_seconds": 86400,
        "budget_per_hour": 9500,
    }  # fmt: skip


def drop(folder: str, rank: int) -> Row:
    return {"kind": "file-drop", "psa": "main", "rank": rank, "folder": folder, "poll_seconds": 3600}


def contracts(companies: int, lines_each: int, year: int, yearly: Callable[[int], bool]) -> Row:
    """Autotask: companies with one contract each, and its lines of 5 units."""
    start, end = f"{year}-01-01", f"{year + 1}-12-31"
    return {
        "users": [USER],
        "companies": [{"id": 1001 + n, "companyName": f"Company {n}"} for n in range(companies)],
        "services": [
            {"id": 9001 + k + 100 * y, "name": f"Service {k}{' yearly' * y}", "unitPrice": 10.0,
             "periodType": 5 if y else 2}
            for k in range(lines_each) for y in (0, 1)
        ],
        "contracts": [
            {
                "id": 5001 + n, "companyID": 1001 + n, "contractName": f"Contract {n}", "startDate": start,
                "endDate": end, "contractPeriodType": 5 if yearly(n) else 2,
                "services": [
                    {"id": line_id(n, k), "serviceID": 9001 + k + 100 * yearly(n), "unitPrice": 10.0, "units": 5}
                    for k in range(lines_each)
                ],
            }
            for n in range(companies)
        ],
    }  # fmt: skip


def line_id(company: int, position: int) -> int:
    return 100_000 + company * 10 + position


def mappings(account: str, companies: range, customer: Callable[[int], str], offers: Mapping[str, int]) -> list[str]:
    """Rows of a mapping table, without its head."""
    table = [f"company,{account},{customer(n)},{1001 + n}" for n in companies]
    return [*table, *(f"offer,{account},{offer},{service}" for offer, service in offers.items())]


def file_row(account: str, company: int, position: int, seats: int) -> dict[str, str]:
    """A line of a distributor's file."""
    values = (
        "bench", "snapshot", "", f"C-{company}", f"Company {company}", f"{account}-{company}-{position}", "",
        f"O-{position}", f"Service {position}", "active", str(seats), "10.00", "EUR", "P1Y", "monthly",
    )  # fmt: skip
    return dict(zip(files.COLUMNS, values, strict=True))


class Estate:
    """The running stack. ``start`` says how many seconds it took to be ready."""

    def __init__(
        self, folder: Path, seeds: Mapping[str, Seed], configuration: Callable[[Mapping[str, str]], Row]
    ) -> None:
        """``configuration`` is given the sandboxes' addresses by their names."""
        self.folder = folder
        self.watchdog = world.Watchdog()
        self.sandboxes = {name: self._sandbox(name, seed) for name, seed in seeds.items()}
        settings = configuration({name: sandbox.url for name, sandbox in self.sandboxes.items()})
        for source in settings["sources"].values():
            if "folder" in source:
                (folder / source["folder"]).mkdir()
        (folder / "seatledger.yaml").write_text(json.dumps(settings))
        self.cli = world.Cli(folder)
        self.delivered = 0
        self.up: subprocess.Popen[bytes] | None = None

    def _sandbox(self, name: str, seed: Seed) -> world.Sandbox:
        home = self.folder / name
        home.mkdir()
        files.set_clock(home, datetime.now(UTC).date())
        (home / f"{seed.kind}.json").write_text(json.dumps(seed.content))
        return world.Sandbox(home, self.watchdog, seed.kind)

    def start(self) -> float:
        """``up``, until every service is ready."""
        (self.folder / "st" / "run.json").unlink(missing_ok=True)  # of the start before
        began = time.monotonic()
        self.up = self.cli.start_up(self.watchdog)
        self.cli.wait_ready(self.up)
        return time.monotonic() - began

    def stop(self) -> None:
        if self.up is not None:
            self.up.terminate()
            world.reap(self.up)

    def close(self) -> None:
        self.stop()
        for sandbox in self.sandboxes.values():
            sandbox.process.terminate()
            world.reap(sandbox.process)
        self.watchdog.stop()

    def deliver(self, account: str, rows: list[dict[str, str]]) -> None:
        """The full list of an account appears in its folder, read two seconds ago at the distributor's."""
        self.delivered += 1
        stamp = f"{datetime.fromtimestamp(time.time() - 2, UTC):%Y-%m-%dT%H:%M:%SZ}"
        target = self.folder / account / f"{self.delivered:05d}.csv"
        stamped = [{**row, "observed_at": stamp} for row in rows]
        target.with_suffix(".part").write_text(files.as_csv(stamped, full=True))
        target.with_suffix(".part").replace(target)
        self.cli.run("collect", account, "--timeout", "170", accept=(0, 1))

    def map(self, rows: list[str]) -> None:
        (self.folder / "mappings.csv").write_text("\n".join(["kind,source,key,target", *rows]) + "\n")
        self.cli.run("map", "import", str(self.folder / "mappings.csv"))

    def drain(self) -> None:
        """Wait until nothing is pending, however long that takes here."""
        for _ in range(DRAINED_TIMES):
            answer = self.cli.run("drain", "--timeout", str(DRAINED_SECONDS), accept=(0, 1, 3))
            if not any(answer["pending"].values()):
                return
            say(f"  still pending: {answer['pending']} …")
        raise world.DemoError("the services did not come to rest")

    def tail(self, topic: str) -> list[dict[str, Any]]:
        """The events of a topic; some were said twice."""
        found = [json.loads(line)["event"] for line in self.cli.lines("tail", topic)]
        return list({event["id"]: event for event in found}.values())


@contextmanager
def estate(
    seeds: Mapping[str, Seed], configuration: Callable[[Mapping[str, str]], Row], *, secret: str = ""
) -> Iterator[Estate]:
    """In a folder of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        (Path(name) / "partner-center-secret").write_text(secret)
        running = Estate(Path(name), seeds, configuration)
        try:
            yield running
        finally:
            running.close()


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def percentile(values: list[float], part: float) -> float:
    """The value that this part of them does not exceed; infinite where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("inf")

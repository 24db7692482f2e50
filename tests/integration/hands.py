"""A running installation as these tests see it: from outside, by files, the command line, HTTP and process ids.

Each test takes companies of its own (:meth:`Stack.company`), so that one installation serves a whole module.
"""

import itertools
import json
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil

from scenarios import files, world
from tests.simulation.hands import victims

FIRST_DAY = date(2026, 3, 9)
ACCOUNTS = ("north", "south")
OFFERS = {"OFFER-A": 9001, "OFFER-B": 9002}
PRICE = 10.0
SERVICES = ("collector", "mapper", "contract-planner", "psa-writer")
COMPANIES = 60
OTHERS_UNITS = 10
ENDED = 998
"""A company whose only contract is over."""
ANY_ANSWER = (0, 1)
"""Done, whether or not all is well."""


@dataclass(frozen=True)
class Company:
    """A company of its own for one test: a customer at both distributors, a contract with a line for each offer."""

    id: int

    @property
    def customer(self) -> str:
        return f"C-{self.id}"

    @property
    def contract(self) -> int:
        return 5000 + self.id

    @property
    def line(self) -> int:
        """The line of OFFER-A; it stands at 0 units."""
        return self.id * 10

    @property
    def other_line(self) -> int:
        """The line of OFFER-B; it stands at ``OTHERS_UNITS`` units that others put there."""
        return self.id * 10 + 1

    @property
    def subscription(self) -> str:
        """A subscription's id that no other test uses."""
        return f"s-{self.id}"


def row(company: Company, quantity: int | str, **other: str) -> dict[str, str]:
    """A file row on ``company``'s subscription of OFFER-A, as the export of a distributor has it."""
    values = {
        "source_system": "tests", "record_type": "snapshot", "observed_at": "", "customer_id": company.customer,
        "customer_name": f"Company {company.id}", "subscription_id": company.subscription,
        "vendor_subscription_id": "", "offer_id": "OFFER-A", "offer_name": "OFFER-A", "status": "active",
        "quantity": str(quantity), "unit_price": f"{PRICE:.2f}", "currency": "EUR", "term_duration": "P1Y",
        "billing_cycle": "monthly",
    }  # fmt: skip
    return {column: {**values, **other}[column] for column in files.COLUMNS}


def other_row(company: Company, quantity: int) -> dict[str, str]:
    """A file row on another subscription of the company, of OFFER-B: its line bears units that others put there."""
    return row(company, quantity, subscription_id=f"{company.subscription}-b", offer_id="OFFER-B", offer_name="OFFER-B")


def autotask_seed(companies: int = COMPANIES) -> dict[str, Any]:
    """A tenant with ``companies`` companies from id 101, each with one monthly contract of two lines."""
    user = {"username": "api@demo.example", "secret": files.SECRET, "integrationCode": files.CODE, "resourceID": 5}
    each = [*(Company(101 + number) for number in range(companies)), Company(ENDED)]
    return {
        "users": [user],
        "companies": [{"id": company.id, "companyName": f"Company {company.id}"} for company in each],
        "services": [
            {"id": service, "name": offer, "unitPrice": PRICE, "periodType": 2} for offer, service in OFFERS.items()
        ],
        "contracts": [
            {
                "id": company.contract,
                "companyID": company.id,
                "contractName": "services",
                "startDate": "2026-01-01",
                "endDate": "2026-12-31" if company.id != ENDED else "2026-02-28",
                "services": [
                    {"id": company.line, "serviceID": 9001, "unitPrice": PRICE, "units": 0},
                    {"id": company.other_line, "serviceID": 9002, "unitPrice": PRICE, "units": OTHERS_UNITS},
                ],
            }
            for company in each
        ],
    }


def configuration(url: str) -> dict[str, Any]:
    """``seatledger.yaml`` with short waits; two drops, ``north`` (CSV) and ``south`` (JSON)."""
    main = {
        "kind": "autotask", "url": url, "username": "api@demo.example", "secret": "${env:DEMO_SECRET}",
        "integration_code": "${env:DEMO_CODE}", "timezone": "Europe/Amsterdam", "currency": "EUR", "mode": "auto",
        "first_link": "auto", "settle_for_seconds": 0, "unknown_wait_seconds": 6, "mirror_seconds": 5,
    }  # fmt: skip
    sources = {
        account: {
            "kind": "file-drop", "psa": "main", "rank": rank, "folder": account, "poll_seconds": 3600,
            "mass_decrease_percent": 100,
        }
        for rank, account in enumerate(ACCOUNTS, start=1)
    }  # fmt: skip
    return {"state_dir": "st", "clock": {"file": "clock"}, "psa": {"main": main}, "sources": sources}


@dataclass
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Program(world.Cli):
    """The ``seatledger`` command where the exit code is part of what is tested."""

    def ended(self, *words: str, json_output: bool = True, environment: dict[str, str] | None = None) -> Ended:
        """The command's end, whatever it is."""
        command = [str(world.PROGRAM), *words, "--config", self.configuration, *(["--json"] if json_output else [])]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={**self.environment, **(environment or {})},
            timeout=120,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def started(self, *words: str) -> "subprocess.Popen[bytes]":
        """The command, still running."""
        command = [str(world.PROGRAM), *words, "--config", self.configuration]
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=self.environment, start_new_session=True)


@dataclass
class Stack:
    """A sandbox, an ``up`` with its children, and the hands of operator and distributors."""

    folder: Path
    replicas: str | None = None
    companies: int = COMPANIES
    changes: dict[str, Any] = field(default_factory=dict)
    """Keys of ``psa.main`` other than in :func:`configuration`."""
    day: date = FIRST_DAY

    def __post_init__(self) -> None:
        self.numbers = itertools.count(101)
        self.files = itertools.count(1)
        self.watchdog = world.Watchdog()
        for account in ACCOUNTS:
            (self.folder / account).mkdir()
        files.set_clock(self.folder, self.day)
        (self.folder / "autotask.json").write_text(json.dumps(autotask_seed(self.companies)))
        self.sandbox = world.Sandbox(self.folder, self.watchdog)
        whole = configuration(self.sandbox.url)
        whole["psa"]["main"] |= self.changes
        (self.folder / "seatledger.yaml").write_text(json.dumps(whole))
        self.cli = Program(self.folder)
        self.up = self.cli.started("up", *(["--replicas", self.replicas] if self.replicas else []))
        self.watchdog.watch(self.up)

    def begin(self) -> None:
        """Until everything is mapped and both accounts have been read once."""
        self.cli.wait_ready(self.up)
        self.cli.run("mirror")
        company = self.company()
        table = ["kind,source,key,target"]
        for account in ACCOUNTS:
            table += [f"company,{account},C-{number},{number}" for number in self.mapped]
            table += [f"offer,{account},{offer},{service}" for offer, service in OFFERS.items()]
        (self.folder / "mappings.csv").write_text("\n".join(table) + "\n")
        self.cli.run("map", "import", str(self.folder / "mappings.csv"))
        self.deliver("north", [row(company, 0)])
        self.deliver("south", [other_row(company, OTHERS_UNITS)])
        self.settle()

    def close(self) -> None:
        processes = (self.up, self.sandbox.process)
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in processes:
            world.reap(process)
        self.watchdog.stop()

    # -- the distributors -------------------------------------------------------------------------------------------

    @property
    def mapped(self) -> list[int]:
        return [*range(101, 101 + self.companies), ENDED]

    @property
    def ended_company(self) -> Company:
        """One whose only contract was over before the first day."""
        return Company(ENDED)

    def company(self) -> Company:
        """One that no other test has."""
        return Company(next(self.numbers))

    def deliver(self, account: str, rows: Iterable[dict[str, str]], *, full: bool = False) -> None:
        """A file of that account appears; each file's stamps are a minute later than the file's before."""
        number = next(self.files)
        stamp = f"{self.day}T{1 + number // 60:02d}:{number % 60:02d}:00Z"
        table = [{**each, "observed_at": each["observed_at"] or stamp} for each in rows]
        text = files.as_csv(table, full) if account == "north" else self._json(table, stamp, full)
        self.drop(account, f"{self.day}-{number:04d}.{'csv' if account == 'north' else 'json'}", text.encode())

    @staticmethod
    def _json(table: Sequence[dict[str, str]], stamp: str, full: bool) -> str:
        head = {"schema": "subscription-drop/1", "source_system": "tests", "generated_at": stamp, "complete": full}
        return json.dumps({**head, "rows": table})

    def drop(self, account: str, name: str, content: bytes) -> None:
        """Any file at all, whole at once."""
        part = self.folder / account / f"{name}.part"
        part.write_bytes(content)
        part.replace(part.with_name(name))

    # -- the operator -----------------------------------------------------------------------------------------------

    def collect(self) -> Any:
        return self.cli.run("collect", "--timeout", "60", accept=ANY_ANSWER)

    def drain(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.cli.run("drain", "--timeout", "60", accept=ANY_ANSWER)
        return answer

    def settle(self) -> dict[str, Any]:
        """Files taken, and nothing pending any more."""
        self.collect()
        return self.drain()

    def tomorrow(self) -> None:
        self.day += timedelta(days=1)
        files.set_clock(self.folder, self.day)

    def findings(self, **only: Any) -> list[dict[str, Any]]:
        """Open findings with these values."""
        every = self.cli.run("findings", accept=ANY_ANSWER)
        return [finding for finding in every if all(finding[key] == value for key, value in only.items())]

    def events(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.cli.lines("tail", topic)]

    # -- Autotask ---------------------------------------------------------------------------------------------------

    def units(self, line: int, on: date | None = None) -> Any:
        rows = self.sandbox.get(f"/_sandbox/units?on={on or self.day}")
        return next(each["units"] for each in rows if each["contractServiceID"] == line)

    def effects(self, line: int) -> list[dict[str, Any]]:
        """What the service itself changed on a line, in order."""
        every = self.sandbox.get("/_sandbox/effects?after=0")
        return [each for each in every if each["contractServiceID"] == line and each["by"] == "api"]

    def fault(self, contract: int, do: str, *, times: int = 1, **other: Any) -> None:
        """A fault that meets the next POST of an adjustment on this contract, and no other."""
        match = {"method": "POST", "path_contains": f"Contracts/{contract}/ServiceAdjustments"}
        self.sandbox.post("/_sandbox/faults", {"match": match, "do": do, "times": times, **other})

    def forget_faults(self) -> None:
        """All of them."""
        request = urllib.request.Request(f"{self.sandbox.url}/_sandbox/faults", method="DELETE")  # noqa: S310  # loopback
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310  # loopback
            pass

    def writes(self) -> int:
        return int(self.sandbox.get("/_sandbox/counters")["writes"])

    # -- processes --------------------------------------------------------------------------------------------------

    def process(self, name: str) -> psutil.Process:
        """The process of a service, of ``broker`` or of ``store``, as run.json names it."""
        run = self.run_file()
        return psutil.Process({**run["services"], **run["stack"]}[name]["pid"])

    def run_file(self) -> dict[str, Any]:
        whole: dict[str, Any] = json.loads((self.folder / "st" / "run.json").read_text())
        return whole

    def kill(self, name: str) -> None:
        """SIGKILL, as a power cut would."""
        for process in victims(self.up.pid, name):
            process.kill()

    def get(self, service: str, path: str) -> tuple[int, str]:
        """Status and body of a service's own HTTP, as run.json gives its address."""
        address = self.run_file()["services"][service]["http"]
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="seatledger-test-"))


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)

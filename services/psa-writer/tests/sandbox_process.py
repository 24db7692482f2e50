"""The independent Autotask sandbox as a process, and its control API."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx2

USER, SECRET, CODE = "api@msp.example", "s3cret-of-the-msp", "INTEGRATION-CODE"


def seed(lines: int = 1, *, contracts: int = 1, period_type: int = 2, units: int = 10) -> dict[str, Any]:
    """An MSP with ``contracts`` contracts of the year 2026 with ``lines`` lines each."""
    return {
        "users": [
            {
                "username": USER,
                "secret": SECRET,
                "integrationCode": CODE,
                "resourceID": 5,
                "rights": {"contracts": "all", "cost": True},
            }
        ],
        "companies": [{"id": 100 + n, "companyName": f"Company {n}", "companyType": 1} for n in range(contracts)],
        "services": [
            {"id": 1 + n, "name": f"Service {n}", "periodType": period_type, "unitPrice": 10, "unitCost": 8}
            for n in range(lines)
        ],
        "contracts": [
            {
                "id": 1 + n,
                "companyID": 100 + n,
                "contractName": f"Contract {n}",
                "contractType": 7,
                "contractPeriodType": period_type,
                "status": 1,
                "startDate": "2026-01-01",
                "endDate": "2026-12-31",
                "services": [
                    {"id": 1000 + n * lines + m, "serviceID": 1 + m, "unitPrice": 10, "units": units}
                    for m in range(lines)
                ],
            }
            for n in range(contracts)
        ],
    }


@dataclass
class Sandbox:
    url: str
    popen: subprocess.Popen[str]

    def control(self, method: str, path: str, body: object = None, **params: str) -> Any:
        answer = httpx2.request(method, f"{self.url}/_sandbox/{path}", json=body, params=params, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def counters(self) -> dict[str, Any]:
        found: dict[str, Any] = self.control("GET", "counters")
        return found

    def effects(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "effects")
        return [one for one in found if one["by"] == "api"]

    def fault(self, do: str, **more: object) -> None:
        self.control(
            "POST", "faults", {"match": {"method": "POST", "path_contains": "ServiceAdjustments"}, "do": do, **more}
        )

    def units(self, line: int, on: date) -> int:
        rows = self.control("GET", "units", on=on.isoformat())
        return next(int(row["units"]) for row in rows if row["contractServiceID"] == line)


@contextlib.contextmanager
def sandbox(folder: Path, document: dict[str, Any], now: str = "2026-03-10T09:00:00Z") -> Iterator[Sandbox]:
    """A process of its own, gone at the end of the block."""
    file = folder / "seed.json"
    file.write_text(json.dumps(document))
    command = [sys.executable, "-m", "autotask_sandbox", "--seed", str(file), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said, process.stderr.read() if process.stderr else ""
            running = Sandbox(json.loads(said)["url"], process)
            running.control("PUT", "clock", {"now": now})
            yield running
        finally:
            process.kill()

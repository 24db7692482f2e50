"""Asks the OSV service whether the locked packages have known advisories. Run by ``make audit``; standard library only.

Names and versions of packages leave the machine, nothing else does. Exit 0: none is known · 1: at least one is · 4: the
service did not answer, so nothing is known.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SERVICE = "https://api.osv.dev"
SECONDS = 30
PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)


def main(service: str = SERVICE) -> int:
    """One line a package with an advisory, or one line that says that there is none."""
    pins = sorted({pin for lock in (ROOT / "requirements.lock", *ROOT.glob("deploy/*.lock")) for pin in locked(lock)})
    try:
        results = ask(service, pins)
    except (OSError, ValueError, KeyError) as error:
        reason = getattr(error, "reason", None) or error
        do = "Nothing was checked: run `make audit` where that address can be reached"
        sys.stderr.write(f"error: {service}: the advisory service gives no answer ({reason}). {do}\n")
        return 4
    found = {pin: ids for pin, ids in zip(pins, results, strict=True) if ids}
    for (name, version), ids in found.items():
        sys.stdout.write(
            f"{name} {version}: {', '.join(ids)}. Read https://osv.dev/{ids[0]}, raise it by `make lock`\n"
        )
    sys.stdout.write(f"{len(pins)} locked packages, {len(found) or 'none'} with a known advisory\n")
    return 1 if found else 0


def locked(lock: Path) -> list[tuple[str, str]]:
    """Name and version of each package."""
    return PIN.findall(lock.read_text(encoding="utf-8"))


def ask(service: str, pins: list[tuple[str, str]]) -> list[list[str]]:
    """The ids of the advisories of each package. OSError or ValueError where there is no such answer."""
    queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in pins]
    body = json.dumps({"queries": queries}).encode()
    request = urllib.request.Request(f"{service}/v1/querybatch", body, {"Content-Type": "application/json"})  # noqa: S310  # https, or a test's loopback
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310  # as above
        results: list[dict[str, Any]] = json.load(answer)["results"]
    if len(results) != len(pins):
        raise ValueError(f"{len(results)} answers to {len(pins)} questions")
    return [[advisory["id"] for advisory in result.get("vulns", [])] for result in results]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

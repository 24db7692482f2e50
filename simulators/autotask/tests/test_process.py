"""The sandbox as a process: start, seed errors, clock file, end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from autotask_sandbox.__main__ import main

CONTRACT = "contracts[0]"


def _refused(capsys: pytest.CaptureFixture[str], folder: Path, document: Any, *more: str) -> str:
    """The complaint about a seed, with which the command ends with 2 before it listens."""
    file = folder / "seed.yaml"
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
    assert main(["--seed", str(file), "--port", "0", *more]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    return said.err


def test_says_where_it_listens(start: Callable[..., Any], seed: dict[str, Any]) -> None:
    """Port 0 takes a free port, and the line on stdout names the port and the url."""
    process = start(seed)
    assert process.where == {"port": process.where["port"], "url": f"http://127.0.0.1:{process.where['port']}"}
    assert httpx2.get(f"{process.url}/_sandbox/health").status_code == 200


def test_answers_quickly(start: Callable[..., Any], seed: dict[str, Any]) -> None:
    """Twenty calls on one connection take far less than the 40 ms each that delayed acknowledgements would cost."""
    with httpx2.Client(base_url=start(seed).url) as client:
        client.get("/_sandbox/health")
        began = time.monotonic()
        for _ in range(20):
            client.get("/ATServicesRest/versioninformation")
        assert time.monotonic() - began < 0.6


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_leaves_at_once(start: Callable[..., Any], seed: dict[str, Any], number: signal.Signals) -> None:
    """A signal ends it with exit code 0 within two seconds, a call in flight or not."""
    process = start(seed)
    httpx2.post(f"{process.url}/_sandbox/faults", json={"do": "slow", "seconds": 60})
    where = f"{process.url}/ATServicesRest/versioninformation"

    def hang() -> None:
        with pytest.raises(httpx2.HTTPError):
            httpx2.get(where, timeout=30)

    caller = threading.Thread(target=hang)
    caller.start()
    while httpx2.get(f"{process.url}/_sandbox/counters").json()["calls"] == 0:
        pass
    began = time.monotonic()
    process.popen.send_signal(number)
    assert process.popen.wait(timeout=10) == 0
    assert time.monotonic() - began < 2
    caller.join(timeout=10)


def test_clock_file(start: Callable[..., Any], seed: dict[str, Any], tmp_path: Path) -> None:
    """The file's instant is the calendar, read again when it changes; a put instant goes before it."""
    clock = tmp_path / "clock"
    clock.write_text("2026-03-01T08:00:00Z\n", encoding="utf-8")
    url = start(seed, "--clock", str(clock)).url + "/_sandbox/clock"
    assert httpx2.get(url).json() == {"now": "2026-03-01T08:00:00Z"}
    clock.write_text("2026-03-02\n", encoding="utf-8")
    assert httpx2.get(url).json() == {"now": "2026-03-02T00:00:00Z"}
    assert httpx2.put(url, json={"now": "2026-04-01T00:00:00Z"}).json() == {"now": "2026-04-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        (lambda s: s.update(compnies=[]), ["compnies: unknown key", "Nearest valid key: companies"]),
        (lambda s: s["users"][0].update(right={}), ["users[0].right", "Nearest valid key: rights"]),
        (lambda s: s["users"][0]["rights"].update(costs=True), ["users[0].rights.costs", "Nearest valid key: cost"]),
        (lambda s: s["companies"][1].update(companyNam="x"), ["companies[1].companyNam", "companyName"]),
        (lambda s: s["contracts"][0].update(enddate="2026-12-31"), [f"{CONTRACT}.enddate", "endDate"]),
        (lambda s: s["contracts"][0].update(startDate="soon"), [f"{CONTRACT}.startDate", "'soon'"]),
        (lambda s: s["contracts"][0].update(companyID=4711), [f"{CONTRACT}.companyID", "4711"]),
        (lambda s: s["contracts"][0].update(endDate="2025-01-01"), [CONTRACT, "endDate lies before startDate"]),
        (lambda s: s["contracts"][0]["services"][0].update(unit=3), [f"{CONTRACT}.services[0].unit", "units"]),
        (lambda s: s["contracts"][0]["services"][0].update(units=-1), [f"{CONTRACT}.services[0].units"]),
        (lambda s: s["contracts"][0]["services"][0].update(serviceID=1), [f"{CONTRACT}.services[0].serviceID"]),
        (lambda s: s["contracts"][1]["services"][0].update(id=8001), ["contracts[1].services[0]", "twice"]),
        (lambda s: s.update(switches={"grid": "x"}), ["switches.grid", "anchored, drifting"]),
        (lambda s: s.update(switches={"rows": "roling"}), ["switches.rows", "eager, rolling"]),
        (lambda s: s.update(switches={"gird": "x"}), ["switches.gird", "Nearest valid key: grid"]),
        (lambda s: s.update(limits={"thread": 3}), ["limits.thread", "threads"]),
        (lambda s: s["services"][0].pop("name"), ["services[0].name", "is missing"]),
        (lambda s: s.update(picklists={"Contracts.statu": {}}), ["picklists.Contracts.statu", "Contracts.status"]),
        (lambda s: s["userDefinedFields"].append({"entity": "Contract", "name": "x"}), ["userDefinedFields[4].entity"]),
        (lambda s: s["userDefinedFields"].append({"entity": "Companies", "name": "region"}), ["twice"]),
        (
            lambda s: s["companies"][1].update(userDefinedFields={}),
            ["companies[1].userDefinedFields", "name and value"],
        ),
        (lambda s: s["companies"][1].update(userDefinedFields=[{"name": "x", "value": "y"}]), ["no field 'x'"]),
        (lambda s: s["serviceBundles"][0].update(services=[1]), ["serviceBundles[0].services", "no service 1"]),
        (
            lambda s: s["contracts"][0].update(bundles=[{"serviceBundleID": 1}]),
            [f"{CONTRACT}.bundles[0].serviceBundleID", "no bundle 1"],
        ),
        (lambda s: s["contracts"][0].update(bundles=[{"unit": 1}]), [f"{CONTRACT}.bundles[0].unit", "units"]),
    ],
    ids=lambda value: str(value[0]).split(":")[0] if isinstance(value, list) else "",
)
def test_bad_seed(
    seed: dict[str, Any],
    change: Callable[[dict[str, Any]], Any],
    texts: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A bad seed ends with 2, the path of the fault and the nearest valid key."""
    seed["users"][0].setdefault("rights", {})
    change(seed)
    said = _refused(capsys, tmp_path, seed)
    assert all(text in said for text in texts), said


@pytest.mark.parametrize("document", ["[1, 2]", "users: {", "contracts: 5", "users: 5", "companies: [7]"])
def test_no_seed_at_all(document: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no seed is refused in the same way."""
    _refused(capsys, tmp_path, document)


def test_bad_clock_file(seed: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A clock file without an instant, and one that is not there, end with 2."""
    clock = tmp_path / "clock"
    _refused(capsys, tmp_path, seed, "--clock", str(clock))
    clock.write_text("noon", encoding="utf-8")
    assert str(clock) in _refused(capsys, tmp_path, seed, "--clock", str(clock))


def test_a_port_that_is_taken_is_named(
    seed: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which one it is, and which other one to give."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = _refused(capsys, tmp_path, seed, "--port", str(other.getsockname()[1]))
        where = f"127.0.0.1:{other.getsockname()[1]}"
    assert (
        said
        == f"error: {where} cannot be listened on: Address already in use. Give another --port; 0 takes any free one\n"
    )


def test_bad_seed_as_a_process(tmp_path: Path) -> None:
    """The exit code of the process itself is 2, without a traceback."""
    file = tmp_path / "seed.yaml"
    file.write_text("compnies: []", encoding="utf-8")
    command = [sys.executable, "-m", "autotask_sandbox", "--seed", str(file), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: compnies: unknown key. Nearest valid key: companies\n"


def test_json_seed_and_empty_seed(start: Callable[..., Any]) -> None:
    """A document with nothing in it is a tenant with nothing in it."""
    process = start({})
    assert httpx2.get(f"{process.url}/_sandbox/units?on=2026-01-01").json() == []

"""The sandbox as a process: start, seed errors, clock file, https, end."""

from __future__ import annotations

import json
import signal
import socket
import ssl
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

from partner_center_sandbox.__main__ import main
from partner_center_sandbox.seedfile import load_seed, seed_from

FIRST = "customers[0].subscriptions[0]"


def _refused(capsys: pytest.CaptureFixture[str], folder: Path, document: Any, *more: str) -> str:
    """The complaint about a seed, with which the command ends with 2 before it listens."""
    file = folder / "seed.yaml"
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
    assert main(["--seed", str(file), "--port", "0", *more]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    return said.err


def test_a_signal_ends_it_at_once(start: Callable[..., Any], seed: dict[str, Any]) -> None:
    """Exit code 0 after SIGINT, though a call is in flight; stdout named port and address."""
    process = start(seed)
    assert process.where == {"port": process.where["port"], "url": f"http://127.0.0.1:{process.where['port']}"}
    httpx2.post(f"{process.url}/_sandbox/faults", json={"do": "slow", "seconds": 600})

    def hang() -> None:
        with pytest.raises(httpx2.HTTPError):
            httpx2.post(f"{process.url}/tenant/oauth2/token", timeout=60)

    caller = threading.Thread(target=hang)
    caller.start()
    until = time.monotonic() + 20
    while httpx2.get(f"{process.url}/_sandbox/counters").json()["calls"] == 0:
        assert time.monotonic() < until
    process.popen.send_signal(signal.SIGINT)
    assert process.popen.wait(timeout=20) == 0
    caller.join(timeout=20)


def test_clock_file(start: Callable[..., Any], seed: dict[str, Any], tmp_path: Path) -> None:
    """The file's instant is the calendar, read again when it changes; a half-written file changes nothing."""
    clock = tmp_path / "clock"
    clock.write_text("2026-03-01T08:00:00Z\n", encoding="utf-8")
    url = start(seed, "--clock", str(clock)).url + "/_sandbox/clock"
    assert httpx2.get(url).json() == {"now": "2026-03-01T08:00:00Z"}
    clock.write_text("2026-03-02\n", encoding="utf-8")
    assert httpx2.get(url).json() == {"now": "2026-03-02T00:00:00Z"}
    clock.write_text("2026-0", encoding="utf-8")
    assert httpx2.get(url).json() == {"now": "2026-03-02T00:00:00Z"}
    assert httpx2.put(url, json={"now": "2026-04-01T00:00:00Z"}).json() == {"now": "2026-04-01T00:00:00Z"}


def test_https_by_its_own_authority(start: Callable[..., Any], seed: dict[str, Any]) -> None:
    """Who trusts ca.pem is served over https; who does not is not."""
    url = start(seed, "--tls").url
    assert url.startswith("https://")
    authority = httpx2.get(f"{url}/_sandbox/ca.pem", verify=False).text
    trusting = ssl.create_default_context(cadata=authority)
    form = {"grant_type": "client_credentials", "client_id": seed["client_id"], "client_secret": "s3cret"}
    answer = httpx2.post(f"{url}/{seed['tenant']}/oauth2/token", data=form, verify=trusting)
    assert answer.status_code == 200
    with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx2.get(f"{url}/_sandbox/health")


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        (lambda s: s.update(custmers=[]), ["custmers: unknown key", "Nearest valid key: customers"]),
        (lambda s: s.pop("client_secret"), ["client_secret: is missing"]),
        (lambda s: s.update(page_size=0), ["page_size"]),
        (lambda s: s["customers"][0].pop("companyName"), ["customers[0].companyName: is missing"]),
        (lambda s: s["customers"][1].update(domains="x"), ["customers[1].domains", "Nearest valid key: domain"]),
        (lambda s: s["customers"][1].update(id="kestrel"), ["customers[1].id", "twice"]),
        (lambda s: s["customers"][1].update(id="a/b"), ["customers[1].id"]),
        (lambda s: _first(s).update(quantitty=3), [f"{FIRST}.quantitty", "Nearest valid key: quantity"]),
        (lambda s: _first(s).update(quantity=-1), [f"{FIRST}.quantity", "-1"]),
        (lambda s: _first(s).update(status="actve"), [f"{FIRST}.status", "'actve'"]),
        (lambda s: _first(s).update(termDuration="1 year"), [f"{FIRST}.termDuration"]),
        (lambda s: _first(s).update(effectiveStartDate="soon"), [f"{FIRST}.effectiveStartDate", "'soon'"]),
        (lambda s: _first(s).update(end_date_delay="3"), [f"{FIRST}.end_date_delay", "end_date_delay_s"]),
        (lambda s: _first(s).update(parentSubscriptionId="x"), [f"{FIRST}.parentSubscriptionId", "no subscription x"]),
        (lambda s: _first(s).update(usage={"cost": 1}), [f"{FIRST}.usage.cost", "totalCost"]),
        (lambda s: s.update(switches={"lost_relation": 410}), ["switches.lost_relation", "Valid: 403, 404"]),
        (lambda s: s.update(limits={"per_minuet": 3}), ["limits.per_minuet", "per_minute"]),
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
    change(seed)
    said = _refused(capsys, tmp_path, seed)
    assert all(text in said for text in texts), said


def _first(seed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = seed["customers"][0]["subscriptions"][0]
    return found


@pytest.mark.parametrize("document", ["[1, 2]", "customers: {", "customers: 5", "", "customers: [7]"])
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
    file.write_text("custmers: []", encoding="utf-8")
    command = [sys.executable, "-m", "partner_center_sandbox", "--seed", str(file), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: custmers: unknown key. Nearest valid key: customers\n"


def test_the_interface_seed(start: Callable[..., Any], tmp_path: Path) -> None:
    """A seed with the keys that every seed may have starts, written as YAML; as JSON it is the same."""
    row = {"id": "s1", "offerId": "A:B:C", "offerName": "A", "quantity": 2, "status": "active", "termDuration": "P1M",
           "billingCycle": "monthly", "effectiveStartDate": "2026-03-01", "commitmentEndDate": "2026-03-31",
           "end_date_delay_s": 0}  # fmt: skip
    customer = {"id": "c1", "companyName": "One", "domain": "one.example", "subscriptions": [row]}
    seed = {"tenant": "t", "client_id": "i", "client_secret": "s", "page_size": 20, "customers": [customer]}
    (tmp_path / "seed.json").write_text(json.dumps(seed), encoding="utf-8")
    assert load_seed(tmp_path / "seed.json") == seed_from(seed)
    process = start(seed)
    found = httpx2.get(f"{process.url}/_sandbox/subscriptions").json()
    assert [(one["id"], one["commitmentEndDate"]) for one in found] == [("s1", "2026-03-31T00:00:00Z")]

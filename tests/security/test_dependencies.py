"""What is installed is what was locked, by its hash and from anywhere; `make audit` asks for advisories."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.architecture.product import ROOT

LOCKS = ("requirements.lock", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("deploy/*.lock")))
AUDIT = ROOT / ".ci" / "audit.py"


def entries(lock: str) -> list[str]:
    """Each requirement with its hashes, as one line."""
    lines = [line for line in (ROOT / lock).read_text().splitlines() if line.strip() and not line.startswith("#")]
    return "\n".join(lines).replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("lock", LOCKS)
def test_each_locked_package_has_one_version_and_its_hashes(lock: str) -> None:
    """A package that was changed at its registry does not install."""
    requirements = entries(lock)
    assert requirements
    for requirement in requirements:
        assert re.match(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==[^\s;*]+ ", requirement), requirement
        assert re.search(r"--hash=sha256:[0-9a-f]{64}( |$)", requirement), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host(lock: str) -> None:
    """Where packages come from is each machine's own affair: no index, no link, no address."""
    text = (ROOT / lock).read_text()
    assert re.findall(r"--(?:index|extra-index|find-links|trusted)\S*|\w+://\S+| @ \S+", text) == []


def test_an_installation_takes_nothing_without_its_hash() -> None:
    """The set-up of a clone and of the image both ask pip for it."""
    for place in (".ci/setup.py", "Dockerfile"):
        assert "--require-hashes" in (ROOT / place).read_text(), place


# -- make audit ---------------------------------------------------------------------------------------------------


@contextmanager
def service(answer: Any, seen: list[Any]) -> Iterator[str]:
    """An advisory service on this machine: ``answer`` makes its JSON from the questions."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            seen.append((self.path, asked))
            body = json.dumps(answer(asked["queries"])).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def audit(address: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, AUDIT, address], capture_output=True, text=True, check=False)


def test_audit_asks_for_every_locked_package() -> None:
    """Each once, by name and version; where nothing is known it ends with 0."""
    seen: list[Any] = []
    with service(lambda queries: {"results": [{} for _ in queries]}, seen) as address:
        done = audit(address)
    ((path, asked),) = seen
    assert path == "/v1/querybatch"
    wanted = {(re.split(r"[=\[]", line)[0], line.split("==")[1].split()[0]) for lock in LOCKS for line in entries(lock)}
    assert {(one["package"]["name"], one["version"]) for one in asked["queries"]} == wanted
    assert (done.returncode, done.stdout) == (0, f"{len(wanted)} locked packages, none with a known advisory\n")


def test_audit_names_what_has_an_advisory() -> None:
    """Exit 1, with package, version, the advisory and what to do."""

    def answer(queries: list[Any]) -> Any:
        return {
            "results": [{"vulns": [{"id": "GHSA-1"}]} if q["package"]["name"] == "pymongo" else {} for q in queries]
        }

    with service(answer, []) as address:
        done = audit(address)
    assert done.returncode == 1
    assert re.search(
        r"^pymongo [\d.]+: GHSA-1\. Read https://osv\.dev/GHSA-1, raise it by `make lock`$", done.stdout, re.M
    )


@pytest.mark.parametrize("answer", [{"results": []}, {"message": "no"}], ids=["too few answers", "no answer"])
def test_audit_without_an_answer_says_that_nothing_was_checked(answer: Any) -> None:
    """One line and exit 4: silence is no all-clear."""
    with service(lambda _queries: answer, []) as address:
        done = audit(address)
    assert done.returncode == 4
    assert done.stderr.startswith(f"error: {address}: ")
    assert "Nothing was checked" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_audit_where_the_service_is_out_of_reach() -> None:
    """The same where nobody listens at all."""
    done = audit("http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (4, "")
    assert re.fullmatch(r"error: http://127\.0\.0\.1:1: .*refused.*\. Nothing was checked: .+\n", done.stderr)

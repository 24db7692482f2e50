"""``up`` on the real embedded stack: what dies comes back, what is killed leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

PROGRAM = str(Path(sys.executable).with_name("seatledger"))
SERVICES = ["collector", "mapper", "contract-planner", "psa-writer"]
KAFKA = {name: os.environ[name] for name in ("SEATLEDGER_KAFKA",) if name in os.environ}
"""Set by `make test-kafka`: the broker that ``up`` starts is Apache Kafka."""
BACK_SECONDS = 60.0 if KAFKA else 5.0
"""The promise of 5 s is for the embedded broker; Apache Kafka alone takes some 3 s to start."""
GONE_SECONDS = 10.0


@dataclass
class Folder:
    """An installation's folder with a configuration, and the ``up`` that runs on it."""

    path: Path
    env: dict[str, str]
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        with (self.path / "up.log").open("ab") as log:
            command = [PROGRAM, "up", *words, "--config", str(self.path / "seatledger.yaml")]
            up = subprocess.Popen(command, stdout=log, stderr=log, env=self.env, start_new_session=True)
        self.started.append(up)
        return up

    def cli(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [PROGRAM, *words, "--config", str(self.path / "seatledger.yaml"), "--json"]
        return subprocess.run(command, capture_output=True, text=True, env=self.env, timeout=120, check=False)

    def run_file(self) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads((self.path / "st" / "run.json").read_text())
        except FileNotFoundError:
            return {"ready": False, "services": {}, "stack": {}}
        return document

    def ready(self) -> bool:
        return bool(self.run_file()["ready"])

    @property
    def log(self) -> str:
        return (self.path / "up.log").read_text()

    def configure(self, **changes: Any) -> None:
        main = {
            "kind": "autotask", "url": "http://127.0.0.1:9", "username": "u", "secret": "${env:CLI_SECRET}",
            "integration_code": "${env:CLI_SECRET}", "timezone": "UTC", "currency": "EUR", "mirror_seconds": 3600,
        }  # fmt: skip
        drop = {"kind": "file-drop", "psa": "main", "rank": 1, "folder": "north", "poll_seconds": 3600}
        whole = {"psa": {"main": main}, "sources": {"north": drop}, **changes}
        (self.path / "seatledger.yaml").write_text(json.dumps(whole))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """A configured folder; whatever still runs on it at the end is killed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEATLEDGER_")}
    made = Folder(tmp_path, {**kept, **KAFKA, "CLI_SECRET": "s"})
    (tmp_path / "north").mkdir()
    made.configure()
    yield made
    for process in ours(tmp_path):
        process.kill()
    for up in made.started:
        up.wait()


def ours(path: Path) -> list[psutil.Process]:
    """Processes whose command line or working folder names this test's folder: nothing else does."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(path) in word for word in process.cmdline()) or process.cwd().startswith(str(path)):
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(condition: Callable[[], bool], seconds: float, what: Callable[[], str]) -> float:
    """Wait for a condition with a deadline; how long it took, in seconds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, what()
        time.sleep(0.05)  # polling another process's state; the deadline above bounds it
    return time.monotonic() - began


def test_the_life_of_an_up(folder: Folder) -> None:
    """A killed service, broker or store is back within 5 s under the same name; a second `up` is refused; commands
    work; SIGTERM ends everything and takes run.json away."""
    up = folder.start("--replicas", "mapper=2")
    until(folder.ready, 90, lambda: folder.log)
    before = folder.run_file()
    assert list(before["services"]) == ["collector", "mapper", "mapper-2", "contract-planner", "psa-writer"]
    assert before["pid"] == up.pid

    victims = [("services", "mapper-2"), ("stack", "broker"), ("stack", "store")]
    for part, name in victims:
        os.kill(before[part][name]["pid"], signal.SIGKILL)
    for part, name in victims:

        def back(part: str = part, name: str = name) -> bool:
            now = folder.run_file()[part][name]
            return now["pid"] not in {None, before[part][name]["pid"]} and now["restarts"] == 1

        until(back, BACK_SECONDS, lambda: folder.log)
    until(folder.ready, 30, lambda: folder.log)

    second = folder.cli("up")
    assert second.returncode == 2
    assert str(up.pid) in json.loads(second.stdout)["error"]["message"]

    assert folder.cli("topics", "apply").returncode == 0
    resync = folder.cli("resync", "collector")
    assert resync.returncode == 0, resync.stderr
    assert set(json.loads(resync.stdout)) == {"events"}
    tailed = [json.loads(line) for line in folder.cli("tail", "commands.v1").stdout.splitlines()]
    assert {row["event"]["type"] for row in tailed} == {"CommandIssued", "CommandAnswered"}
    assert set(tailed[0]) == {"topic", "partition", "offset", "key", "at", "event"}
    key = next(row["key"] for row in tailed if row["event"]["type"] == "CommandIssued")
    assert key == "collector/"
    status = folder.cli("status")
    assert all(service["up"] for service in json.loads(status.stdout)["services"]), status.stdout

    up.terminate()
    assert up.wait(GONE_SECONDS) == 0
    until(lambda: not ours(folder.path), 1, lambda: str(ours(folder.path)))
    assert not (folder.path / "st" / "run.json").exists()


def test_a_killed_up_leaves_nothing_and_a_new_one_starts(folder: Folder) -> None:
    """kill -9 of `up` takes every child along within 10 s, and nothing on disk hinders the next `up`."""
    up = folder.start("--only", "collector,mapper")
    until(folder.ready, 90, lambda: folder.log)
    assert list(folder.run_file()["services"]) == ["collector", "mapper"]
    up.kill()
    up.wait()
    until(lambda: not ours(folder.path), GONE_SECONDS, lambda: str(ours(folder.path)))
    assert folder.cli("findings").returncode == 4

    again = folder.start("--only", "mapper")
    until(lambda: folder.ready() and folder.run_file()["pid"] == again.pid, 90, lambda: folder.log)
    again.send_signal(signal.SIGINT)
    assert again.wait(GONE_SECONDS) == 0


def test_a_service_in_the_foreground_beside_up(folder: Folder) -> None:
    """`run` finds broker and store of a running `up`, is its service's own process, and ends with SIGTERM at 0."""
    up = folder.start("--only", "mapper")
    until(folder.ready, 90, lambda: folder.log)
    command = [PROGRAM, "run", "collector", "--config", str(folder.path / "seatledger.yaml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=folder.env) as beside:
        assert beside.stdout is not None
        said = json.loads(beside.stdout.readline())
        assert said["ready"] is True
        assert said["pid"] == beside.pid
        beside.terminate()
        assert beside.wait(GONE_SECONDS) == 0
    up.terminate()
    assert up.wait(GONE_SECONDS) == 0


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (("--only", "maper"), "'maper'"),
        (("--replicas", "mapper=none"), "mapper=none"),
        (("--replicas", "collector=2"), "services.collector.http"),
    ],
    ids=["service", "number", "fixed port"],
)
def test_what_cannot_be_run_is_exit_2(folder: Folder, words: tuple[str, ...], where: str) -> None:
    """A service that is none, a number that is none, and replicas that would share a port end `up` before it starts."""
    folder.configure(services={"collector": {"http": "127.0.0.1:18181"}})
    done = folder.cli("up", *words)
    assert done.returncode == 2
    assert where in json.loads(done.stdout)["error"]["where"]
    assert not (folder.path / "st").exists()

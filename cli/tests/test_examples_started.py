"""The examples in the help of commands that run on: each is started as it stands there, until it is ready."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cli.tests.help_examples import examples

PROGRAM = str(Path(sys.executable).with_name("seatledger"))
READY_SECONDS = 120.0
GONE_SECONDS = 30.0
AUTOTASK = {"users": [{"username": "u", "secret": "s", "integrationCode": "c"}]}
PARTNER_CENTER = {"tenant": "partner.example", "client_id": "c", "client_secret": "s"}
FILES = {
    "seatledger.yaml": {
        "psa": {
            "main": {
                "kind": "autotask", "url": "http://127.0.0.1:9", "username": "u", "secret": "${env:CLI_SECRET}",
                "integration_code": "${env:CLI_SECRET}", "timezone": "UTC", "currency": "EUR", "mirror_seconds": 3600,
            }
        }
    },
    "at.yaml": AUTOTASK,
    "autotask.yaml": AUTOTASK,
    "partner-center.yaml": PARTNER_CENTER,
}  # fmt: skip
"""What the examples name. JSON is YAML too."""


UP, RUN, SANDBOX = (examples(command.__eq__) for command in ("up", "run", "sandbox"))


@dataclass
class Folder:
    """A folder with all that the examples name, and what runs in it."""

    path: Path
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self, words: list[str]) -> tuple["subprocess.Popen[bytes]", Path]:
        """The process, and the file with what it says on stdout; what it says else stands beside that."""
        said = self.path / f"{len(self.running)}.out"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SEATLEDGER_")}
        kafka = {name: os.environ[name] for name in ("SEATLEDGER_KAFKA",) if name in os.environ}
        with said.open("wb") as out, said.with_suffix(".err").open("wb") as errors:
            env = {**kept, **kafka, "CLI_SECRET": "s"}
            process = subprocess.Popen([PROGRAM, *words], cwd=self.path, stdout=out, stderr=errors, env=env)
        self.running.append(process)
        return process, said

    def ends(self, process: "subprocess.Popen[bytes]") -> int:
        process.terminate()
        return process.wait(GONE_SECONDS)

    def run_file(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.path / "st" / "run.json").read_text())
        except FileNotFoundError:
            return {}
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """Shared by all examples; nothing runs on after them."""
    path = tmp_path_factory.mktemp("examples")
    for name, content in FILES.items():
        (path / name).write_text(json.dumps(content))
    made = Folder(path)
    yield made
    for process in made.running:
        with suppress(subprocess.TimeoutExpired):
            made.ends(process)
        process.kill()  # its children end with an `up`, however that ends
        process.wait()


@pytest.fixture(scope="module")
def up(folder: Folder) -> "subprocess.Popen[bytes]":
    """The example of ``up``, until it is ready: the others find broker and store by it."""
    (example,) = UP
    process, said = folder.start(shlex.split(example))
    ready(process, said, lambda: bool(folder.run_file().get("ready")))
    return process


def ready(process: "subprocess.Popen[bytes]", said: Path, condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline; not for a process that ended."""
    end = time.monotonic() + READY_SECONDS
    while not condition():
        errors = said.with_suffix(".err").read_text()
        assert process.poll() is None, errors
        assert time.monotonic() < end, errors
        time.sleep(0.05)  # polling another process's state; the deadline above bounds it


def first_line(process: "subprocess.Popen[bytes]", said: Path) -> dict[str, Any]:
    """What a service and a sandbox say once they are up."""
    ready(process, said, lambda: "\n" in said.read_text())
    found: dict[str, Any] = json.loads(said.read_text().splitlines()[0])
    return found


@pytest.mark.broker
def test_the_example_of_up_gets_ready(folder: Folder, up: "subprocess.Popen[bytes]") -> None:
    """The services that it names run, each as often as it says."""
    assert folder.run_file()["pid"] == up.pid
    assert list(folder.run_file()["services"]) == ["collector", "mapper", "mapper-2"]


@pytest.mark.broker
@pytest.mark.parametrize("example", RUN)
def test_an_example_of_run_gets_ready(folder: Folder, up: "subprocess.Popen[bytes]", example: str) -> None:
    """Beside an ``up`` without that service; it is the service's own process, and ends well when it is told to."""
    assert up.poll() is None
    process, said = folder.start(shlex.split(example))
    line = first_line(process, said)
    assert (line["ready"], line["pid"]) == (True, process.pid)
    assert folder.ends(process) == 0


@pytest.mark.parametrize("example", SANDBOX)
def test_an_example_of_a_sandbox_gets_healthy(folder: Folder, example: str) -> None:
    """But for the port, which may be taken here: any free one. Its first line names it."""
    words = shlex.split(example)
    words[words.index("--port") + 1] = "0"
    process, said = folder.start(words)
    health = httpx2.get(f"{first_line(process, said)['url']}/_sandbox/health", timeout=READY_SECONDS)
    assert health.status_code == 200
    folder.ends(process)


def test_each_of_these_commands_has_an_example() -> None:
    """What is looked for above is found: ``up``, ``run``, two sandboxes and their group."""
    assert [len(found) for found in (UP, RUN, SANDBOX)] == [1, 1, 3]

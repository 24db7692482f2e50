"""The demo's hands: the sandbox's control API, the ``seatledger`` command, processes."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import date
from pathlib import Path
from typing import Any

from scenarios.files import CODE, SECRET

PROGRAM = Path(sys.executable).parent / "seatledger"


class DemoError(Exception):
    """The demo cannot go on; the text says why, for a newcomer."""


class Watchdog:
    """Ends the demo's children when the demo dies, however it dies: its end of a pipe closes then."""

    CODE = (
        "import os,signal,sys\n"
        "pids=[]\n"
        "for line in sys.stdin:\n"
        "    if line=='done\\n': sys.exit()\n"
        "    pid=int(line)\n"
        "    pids.append(pid) if pid>0 else pids.remove(-pid)\n"
        "for pid in pids:\n"
        "    try: os.kill(pid, signal.SIGTERM)\n"
        "    except ProcessLookupError: pass\n"
    )

    def __init__(self) -> None:
        command = [sys.executable, "-c", self.CODE]
        self.lock = threading.Lock()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)

    def tell(self, line: str) -> None:
        stdin = self.process.stdin
        with self.lock:
            if stdin is not None and not stdin.closed and self.process.poll() is None:
                stdin.write(f"{line}\n")
                stdin.flush()

    def watch(self, process: "subprocess.Popen[Any]") -> None:
        self.tell(str(process.pid))

    def forget(self, process: "subprocess.Popen[Any]") -> None:
        """It has ended: its id may become another's."""
        self.tell(str(-process.pid))

    def stop(self) -> None:
        self.tell("done")
        self.process.communicate(timeout=10)  # closes our end of the pipe too


class Sandbox:
    """A sandbox (``autotask`` or ``partner-center``) as a child process, and its control API."""

    def __init__(self, folder: Path, watchdog: Watchdog, kind: str = "autotask") -> None:
        self.kind, self.log, self.url = kind, folder / f"{kind}.log", ""
        command = [str(PROGRAM), "sandbox", kind, "--seed", str(folder / f"{kind}.json"), "--port", "0"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--clock", str(folder / "clock")], stdout=log, stderr=log, start_new_session=True
            )
        watchdog.watch(self.process)
        wait_for(self.healthy, 60, f"the {kind} sandbox did not start; see {folder.name}/{kind}.log")

    def healthy(self) -> bool:
        if self.process.poll() is not None:
            raise DemoError(f"the {self.kind} sandbox ended at its start: {self.log.read_text()[-1500:]}")
        if not self.url:
            first, complete, _ = self.log.read_text().partition("\n")
            if not complete:
                return False
            self.url = json.loads(first)["url"]
        try:
            return bool(self.get("/_sandbox/health") is not None)
        except (urllib.error.URLError, ConnectionError, json.JSONDecodeError):
            return False

    def get(self, path: str) -> Any:
        return self._call(urllib.request.Request(self.url + path))  # noqa: S310  # loopback

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self.send("POST", path, body)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        return self._call(urllib.request.Request(self.url + path, data, headers, method=method))  # noqa: S310  # loopback

    def edit(self, line: int, day: date, units: int) -> None:
        """A person changes a line in Autotask's own screens."""
        body = {"contractServiceID": line, "effectiveDate": day.isoformat(), "unitChange": units, "user": "Pat Byhand"}
        self.post("/_sandbox/edit", body)

    @staticmethod
    def _call(request: urllib.request.Request) -> Any:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # loopback
            text = answer.read().decode()
            return json.loads(text) if text.strip() else {}


class Cli:
    """The ``seatledger`` command, always with ``--json``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "DEMO_SECRET": SECRET, "DEMO_CODE": CODE}
        self.configuration = str(folder / "seatledger.yaml")
        self.watchdog: Watchdog | None = None

    def run(self, *words: str, accept: tuple[int, ...] = (0,)) -> Any:
        """The command's JSON; an exit code that is not accepted ends the demo with the command's own words."""
        command = [str(PROGRAM), *words, "--config", self.configuration, "--json"]
        code, out, complaint = self._carry_out(command)
        if code not in accept:
            raise DemoError(f"`seatledger {' '.join(words)}` ended with {code}: {complaint.strip()[-1500:]}")
        return json.loads(out)

    def _carry_out(self, command: list[str]) -> tuple[int, str, str]:
        """Exit code, stdout, stderr; the command ends with the demo, however that ends."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=self.environment)
        watchdog = self.watchdog
        if watchdog is not None:
            watchdog.watch(process)
        try:
            out, complaint = process.communicate(timeout=180)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        finally:
            if watchdog is not None:
                watchdog.forget(process)
        return process.returncode, out, complaint

    def lines(self, *words: str) -> list[str]:
        """The lines of a command that answers with JSON Lines."""
        command = [str(PROGRAM), *words, "--config", self.configuration, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=self.environment, timeout=180)
        return done.stdout.splitlines()

    def start_up(self, watchdog: Watchdog) -> "subprocess.Popen[bytes]":
        with (self.folder / "up.log").open("wb") as log:
            process = subprocess.Popen(
                [PROGRAM, "up", "--config", self.configuration],
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )
        watchdog.watch(process)
        self.watchdog = watchdog
        return process

    def wait_ready(self, up: "subprocess.Popen[bytes]") -> None:
        run_file = self.folder / "st" / "run.json"

        def ready() -> bool:
            if up.poll() is not None:
                raise DemoError(f"`seatledger up` ended at its start: {(self.folder / 'up.log').read_text()[-1500:]}")
            return run_file.is_file() and bool(json.loads(run_file.read_text())["ready"])

        wait_for(ready, 90, f"the services did not get ready; see {self.folder.name}/up.log and st/logs beside it")


def end_with_make() -> None:
    """Under ``make``: end as on SIGTERM when make is gone, also where it was killed and could tell nobody."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    if "MAKELEVEL" in os.environ:
        threading.Thread(target=watch, daemon=True).start()


def wait_for(condition: Any, seconds: float, complaint: str) -> None:
    """Poll until true; DemoError with the complaint when the time is over."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise DemoError(complaint)
        time.sleep(0.05)


def reap(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def free_port() -> int:
    """One below those that outgoing connections and the embedded stack take, and drawn at random.

    The port is not held: its user binds it a moment later, and the next in line would be offered to others too.
    """
    for port in random.SystemRandom().sample(range(10_000, 20_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise DemoError("no free port on 127.0.0.1 between 10000 and 20000; stop what holds them")

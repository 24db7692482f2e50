"""One child process: readiness, polite and impolite ends, and never a survivor."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from seatledger.devstack import Child, ChildFailed, ChildSpec, DevstackEvent, EventKind, describe_status

Until = Callable[[Callable[[], bool], float], Awaitable[None]]

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.pause()",
]

PARENT = """
import asyncio, sys, threading
from pathlib import Path
from seatledger.devstack import Child, ChildSpec, Devstack

async def main():
    folder = Path(sys.argv[1])
    if sys.argv[2] == "stack":
        stack = Devstack(folder)
        await stack.start()
        print(*stack.pids().values(), flush=True)
    else:
        child = Child(ChildSpec("child", [sys.executable, "-c", "import time; time.sleep(600)"], folder / "log"))
        await child.start()
        print(child.pid, flush=True)
    await asyncio.sleep(600)

if sys.argv[2] == "thread":
    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join()
else:
    asyncio.run(main())
"""


def spec(tmp_path: Path, argv: list[str], **more: object) -> ChildSpec:
    """A child that logs into the test's folder."""
    return ChildSpec("it", argv, tmp_path / "logs" / "it.log", **more)  # type: ignore[arg-type]  # passed on as given


def gone(pid: int) -> bool:
    """Whether the process has ended; a zombie has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("kind", ["stack", "child", "thread"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_no_child_outlives_its_parent(kind: str, how: signal.Signals, tmp_path: Path, until: Until) -> None:
    """Whatever kills the parent, its children are gone in 10 s: by the kernel or, off the main thread, a watchdog."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), kind, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
    assert pids
    assert not any(gone(pid) for pid in pids)
    parent.send_signal(how)
    await parent.communicate()

    await until(lambda: all(gone(pid) for pid in pids), 10)


async def test_grandchildren_go_with_a_stopped_child(tmp_path: Path, until: Until) -> None:
    """Stopping a child kills its process group, so that what it forked does not stay."""
    forks = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"
    child = Child(spec(tmp_path, [sys.executable, "-c", forks]))
    await child.start()
    await until(lambda: child.spec.log.read_text().strip().isdigit(), 10)
    grandchild = int(child.spec.log.read_text())
    await child.stop()

    await until(lambda: gone(grandchild), 10)


async def test_term_comes_before_kill(tmp_path: Path, until: Until) -> None:
    """A child that heeds SIGTERM ends by it; one that does not is killed after its time."""
    polite, deaf = Child(spec(tmp_path, SLEEPER)), Child(spec(tmp_path, STUBBORN, stop_within=0.3))
    await polite.start()
    await polite.stop()
    assert await polite.wait() == -signal.SIGTERM

    await deaf.start()
    await until(lambda: "deaf" in deaf.spec.log.read_text(), 10)
    await deaf.stop()
    assert await deaf.wait() == -signal.SIGKILL
    assert deaf.pid is None


async def test_keep_brings_it_back_until_stopped(tmp_path: Path, until: Until) -> None:
    """A kept child comes back after each death with a new pid, and stays away after stop."""
    events: list[DevstackEvent] = []
    child = Child(spec(tmp_path, SLEEPER), on_event=events.append)
    await child.start()
    keeper = asyncio.create_task(child.keep())
    for wanted in (1, 2):
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda wanted=wanted: child.restarts == wanted and child.alive, 5)  # type: ignore[misc]
    await child.stop()
    await asyncio.wait_for(keeper, 5)

    assert not child.alive
    kinds = [event.kind for event in events]
    assert kinds.count(EventKind.DIED) == 2
    assert kinds.count(EventKind.RESTARTED) == 2
    assert kinds[-1] is EventKind.STOPPED


async def test_stop_ends_a_restart_that_gets_nowhere(tmp_path: Path, until: Until) -> None:
    """Stop returns soon even while a child that never answers is being brought back, and nothing is left."""
    answers = [True]

    async def ready() -> bool:
        return answers[0]

    child = Child(spec(tmp_path, SLEEPER, ready=ready))
    await child.start()
    keeper = asyncio.create_task(child.keep())
    answers[0] = False
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.pid not in (None, first), 5)
    async with asyncio.timeout(3):
        await child.stop()
        await keeper

    assert not child.alive


async def test_child_that_ends_while_starting_tells_its_last_words(tmp_path: Path) -> None:
    """The error of a failed start carries the end of the log and where the rest is."""

    async def never() -> bool:
        return False

    words = [sys.executable, "-c", "print('bad luck'); raise SystemExit(4)"]
    with pytest.raises(ChildFailed, match=r"it ended while starting: bad luck \(log: .*it\.log\)"):
        await Child(spec(tmp_path, words, ready=never)).start()


async def test_child_that_never_answers_is_not_left_running(tmp_path: Path) -> None:
    """A start that runs out of time kills what it started."""

    async def never() -> bool:
        raise ConnectionRefusedError

    child = Child(spec(tmp_path, SLEEPER, ready=never, ready_within=0.2))
    with pytest.raises(ChildFailed, match=r"did not answer within 0\.2 s"):
        await child.start()

    assert not child.alive


async def test_program_that_does_not_exist(tmp_path: Path) -> None:
    """A missing program is named in the child's log and ends with 127, as in a shell."""
    child = Child(spec(tmp_path, ["/no/such/program"]))
    await child.start()

    assert await child.wait() == 127
    assert "cannot run /no/such/program: No such file or directory" in child.log_tail()


async def test_large_log_is_moved_aside(tmp_path: Path) -> None:
    """A log beyond its bound is kept once and begun anew."""
    log = tmp_path / "logs" / "it.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * 10_000_001)
    child = Child(spec(tmp_path, [sys.executable, "-c", "print('new')"]))
    await child.start()
    await child.wait()

    assert log.read_text() == "new\n"
    assert log.with_name("it.log.1").stat().st_size == 10_000_001


@pytest.mark.parametrize(
    ("status", "words"), [(0, "exit 0"), (3, "exit 3"), (-9, "killed by SIGKILL"), (-200, "killed by signal 200")]
)
def test_exit_status_in_words(status: int, words: str) -> None:
    """People read SIGKILL, not -9."""
    assert describe_status(status) == words

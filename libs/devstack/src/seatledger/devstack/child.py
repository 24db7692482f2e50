"""One child process: started on a leash, waited for until it answers, brought back when it dies, stopped politely."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from seatledger.devstack import leash
from seatledger.devstack.errors import ChildFailed
from seatledger.devstack.events import DevstackEvent, EventKind, Listener, ignore

_POLL_SECONDS = 0.02
_BACKOFF_SECONDS = (0.0, 0.2, 0.5, 1.0)
"""Pauses before the attempts to bring a child back; the last one repeats. Far below the 5 s that are promised."""
_LOG_BYTES = 10_000_000
"""A log larger than this is moved to ``NAME.log.1`` when its child starts: embedded stacks may run for weeks."""
_TAIL_BYTES = 1_500
_BASE_ENV = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True)
class ChildSpec:
    """What to run and how to know that it runs.

    ``env`` is the whole environment (None: the parent's). ``ready`` is asked again and again until it says True; it
    must answer within seconds and may raise OSError for "not yet". Times are seconds; ``stop_within=0`` means SIGKILL
    at once.
    """

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    ready: Callable[[], Awaitable[bool]] | None = None
    ready_within: float = 30.0
    stop_within: float = 10.0


class Child:
    """A supervised process. It is killed when the parent dies, whatever kills the parent (see ``leash``).

    One event loop only. ``restarts`` counts the times it was brought back, ``pid`` is None while it does not run.
    """

    def __init__(self, spec: ChildSpec, *, on_event: Listener = ignore) -> None:
        self.spec = spec
        self.restarts = 0
        self._on_event = on_event
        self._process: asyncio.subprocess.Process | None = None
        self._leash: int | None = None  # write end of the watchdog's pipe
        self._stopping = False
        self._changing = asyncio.Lock()  # one start or stop at a time

    @property
    def pid(self) -> int | None:
        """The program's own process id, None while it does not run."""
        return self._process.pid if self.alive and self._process is not None else None

    @property
    def alive(self) -> bool:
        """Whether the process exists (it may not answer yet)."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process and wait until it answers.

        Raises ChildFailed, with the last lines of its log, when it ends first or does not answer in time; nothing of it
        is left running then.
        """
        self._stopping = False
        await self._attempt()

    async def wait(self) -> int:
        """Wait for the process to end; its exit status, negative for a signal. Raises ChildFailed before ``start``."""
        if self._process is None:
            raise ChildFailed(f"{self.spec.name} was never started")
        status = await self._process.wait()
        self._let_go()
        return status

    async def restart(self) -> None:
        """Bring a dead child back: attempt after attempt until it answers or somebody calls ``stop``."""
        attempt = 0
        while not self._stopping:
            await asyncio.sleep(_BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)])
            attempt += 1
            try:
                await self._attempt()
            except (ChildFailed, OSError) as error:  # OSError: no process or log file can be made at the moment
                if not self._stopping:
                    self.tell(EventKind.FAILED, str(error))
                continue
            self.restarts += 1
            self.tell(EventKind.RESTARTED)
            return

    async def keep(self) -> None:
        """Supervise: bring it back whenever it dies. Runs until cancelled, or until ``stop``."""
        while await self.died():
            await self.restart()

    async def died(self) -> bool:
        """Wait until it ends; True if nobody asked for it."""
        status = await self.wait()
        if self._stopping:
            return False
        self.tell(EventKind.DIED, f"{describe_status(status)}; {self.log_tail()}".rstrip("; "))
        return True

    async def stop(self) -> None:
        """SIGTERM, wait ``stop_within`` seconds, then SIGKILL for the whole process group. Safe to call twice."""
        self._stopping = True  # before the lock: it ends a start that is under way
        async with self._changing:
            if self._process is None or not self.alive:
                return
            await self._terminate(self._process)
            self.tell(EventKind.STOPPED)

    def kill(self) -> None:
        """SIGKILL, as if somebody else had done it: who keeps the child brings it back."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def log_tail(self) -> str:
        """The last lines of the log on one line, for an error message; empty when there is none."""
        try:
            text = self.spec.log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
        except OSError:
            return ""
        return " | ".join(line.strip() for line in text.splitlines()[-6:] if line.strip())

    async def _attempt(self) -> None:
        async with self._changing:
            try:
                self._refuse_if_stopping()
                await self._spawn()
                await self._until_ready()
            except BaseException:
                await self._kill()
                raise
        self.tell(EventKind.READY)

    def _refuse_if_stopping(self) -> None:
        if self._stopping:
            raise ChildFailed(f"{self.spec.name} was stopped while it started")

    async def _terminate(self, process: asyncio.subprocess.Process) -> None:
        if self.spec.stop_within > 0:
            with suppress(ProcessLookupError):
                process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.spec.stop_within):
                    await process.wait()
        await self._kill()

    async def _spawn(self) -> None:
        pipe = _pipe_if_needed()
        try:
            with _open_log(self.spec.log) as log:
                self._process = await asyncio.create_subprocess_exec(
                    *_leashed(self.spec.argv, pipe),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=dict(self.spec.env) if self.spec.env is not None else None,
                    cwd=self.spec.cwd,
                    start_new_session=True,  # Ctrl-C goes to us alone: we stop the children in their order
                    pass_fds=(pipe[0],) if pipe else (),
                )
        except BaseException:
            if pipe:
                os.close(pipe[1])
            raise
        finally:
            if pipe:
                os.close(pipe[0])
        self._leash = pipe[1] if pipe else None
        self.tell(EventKind.STARTED)

    async def _until_ready(self) -> None:
        try:
            async with asyncio.timeout(self.spec.ready_within):
                while not await self._answers():
                    self._refuse_if_stopping()
                    if not self.alive:
                        raise ChildFailed(self._why("ended while starting"))
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise ChildFailed(self._why(f"did not answer within {self.spec.ready_within:g} s")) from None
        if not self.alive:  # somebody else answered on its address
            raise ChildFailed(self._why("ended while starting"))

    async def _answers(self) -> bool:
        if self.spec.ready is None:
            return True
        try:
            return await self.spec.ready()
        except OSError:
            return False

    def _why(self, what: str) -> str:
        tail = self.log_tail()
        return f"{self.spec.name} {what}: {tail or 'it wrote nothing'} (log: {self.spec.log})"

    async def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)  # the group: what it may have forked goes too
            await self._process.wait()
        self._let_go()

    def _let_go(self) -> None:
        if self._leash is not None:
            os.close(self._leash)
            self._leash = None

    def tell(self, kind: EventKind, detail: str = "") -> None:
        """Pass an event about this child to its listener."""
        pid = self._process.pid if self._process is not None else None
        self._on_event(DevstackEvent(kind, self.spec.name, pid, detail))


def describe_status(status: int) -> str:
    """An exit status in words: ``exit 1`` or ``killed by SIGKILL``."""
    if status >= 0:
        return f"exit {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def base_env() -> dict[str, str]:
    """The few variables without which a program may not start at all; none that changes what it does."""
    return {name: os.environ[name] for name in _BASE_ENV if name in os.environ}


def _pipe_if_needed() -> tuple[int, int] | None:
    """None where the kernel does the watching; else a new pipe.

    PR_SET_PDEATHSIG fires when the forking *thread* ends, so it is only right on a thread that lives as long as the
    process.
    """
    if sys.platform == "linux" and threading.current_thread() is threading.main_thread():
        return None
    return os.pipe()


def _leashed(argv: Sequence[str], pipe: tuple[int, int] | None) -> list[str]:
    watch = str(pipe[0]) if pipe else "-"
    return [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), watch, *argv]


def _open_log(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return path.open("ab")

"""One service process under ``up``: started, known ready by its own word, brought back when it dies."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatledger.cli.up.plan import Member
from seatledger.devstack import Child, ChildFailed, ChildSpec, DevstackEvent, EventKind

READY_WITHIN_SECONDS = 60.0
STOP_WITHIN_SECONDS = 5.0
STEADY_SECONDS = 10.0
"""A process that lived so long died by accident; one that did not is in a crash loop."""
PAUSES = (0.0, 0.2, 0.5, 1.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Before the attempts of one crash loop; the last one repeats. A first death is made good at once."""

_USAGE_STATUS = 2


@dataclass(frozen=True)
class Start:
    """How to start services: one configuration file, the addresses in the environment, logs in a folder."""

    config: Path
    env: Mapping[str, str]
    logs: Path


class UnusableError(Exception):
    """The service says that it cannot work with this configuration: trying again would not help."""


class ServiceProcess:
    """A service process. ``on_change`` is called at every start, every ready and every death; it must not raise."""

    def __init__(self, member: Member, start: Start, on_change: Callable[[], None], say: Callable[[str], None]) -> None:
        self.member = member
        self.http: str | None = None
        self._starts = 0
        self._log = start.logs / f"{member.name}.log"
        self._on_change = on_change
        self._say = say
        self._offset = 0
        self._quick_deaths = 0
        self._ready_since: float | None = None
        argv = [sys.executable, "-m", member.module, "--config", str(start.config), "--replica", member.name]
        spec = ChildSpec(
            member.name,
            argv,
            self._log,
            env=start.env,
            ready=self._is_ready,
            ready_within=READY_WITHIN_SECONDS,
            stop_within=STOP_WITHIN_SECONDS,
        )
        self._child = Child(spec, on_event=self._on_event)

    @property
    def ready(self) -> bool:
        return self._ready_since is not None

    @property
    def restarts(self) -> int:
        """Processes started after the first one."""
        return max(0, self._starts - 1)

    @property
    def entry(self) -> dict[str, Any]:
        """Its part of run.json."""
        return {"pid": self._child.pid, "http": self.http, "restarts": self.restarts}

    async def keep(self) -> None:
        """Start it and bring it back whenever it dies, until cancelled. Raises :class:`UnusableError`."""
        await self._start(first=True)
        while await self._child.died():
            self._note_death()
            await self._start(first=False)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL where that does not help within 5 s. Cancel :meth:`keep` before."""
        await self._child.stop()

    async def _start(self, *, first: bool) -> None:
        while True:
            await asyncio.sleep(0.0 if first else PAUSES[min(self._quick_deaths, len(PAUSES) - 1)])
            try:
                await self._child.start()
            except ChildFailed as error:
                await self._judge_failure(error, first=first)
                first = False
                continue
            break
        self._ready_since = time.monotonic()
        self._say(f"{self.member.name} {'is ready' if first else 'is back'} on {self.http} (pid {self._child.pid})")
        self._on_change()

    async def _judge_failure(self, error: ChildFailed, *, first: bool) -> None:
        """A service that refuses its configuration at its first start ends ``up``; all else is tried again."""
        status = await self._child.wait()
        said = self._error_line()
        if first and status == _USAGE_STATUS and said:
            raise UnusableError(said)
        self._quick_deaths += 1
        self._on_change()
        pause = PAUSES[min(self._quick_deaths, len(PAUSES) - 1)]
        self._say(f"{self.member.name} did not start: {said or error}; next attempt in {pause:g} s")

    def _note_death(self) -> None:
        lived = time.monotonic() - (self._ready_since or 0.0)
        self._quick_deaths = self._quick_deaths + 1 if lived < STEADY_SECONDS else 0
        self._ready_since = None
        self.http = None
        self._on_change()

    def _on_event(self, event: DevstackEvent) -> None:
        if event.kind is EventKind.STARTED:
            self._starts += 1
            self._offset = self._log.stat().st_size
            self._on_change()
        elif event.kind is EventKind.DIED:
            how = event.detail.partition(";")[0]
            loop = f", {self._quick_deaths + 1} times in a row: see {self._log}" if self._quick_deaths else ""
            self._say(f"{self.member.name} died ({how}){loop}; bringing it back")

    async def _is_ready(self) -> bool:
        """The one JSON line that a service prints when it is ready names its address and its process."""
        for line in self._new_lines():
            said = _ready_line(line)
            if said is not None and said.get("pid") == self._child.pid:
                self.http = said["http"]
                return True
        return False

    def _error_line(self) -> str | None:
        """The last ``error: …`` that the process wrote since it was started."""
        errors = [line for line in self._new_lines() if line.startswith("error: ")]
        return errors[-1].removeprefix("error: ") if errors else None

    def _new_lines(self) -> list[str]:
        with self._log.open("rb") as log:
            log.seek(self._offset)
            return log.read().decode(errors="replace").splitlines()


def _ready_line(line: str) -> dict[str, Any] | None:
    if not line.startswith("{") or '"http"' not in line:
        return None
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) and said.get("ready") is True and isinstance(said.get("http"), str) else None

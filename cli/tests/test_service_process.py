"""One service process under ``up``, with programs that behave as badly as a service can."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from seatledger.cli.up import process as process_module
from seatledger.cli.up.plan import MODULES, Member
from seatledger.cli.up.process import ServiceProcess, Start, UnusableError

READY = (
    "import json, os, time; print(json.dumps({'ready': True, 'http': '127.0.0.1:1', 'pid': os.getpid()}), flush=True)"
)


class Bench:
    """A folder of made-up services, and what was said of them."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._path = path
        self._monkeypatch = monkeypatch
        self.said: list[str] = []
        self.process: ServiceProcess | None = None

    def service(self, program: str) -> ServiceProcess:
        (self._path / "made_up_service.py").write_text(program)
        self._monkeypatch.setitem(MODULES, "mapper", "made_up_service")
        env = {**os.environ, "PYTHONPATH": str(self._path)}
        start = Start(self._path / "c.yaml", env, self._path / "logs")
        self.process = ServiceProcess(Member("mapper", "mapper"), start, lambda: None, self.said.append)
        return self.process

    def write_log(self, text: str) -> None:
        (self._path / "logs").mkdir()
        (self._path / "logs" / "mapper.log").write_text(text)


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """No made-up service outlives its test."""
    made = Bench(tmp_path, monkeypatch)
    yield made
    if made.process is not None:
        await made.process.stop()


@asynccontextmanager
async def kept(process: ServiceProcess) -> AsyncIterator[None]:
    task = asyncio.create_task(process.keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # another process decides when
            await asyncio.sleep(0.02)


async def test_a_service_that_refuses_its_configuration_is_not_tried_again(bench: Bench) -> None:
    """Exit status 2 at the first start ends `up`, with the service's own words."""
    process = bench.service(
        "import sys; print('error: psa.main: no such zone. Correct it', file=sys.stderr); sys.exit(2)"
    )
    with pytest.raises(UnusableError, match=r"^psa\.main: no such zone\. Correct it$"):
        await process.keep()


async def test_a_service_that_fails_is_tried_again_until_it_is_ready(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A start that fails for a while is repeated, said with its reason, and counted in restarts."""
    monkeypatch.setattr(process_module, "PAUSES", (0.0,))
    mark = tmp_path / "tried"
    program = (
        "import pathlib, sys\n"
        f"mark = pathlib.Path({str(mark)!r})\n"
        "tries = len(mark.read_text()) if mark.exists() else 0\n"
        "mark.write_text('x' * (tries + 1))\n"
        "if tries < 2: sys.exit('error: store: it does not answer')\n"
        f"{READY}\ntime.sleep(600)\n"
    )
    process = bench.service(program)
    async with kept(process):
        await until(lambda: process.ready)
    assert process.restarts == 2
    assert process.entry["http"] == "127.0.0.1:1"
    assert sum("store: it does not answer" in line for line in bench.said) == 2


async def test_a_crash_loop_slows_down_and_names_the_log(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that dies again and again right after it was ready waits longer each time, and its log is named."""
    waited: list[float] = []
    pause = asyncio.sleep
    # Lengths that nobody else on this loop sleeps for: the session's own stack is watched on it too.
    pauses = tuple(seconds / 1000.1 for seconds in process_module.PAUSES)

    async def noted(seconds: float) -> None:
        if seconds in pauses[1:]:
            waited.append(seconds)
        await pause(seconds)

    monkeypatch.setattr(process_module, "PAUSES", pauses)
    monkeypatch.setattr(asyncio, "sleep", noted)
    process = bench.service(f"{READY}\ntime.sleep(0.1)\n")
    async with kept(process):
        await until(lambda: len(waited) >= 3)
    assert waited[:3] == list(pauses[1:4])
    assert any("times in a row" in line and "mapper.log" in line for line in bench.said)


async def test_another_programs_ready_line_does_not_count(bench: Bench) -> None:
    """Only a ready line with the process's own id makes it ready: a line of the life before stands in the same log."""
    process = bench.service(f"{READY}\ntime.sleep(600)\n")
    bench.write_log('{"ready": true, "http": "127.0.0.1:9", "pid": 1}\n')
    async with kept(process):
        await until(lambda: process.ready)
        assert process.http == "127.0.0.1:1"

"""Loops, readiness, logs, pauses."""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import datetime

import pytest

from libs.runtime.tests.samples import LOG, until
from seatledger.runtime.addresses import is_loopback, is_loopback_url
from seatledger.runtime.backoff import pause
from seatledger.runtime.clock import SystemCalendar, SystemMachine
from seatledger.runtime.health import Readiness
from seatledger.runtime.kafka import group_name
from seatledger.runtime.logs import configure_logs
from seatledger.runtime.loops import LoopRunner
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.redaction import Redactor
from seatledger.runtime.service import Loop
from seatledger.runtime.testing import JumpingMachine
from seatledger.schemas.base import instant_text


async def test_loop_survives_failures() -> None:
    """A round that raises is backed off and shown from the second time on; a good round clears it."""
    rounds = 0
    shown: list[str | None] = []

    async def run() -> None:
        nonlocal rounds
        rounds += 1
        shown.append(await runner.check())
        if rounds <= 4:
            raise ValueError("no")
        if rounds == 8:
            raise asyncio.CancelledError

    machine = JumpingMachine()
    runner = LoopRunner(Loop("it", run, every=1.0), machine, Metrics(), LOG)
    with pytest.raises(asyncio.CancelledError):
        await runner.run()
    assert shown == [None, None, *["loop it: ValueError: no"] * 3, None, None, None]
    assert machine.slept == [1.0, 1.0, 1.0, 1.6, 1.0, 1.0, 1.0]


async def test_loop_is_woken() -> None:
    """A wake ends the rest at once, and one that comes during a round is not lost."""
    wake, rounds = asyncio.Event(), 0

    async def run() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            wake.set()

    task = asyncio.create_task(LoopRunner(Loop("it", run, 60.0, wake), SystemMachine(), Metrics(), LOG).run())
    await until(lambda: rounds == 1)
    wake.set()
    await until(lambda: rounds == 3, 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_readiness_names_reasons(redactor: Redactor) -> None:
    """Each check that answers, raises or hangs is a reason, told without our secrets; the others are not."""
    redactor.know("it", "a-secret")

    async def fine() -> str | None:
        return None

    async def red() -> str | None:
        return "no store"

    async def broken() -> str | None:
        raise KeyError("a-secret")

    readiness = Readiness(SystemMachine(), Metrics())
    assert readiness.reasons == {"start": "starting"}
    for name, check in {"fine": fine, "red": red, "broken": broken}.items():
        readiness.add(name, check)
    assert await readiness.look() == {"red": "no store", "broken": "KeyError: '[hidden]'"}


def test_pauses() -> None:
    """Pauses double up to their cap, however many failures."""
    assert [pause(n) for n in (1, 2, 3, 7, 10_000)] == [0.1, 0.2, 0.4, 5.0, 5.0]


def test_group_names() -> None:
    """A group's name holds prefix, service, topic, the subscription's name and the epoch."""
    assert group_name("p.", "mapper", "changed.v1", "", 3) == "p.mapper.changed.v1.e3"
    assert group_name("", "mapper", "changed.v1", "again", 0) == "mapper.changed.v1.again.e0"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *((host, True) for host in ("localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "LOCALHOST")),
        *((host, False) for host in ("localhost.example.com", "10.0.0.1", "0.0.0.0", "", "127.0.0.1.nip.io")),  # noqa: S104
    ],
)
def test_loopback(host: str, *, loopback: bool) -> None:
    """Only this machine's own addresses are loopback; no name is resolved to find out."""
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("url", "loopback"),
    [("https://localhost:1/x", True), ("http://[::1]:1", True), ("https://example.com", False), ("", False)],
)
def test_loopback_url(url: str, *, loopback: bool) -> None:
    """The same of a web address, whatever port and path follow."""
    assert is_loopback_url(url) is loopback


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str], own_logging: None) -> Callable[[], list[str]]:
    """The lines that went to stderr."""

    def lines() -> list[str]:
        return capsys.readouterr().err.splitlines()

    return lines


def test_logs_hide_secrets(written: Callable[[], list[str]]) -> None:
    """One JSON object a line, with service and replica; secret-looking keys and passwords in addresses are hidden."""
    log = configure_logs("mapper", "mapper-1")
    log.info("hi", secret="s3cret", nested={"api_key": "s3cret"}, url="mongodb://u:s3cret@h/", code="held", list=["a"])
    log.debug("not written")
    (line,) = written()
    entry = json.loads(line)
    assert (entry["service"], entry["replica"], entry["event"], entry["level"]) == ("mapper", "mapper-1", "hi", "info")
    assert entry["code"] == "held"
    assert "s3cret" not in line


def test_libraries_are_kept_short(written: Callable[[], list[str]]) -> None:
    """A library that repeats itself is written once, with the number left out later; below warning not at all."""
    configure_logs("mapper", "mapper-1")
    library = logging.getLogger("a.library.of.this.test")
    for attempt in range(100):
        library.error("Unable connect to node %s", attempt)
    library.info("chatter")
    assert [json.loads(line)["event"] for line in written()] == ["Unable connect to node 0"]


def test_an_instant_of_the_calendar_is_kept_whole() -> None:
    """What an event or a document carries of it is the same instant, not the one that it was rounded from."""
    for _ in range(20):
        now = SystemCalendar().now()
        assert datetime.fromisoformat(instant_text(now)) == now

"""``seatledger up`` as a tree of processes: it begins once, ends as a whole, and begins again where it was."""

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from scenarios import files, world
from tests.integration.hands import Program, Stack, new_folder, remove, row


@pytest.fixture
def own() -> Iterator[Stack]:
    """A small installation that the test may end."""
    running = Stack(new_folder(), companies=3)
    try:
        running.begin()
        yield running
    finally:
        running.close()
        remove(running.folder)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_up_begins_once_ends_whole_and_goes_on_where_it_was(own: Stack) -> None:
    """A second ``up`` is refused; kill -9 of the first leaves nothing within 10 s; another goes on, and posts once."""
    company = own.company()
    own.deliver("north", [row(company, 5)])
    own.settle()
    second = Program(own.folder).ended("up", json_output=False)
    assert second.code == 2
    assert second.err.startswith("error: ")

    tree = psutil.Process(own.up.pid).children(recursive=True)
    assert len(tree) >= 6
    writes = own.writes()
    own.up.kill()
    own.up.wait()
    world.wait_for(lambda: not alive(tree), 10, f"still there: {alive(tree)}")

    (own.folder / "st" / "run.json").unlink()
    own.up = own.cli.started("up")
    own.watchdog.watch(own.up)
    own.cli.wait_ready(own.up)
    own.settle()
    assert own.writes() == writes
    own.tomorrow()
    own.deliver("north", [row(company, 6)])
    own.settle()
    assert own.units(company.line) == 6

    tree = psutil.Process(own.up.pid).children(recursive=True)
    began = time.monotonic()
    own.up.send_signal(signal.SIGTERM)
    assert own.up.wait(timeout=10) == 0
    world.wait_for(lambda: not alive(tree), 10 - (time.monotonic() - began), f"still there: {alive(tree)}")
    assert not (own.folder / "st" / "run.json").exists()
    secrets = files.SECRET.encode(), files.CODE.encode()
    logs = [*(own.folder / "st" / "logs").iterdir(), own.folder / "up.log"]
    assert not [path.name for path in logs for secret in secrets if secret in path.read_bytes()]


def test_two_writers_one_of_them_frozen_in_the_middle_of_a_batch() -> None:
    """The sending replica is stopped for longer than its lease and less than W: the other goes on, none posts twice."""
    stack = Stack(new_folder(), replicas="psa-writer=2", companies=10)
    try:
        stack.begin()
        companies = [stack.company() for _ in range(8)]
        for company in companies:
            stack.fault(company.contract, "slow", seconds=1)
        stack.deliver("north", [row(company, 5) for company in companies])
        collecting = stack.cli.started("collect")
        names = ("psa-writer", "psa-writer-2")
        world.wait_for(lambda: senders(stack, names), 40, "nobody posts")
        (frozen,) = senders(stack, names)
        frozen.suspend()
        began = time.monotonic()
        try:
            other = next(process for name in names if (process := stack.process(name)).pid != frozen.pid)
            world.wait_for(
                lambda: other in senders(stack, names) or time.monotonic() - began > 5, 6, "the clock stands still"
            )
            world.wait_for(lambda: time.monotonic() - began > 3, 6, "the clock stands still")
        finally:
            frozen.resume()
        assert 2 < time.monotonic() - began < 6
        assert collecting.wait(timeout=60) == 0
        stack.drain()
        for finding in stack.findings(code="not_seen"):
            stack.cli.run("resolve", finding["id"], "retry")
        stack.drain()
        assert {company.id: stack.units(company.line) for company in companies} == {each.id: 5 for each in companies}
        assert {company.id: len(stack.effects(company.line)) for company in companies} == {
            each.id: 1 for each in companies
        }
    finally:
        stack.close()
        remove(stack.folder)


def senders(stack: Stack, names: tuple[str, ...]) -> list[psutil.Process]:
    """Writers with a POST of an adjustment under way: as many are in flight as Autotask has open connections for."""
    by = stack.sandbox.get("/_sandbox/counters")["by"]
    if not by.get("ContractServiceAdjustments POST"):
        return []
    port = int(stack.sandbox.url.rpartition(":")[2])
    writers = [stack.process(name) for name in names]
    return [writer for writer in writers if any(each.raddr and each.raddr.port == port for each in talks(writer))]


def talks(process: psutil.Process) -> list[Any]:
    return [each for each in process.net_connections() if each.status == psutil.CONN_ESTABLISHED]


def test_a_source_that_left_while_it_has_members_stops_up(own: Stack) -> None:
    """``up`` names a source that is gone from the file, until it stands there as retired."""
    own.up.send_signal(signal.SIGTERM)
    own.up.wait(timeout=15)
    file = own.folder / "seatledger.yaml"
    whole = json.loads(file.read_text())
    south = whole["sources"].pop("south")
    file.write_text(json.dumps(whole))
    ended = own.cli.ended("up", json_output=False)
    assert ended.code == 2
    assert "south" in ended.err
    whole["sources"]["south"] = {**south, "retired": True}
    file.write_text(json.dumps(whole))
    own.up = own.cli.started("up")
    own.watchdog.watch(own.up)
    own.cli.wait_ready(own.up)


def test_ctrl_c_while_all_is_starting_leaves_no_process() -> None:
    """Ctrl-C before anything is ready ends broker, store and services within 10 s."""
    folder = new_folder()
    stack = Stack(folder, companies=1)
    try:
        world.wait_for(lambda: len(psutil.Process(stack.up.pid).children(recursive=True)) >= 2, 30, "nothing starts")
        tree = psutil.Process(stack.up.pid).children(recursive=True)
        stack.up.send_signal(signal.SIGINT)
        stack.up.wait(timeout=15)
        world.wait_for(lambda: not alive(tree), 10, f"still there: {alive(tree)}")
    finally:
        stack.close()
        remove(folder)

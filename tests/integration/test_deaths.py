"""Whatever dies between two stages, or in the middle of one, the same units stand in the end, each effect once."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from scenarios import world
from tests.integration.hands import SERVICES, Company, Stack, row

STAGES = {
    "after the change was told": ("mapper", "subscriptions.changed.v1"),
    "after it was mapped": ("contract-planner", "subscriptions.mapped.v1"),
    "after it was planned": ("psa-writer", "adjustments.planned.v1"),
}
"""Where things stand: the service that sleeps there, and the topic on which the change is known to be."""


@contextlib.contextmanager
def asleep(stack: Stack, service: str) -> Iterator[psutil.Process]:
    """The service does not go on (SIGSTOP) until the block ends; it may have died by then."""
    process = stack.process(service)
    process.suspend()
    try:
        yield process
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


def said(stack: Stack, topic: str, company: Company) -> Callable[[], bool]:
    """Whether that topic tells of the company's line or subscription."""
    marks = (f'"{company.subscription}"', f'"line": {company.line}')

    def look() -> bool:
        return any(mark in json.dumps(line["event"]) for line in stack.events(topic) for mark in marks)

    return look


def replaced(stack: Stack, name: str, pid: int) -> Callable[[], bool]:
    """Whether run.json names another process."""

    def look() -> bool:
        run = stack.run_file()
        entry = {**run["services"], **run["stack"]}[name]
        return entry["pid"] not in (None, pid)

    return look


def judge(stack: Stack, company: Company, units: int) -> None:
    stack.settle()
    assert stack.units(company.line) == units
    assert len(stack.effects(company.line)) == 1


@pytest.mark.parametrize("victim", ["broker", "store"])
@pytest.mark.parametrize("stage", STAGES)
def test_a_broker_or_store_killed_between_two_stages(stack: Stack, stage: str, victim: str) -> None:
    """The next stage sleeps, the change stands before it, broker or store dies: the units come all the same, once."""
    service, topic = STAGES[stage]
    company = stack.company()
    with asleep(stack, service):
        stack.deliver("north", [row(company, 6)])
        stack.collect()
        world.wait_for(said(stack, topic, company), 30, f"nothing on {topic}")
        process = stack.process(victim)
        process.kill()
        world.wait_for(replaced(stack, victim, process.pid), 60, f"the {victim} is not back")
    judge(stack, company, 6)


@pytest.mark.parametrize("victim", ["broker", "store", "psa-writer"])
def test_death_while_a_post_is_under_way(stack: Stack, victim: str) -> None:
    """The POST is at Autotask when broker, store or the writer itself dies: its effect is found by reading."""
    company = stack.company()
    stack.fault(company.contract, "slow", seconds=2)
    before = posts(stack)
    stack.deliver("north", [row(company, 3)])
    stack.collect()
    world.wait_for(lambda: posts(stack) > before, 30, "no POST came")
    stack.kill(victim)
    judge(stack, company, 3)


def posts(stack: Stack) -> int:
    return int(stack.sandbox.get("/_sandbox/counters")["by"].get("ContractServiceAdjustments POST", 0))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_told_to_end_with_work_before_it_loses_nothing(stack: Stack, service: str) -> None:
    """SIGTERM reaches the service in the middle of its backlog: it ends, is back within 5 s, and the rest follows."""
    company = stack.company()
    with asleep(stack, service) as process:
        stack.deliver("south", [row(company, 2)])
        collecting = stack.cli.started("collect", "--timeout", "60")
        if service != "collector":
            collecting.wait(timeout=60)
        process.terminate()
    process.wait(timeout=20)
    ended = time.monotonic()
    world.wait_for(replaced(stack, service, process.pid), 5, f"{service} is not back within 5 s")
    assert time.monotonic() - ended < 5
    assert collecting.wait(timeout=60) == 0
    judge(stack, company, 2)


def test_all_services_killed_at_once_with_work_before_them_lose_nothing(stack: Stack) -> None:
    """SIGKILL for the four of them: each is back within 5 s, run.json counts it, and the units come, once."""
    company = stack.company()
    before = stack.run_file()["services"]
    with contextlib.ExitStack() as bed:
        processes = {service: bed.enter_context(asleep(stack, service)) for service in SERVICES}
        stack.deliver("north", [row(company, 4)])
        collecting = stack.cli.started("collect", "--timeout", "60")
        for process in processes.values():
            process.kill()
    for service, process in processes.items():
        world.wait_for(replaced(stack, service, process.pid), 5, f"{service} is not back within 5 s")
    stack.cli.wait_ready(stack.up)
    after = stack.run_file()["services"]
    assert {name: after[name]["restarts"] - before[name]["restarts"] for name in SERVICES} == dict.fromkeys(SERVICES, 1)
    assert collecting.wait(timeout=60) == 0
    judge(stack, company, 4)


# -- health -------------------------------------------------------------------------------------------------------


def colours(stack: Stack) -> dict[str, int]:
    return {service: stack.get(service, "/readyz")[0] for service in SERVICES}


def test_idle_is_green_and_alive(stack: Stack) -> None:
    """With nothing to do every service is ready, alive, and counts what it did."""
    stack.drain()
    world.wait_for(lambda: set(colours(stack).values()) == {200}, 15, "an idle service is red")
    for service in SERVICES:
        assert stack.get(service, "/healthz")[0] == 200
        status, text = stack.get(service, "/metrics")
        assert status == 200
        assert "seatledger_" in text


@pytest.mark.parametrize("victim", ["store", "broker"])
def test_services_are_red_while_store_or_broker_is_gone(stack: Stack, victim: str) -> None:
    """Within 10 s every service says so, with the reason, while /healthz stays green; and it comes back."""
    stack.drain()
    process = stack.process(victim)
    process.suspend()
    try:
        world.wait_for(lambda: set(colours(stack).values()) == {503}, 10, f"still green: {colours(stack)}")
        _, text = stack.get("mapper", "/readyz")
        assert json.loads(text)["reasons"]
        assert stack.get("mapper", "/healthz")[0] == 200
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()
    world.wait_for(lambda: set(colours(stack).values()) == {200}, 30, "a service stays red")

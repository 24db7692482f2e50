"""docs/backup.md: a store that is set back to an older dump posts nothing that Autotask already has."""

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo import MongoClient

from seatledger.devstack import Devstack
from tests.integration.hands import Stack, new_folder, remove, row
from tests.integration.reader import ROOT

DATABASE = "seatledger"
GUIDE = ROOT / "docs" / "backup.md"
COMMAND = re.compile(r"\bs\.(\w+)\.deleteMany\((\{.*?\})\)(?=[;'])")
"""A command that mongosh is given: collection and filter."""
Dump = dict[str, list[dict[str, Any]]]


def dumped(url: str) -> Dump:
    """Every document of the database, as ``mongodump`` takes it."""
    with MongoClient[dict[str, Any]](url) as client:
        database = client[DATABASE]
        return {name: list(database[name].find()) for name in database.list_collection_names()}


def begin_anew() -> list[tuple[str, dict[str, Any]]]:
    """The commands of docs/backup.md that make the line books begin anew, as they stand there: collection, filter."""
    (script,) = re.findall(r"--eval ('.*?')", GUIDE.read_text(), re.DOTALL)
    found = [(collection, yaml.safe_load(where)) for collection, where in COMMAND.findall(script)]
    assert len(found) == script.count("delete") == 2
    return found


def restored(url: str, dump: Dump) -> None:
    """As ``mongorestore --drop``, and then :func:`begin_anew`."""
    with MongoClient[dict[str, Any]](url) as client:
        client.drop_database(DATABASE)
        database = client[DATABASE]
        for name, documents in dump.items():
            if documents:
                database[name].insert_many(documents)
        for collection, where in begin_anew():
            database[collection].delete_many(where)


async def restore_into(state_dir: Path, dump: Dump) -> None:
    """Into the embedded store, while nothing else runs on it."""
    async with Devstack(state_dir, quick_stop=True) as stack:
        await asyncio.to_thread(restored, stack.addresses.store, dump)


@pytest.fixture
def own() -> Iterator[Stack]:
    """A small installation that the test may stop and set back."""
    running = Stack(new_folder(), companies=4)
    try:
        running.begin()
        yield running
    finally:
        running.close()
        remove(running.folder)


def stopped(stack: Stack) -> None:
    stack.up.send_signal(signal.SIGTERM)
    assert stack.up.wait(timeout=30) == 0


def started(stack: Stack, mode: str) -> None:
    """``up`` once more, set as docs/backup.md says: new topics, and first changes ask."""
    file = stack.folder / "seatledger.yaml"
    whole = json.loads(file.read_text())
    whole["psa"]["main"] |= {"mode": mode, "first_link": "ask"}
    file.write_text(json.dumps({**whole, "topics": {"prefix": "r1."}}))
    stack.up = stack.cli.started("up")
    stack.watchdog.watch(stack.up)
    stack.cli.wait_ready(stack.up)


def jumps(stack: Stack, line: int) -> list[int]:
    return [effect["unitChange"] for effect in stack.effects(line)]


def test_a_store_set_back_to_a_dump_posts_nothing_twice(own: Stack) -> None:
    """What was posted after the dump is found in Autotask and taken as it is; in `observe` nothing is written, then
    further changes ask, and are posted for what is missing alone, also where an adjustment was open in the dump."""
    same, more, doubtful = own.company(), own.company(), own.company()
    own.fault(doubtful.contract, "drop_before")
    own.deliver("north", [row(company, 5) for company in (same, more, doubtful)])
    own.settle()
    (open_,) = own.findings(code="not_seen")
    dump = dumped(own.run_file()["store"])

    own.cli.run("resolve", open_["id"], "retry")
    own.tomorrow()
    own.deliver("north", [row(company, 8) for company in (same, more)])
    own.settle()
    lost = {company.id: jumps(own, company.line) for company in (same, more, doubtful)}
    assert lost == {same.id: [5, 3], more.id: [5, 3], doubtful.id: [5]}

    stopped(own)
    asyncio.run(restore_into(own.folder / "st", dump))
    writes = own.writes()
    started(own, "observe")
    own.cli.run("mirror")
    own.cli.run("resync")
    own.tomorrow()
    own.deliver("north", [row(same, 8), row(more, 9), row(doubtful, 6)])
    answer = own.settle()
    assert not any(answer["pending"].values())
    assert own.writes() == writes
    assert not own.findings(code="not_seen")

    stopped(own)
    started(own, "auto")
    own.drain()
    assert own.writes() == writes
    for plan in own.cli.run("plan", "list"):
        if plan["state"] == "proposed":
            own.cli.run("plan", "approve", plan["id"], "--hash", plan["hash"])
    own.drain()
    now = {company.id: jumps(own, company.line) for company in (same, more, doubtful)}
    assert now == {same.id: [5, 3], more.id: [5, 3, 1], doubtful.id: [5, 1]}
    assert own.findings(code="drift") == []

"""A full disk below the store: said where a person looks, nothing lost, and all goes on once there is room."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from scenarios import world
from tests.integration.hands import SERVICES, Stack, new_folder, remove, row

SIZE = "260m"
CHUNK = b"\0" * 1_000_000


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A folder whose ``st`` is a disk of its own, in memory."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("making a small disk needs root on Linux")
    folder = new_folder()
    disk = folder / "st"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk], check=False)
    if mounted.returncode:
        remove(folder)
        pytest.skip("this machine does not let us mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", disk], check=False)
        remove(folder)


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(CHUNK)
        except OSError:
            return ballast


def write_until_it_fails(address: str) -> None:
    """The store's journal is cut in segments made in advance: only writing shows it the end of the disk."""
    client: MongoClient[dict[str, Any]] = MongoClient(address, timeoutMS=3000)
    try:
        for number in range(60):
            client["elsewhere"]["junk"].insert_one({"_id": number, "junk": os.urandom(1_000_000)})
    except PyMongoError:
        return
    finally:
        client.close()
    raise AssertionError("the store took 60 MB on a full disk")


def test_a_full_disk_is_told_and_nothing_is_lost(small_disk: Path) -> None:
    """``up`` says it, the services turn red, a change waits as a file; with room again it is posted, once."""
    stack = Stack(small_disk, companies=3)
    try:
        stack.begin()
        company = stack.company()
        ballast = fill(small_disk / "st")
        stack.deliver("north", [row(company, 5)])
        told = small_disk / "up.log"
        world.wait_for(lambda: "is full" in told.read_text(), 20, "`up` does not say that the disk is full")
        write_until_it_fails(stack.run_file()["store"])
        world.wait_for(lambda: red(stack), 20, "nobody notices that nothing can be saved")
        ballast.unlink()
        world.wait_for(lambda: not red(stack), 60, "the services stay red")
        stack.cli.wait_ready(stack.up)
        stack.settle()
        assert stack.units(company.line) == 5
        assert len(stack.effects(company.line)) == 1
    finally:
        stack.close()


def red(stack: Stack) -> list[str]:
    return [service for service in SERVICES if stack.get(service, "/readyz")[0] != 200]

"""A sandbox in process for what needs no sockets, and a real one in a process of its own for what does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from autotask_sandbox.app import build_app
from autotask_sandbox.facts import world
from autotask_sandbox.seedfile import seed_from

HEADERS = {"UserName": "api@msp.example", "Secret": "s3cret", "ApiIntegrationCode": "MAINCODE"}
Client = httpx2.AsyncClient
Start = Callable[..., "Process"]


class Process:
    """A sandbox as its users start it."""

    def __init__(self, folder: Path, seed: dict[str, Any], *more: str) -> None:
        file = folder / "seed.yaml"
        file.write_text(yaml.safe_dump(seed), encoding="utf-8")
        command = [sys.executable, "-m", "autotask_sandbox", "--seed", str(file), "--port", "0", *more]
        self.popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.popen.stdout is not None
        self.where = json.loads(self.popen.stdout.readline())

    @property
    def url(self) -> str:
        return str(self.where["url"])

    def stop(self) -> tuple[int, str]:
        """The exit code after SIGTERM and what stood on stderr."""
        self.popen.terminate()
        _, errors = self.popen.communicate(timeout=10)
        return self.popen.returncode, errors


@pytest.fixture
def seed() -> dict[str, Any]:
    """A fresh copy of the tenant of the facts."""
    return world()


@pytest.fixture
async def open_sandbox() -> AsyncIterator[Callable[[dict[str, Any]], Client]]:
    """Builds an in-process sandbox from a seed document."""
    opened: list[Client] = []

    def build(document: dict[str, Any]) -> Client:
        transport = httpx2.ASGITransport(app=build_app(seed_from(document)))
        client = Client(transport=transport, base_url="http://sandbox.test", headers=HEADERS)
        opened.append(client)
        return client

    yield build
    for client in opened:
        await client.aclose()


@pytest.fixture
def sandbox(open_sandbox: Callable[[dict[str, Any]], Client], seed: dict[str, Any]) -> Client:
    """The tenant of the facts, in process, signed in."""
    return open_sandbox(seed)


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    started = Process(tmp_path_factory.mktemp("sandbox"), world())
    yield started
    code, errors = started.stop()
    assert (code, errors) == (0, "")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts further processes; they are stopped at the end."""
    started: list[Process] = []

    def begin(document: dict[str, Any], *more: str) -> Process:
        started.append(Process(tmp_path, document, *more))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


@pytest.fixture
async def live(process: Process) -> AsyncIterator[Client]:
    """The real server over loopback, back at its seed, signed in."""
    async with Client(base_url=process.url, headers=HEADERS, timeout=20) as client:
        (await client.post("/_sandbox/reset")).raise_for_status()
        yield client

"""A sandbox in process for what needs no sockets, and a real one in a process of its own for what does."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from partner_center_sandbox.app import build_app
from partner_center_sandbox.facts import world
from partner_center_sandbox.seedfile import seed_from

Client = httpx2.AsyncClient
Open = Callable[[dict[str, Any]], Awaitable[Client]]
Start = Callable[..., "Process"]
NOW = "2026-03-15T10:00:00Z"
RESOURCE = "https://api.partnercenter.microsoft.com"
APPLICATION = {"client_id": world()["client_id"], "client_secret": world()["client_secret"], "resource": RESOURCE}
HEADERS = {
    "Accept": "application/json",
    "MS-RequestId": str(uuid.uuid4()),
    "MS-CorrelationId": str(uuid.uuid4()),
    "MS-Contract-Version": "v1",
    "X-Locale": "en-US",
}


async def sign_in(client: Client, **more: str) -> None:
    """A token for all further calls; with ``refresh_token`` one for an application and a user."""
    form = {"grant_type": "client_credentials", **APPLICATION, **more}
    answer = await client.post(f"/{world()['tenant']}/oauth2/token", data=form)
    assert answer.status_code == 200, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


async def prepare(client: Client) -> Client:
    """The day of the facts, signed in, nothing counted."""
    (await client.put("/_sandbox/clock", json={"now": NOW})).raise_for_status()
    await sign_in(client)
    (await client.delete("/_sandbox/counters")).raise_for_status()
    return client


class Process:
    """A sandbox as its users start it."""

    def __init__(self, folder: Path, seed: dict[str, Any], *more: str) -> None:
        file = folder / "seed.yaml"
        file.write_text(yaml.safe_dump(seed), encoding="utf-8")
        command = [sys.executable, "-m", "partner_center_sandbox", "--seed", str(file), "--port", "0", *more]
        self.popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.popen.stdout is not None
        self.where = json.loads(self.popen.stdout.readline())

    @property
    def url(self) -> str:
        return str(self.where["url"])

    def stop(self) -> tuple[int, str]:
        """The exit code after SIGTERM and what stood on stderr."""
        self.popen.terminate()
        _, errors = self.popen.communicate(timeout=30)
        return self.popen.returncode, errors


@pytest.fixture
def seed() -> dict[str, Any]:
    """A fresh copy of the partner of the facts."""
    return world()


@pytest.fixture
async def open_sandbox() -> AsyncIterator[Open]:
    """Builds an in-process sandbox from a seed document, on the day of the facts and signed in."""
    opened: list[Client] = []

    async def build(document: dict[str, Any]) -> Client:
        transport = httpx2.ASGITransport(app=build_app(seed_from(document)))
        client = Client(transport=transport, base_url="http://sandbox.test", headers=HEADERS)
        opened.append(client)
        return await prepare(client)

    yield build
    for client in opened:
        await client.aclose()


@pytest.fixture
async def sandbox(open_sandbox: Open, seed: dict[str, Any]) -> Client:
    """The partner of the facts, in process, signed in."""
    return await open_sandbox(seed)


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    started = Process(tmp_path_factory.mktemp("sandbox"), world())
    yield started
    assert started.stop() == (0, "")


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
        yield await prepare(client)

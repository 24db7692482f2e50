"""Broker and store of docker-compose.yml as containers of testcontainers: built anywhere, started where Docker is."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from testcontainers.core import container as core
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from seatledger.devstack import wait_broker
from tests.containers.container_files import COMPOSE_FOLDER, compose, service

SECONDS = 180.0


def definition(name: str, secrets: Path, network: Any = None) -> DockerContainer:
    """The container of compose: image, entry point, command, environment, ports, secrets and configs."""
    described = service(name)
    files = {each: secrets / each for each in described.get("secrets", ())}
    made = DockerContainer(described["image"], command=described.get("command"))
    if "entrypoint" in described:
        made.with_kwargs(entrypoint=_plain(described["entrypoint"]))
    made.with_envs(**{key: str(value) for key, value in described.get("environment", {}).items()})
    for port in described.get("ports", ()):
        _, ours, theirs = port.split(":")
        made.with_bind_ports(int(theirs), int(ours))
    for secret, path in files.items():
        made.with_volume_mapping(str(path), f"/run/secrets/{secret}", "ro")
    for each in described.get("configs", ()):
        made.with_volume_mapping(str(COMPOSE_FOLDER / Path(_file(each["source"])).name), each["target"], "ro")
    return made.with_network(network).with_network_aliases(name) if network is not None else made


def _plain(words: list[str]) -> list[str]:
    return [word.replace("$$", "$") for word in words]


def _file(config: str) -> str:
    name: str = compose()["configs"][config]["file"]
    return name


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    shutil.copy(COMPOSE_FOLDER / "make-secrets", tmp_path)
    subprocess.run(["sh", tmp_path / "make-secrets"], check=True, capture_output=True)
    return tmp_path / "secrets"


@pytest.mark.parametrize("name", ["kafka", "mongodb", "mongodb-init"])
def test_a_definition_says_what_compose_says(name: str, secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Image, environment, ports and mounted files of the definition are those of compose."""
    monkeypatch.setattr(core, "DockerClient", SimpleNamespace)  # a real one asks the engine
    described = service(name)
    made = definition(name, secrets)
    assert made.image == described["image"]
    assert made.env == {key: str(value) for key, value in described.get("environment", {}).items()}
    assert len(made.ports) == len(described.get("ports", ()))
    assert len(made.volumes) == len(described.get("secrets", ())) + len(described.get("configs", ()))
    assert all(Path(path).is_file() for path in made.volumes)


@pytest.fixture
def engine() -> None:
    """Docker's engine; skips where there is none."""
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker engine answers")


@pytest.mark.docker
async def test_kafka_as_a_container(engine: None, secrets: Path) -> None:
    """The image takes the settings of compose and answers on the port for this machine."""
    with definition("kafka", secrets):
        await wait_broker("127.0.0.1:29092", SECONDS)


@pytest.mark.docker
async def test_mongodb_as_containers(engine: None, secrets: Path) -> None:
    """The store gets its replica set and its user from the job, twice, and takes a journaled majority write of it."""
    with ExitStack() as closing:
        network = closing.enter_context(Network())
        closing.enter_context(definition("mongodb", secrets, network))
        for _ in range(2):
            job = closing.enter_context(definition("mongodb-init", secrets, network))
            ended: Callable[[], dict[str, Any]] = job.get_wrapped_container().wait
            assert (await asyncio.to_thread(ended))["StatusCode"] == 0
        password = (secrets / "mongodb_password").read_text().strip()
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            "127.0.0.1", directConnection=True, username="seatledger", password=password, w="majority", journal=True
        )
        await client["seatledger"]["probe"].insert_one({"_id": 1})
        await client.close()

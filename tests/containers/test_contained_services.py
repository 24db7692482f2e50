"""What docker-compose.yml starts, started as processes: its commands, configuration and health checks against Apache
Kafka with its settings, SecantusDB in MongoDB's place.

The only changes: addresses and folders of containers become those of this machine.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from pymongo import AsyncMongoClient

from scenarios import world
from seatledger.devstack import Devstack
from tests.containers.container_files import (
    COMPOSE_FOLDER,
    CONFIGURATIONS,
    ENGINE,
    ROLES,
    SERVICES,
    health_of,
    service,
)

PROGRAM = Path(sys.executable).parent / "seatledger"
KAFKA = os.environ.get("SEATLEDGER_KAFKA", "")
READY_SECONDS = 120

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(not KAFKA, reason="needs Apache Kafka: run by `make test-kafka`"),
]


@dataclass
class Contained:
    """The containers of compose as processes in a folder."""

    folder: Path
    broker: str
    store: str
    ports: dict[str, int]
    """Of each service's and sandbox's HTTP."""
    processes: list["subprocess.Popen[bytes]"]

    def configuration(self, name: str, port: int) -> Path:
        """The sandboxes' configuration as the container ``name`` has it, in a folder of its own."""
        whole: dict[str, Any] = yaml.safe_load(self._local(CONFIGURATIONS["sandbox"].read_text()))
        whole["broker"]["url"] = self.broker
        for each in SERVICES:
            whole["services"][each] = {"http": f"127.0.0.1:{self.ports[each]}"}
        if name in SERVICES:
            whole["services"][name]["http"] = f"127.0.0.1:{port}"
        folder = self.folder / f"{name}-{port}"
        folder.mkdir(exist_ok=True)
        (folder / "seatledger.yaml").write_text(yaml.safe_dump(whole))
        return folder

    def _local(self, text: str) -> str:
        """A text of the containers in the terms of this machine."""
        store = urlsplit(self.store)
        for theirs, ours in {
            "mongodb://mongodb:27017/?replicaSet=rs0": f"mongodb://{store.netloc}/?replicaSet=secantus",
            "/run/secrets/": f"{self.folder}/secrets/",
            "/var/lib/seatledger": f"{self.folder}/var",
            "/etc/seatledger/autotask.yaml": f"{COMPOSE_FOLDER}/autotask-sandbox.yaml",
            "/etc/seatledger/partner-center.yaml": f"{COMPOSE_FOLDER}/partner-center-sandbox.yaml",
            "8701": str(self.ports["autotask-sandbox"]),
            "8702": str(self.ports["partner-center-sandbox"]),
        }.items():
            text = text.replace(theirs, ours)
        return text

    def start(self, name: str, port: int | None = None) -> "subprocess.Popen[bytes]":
        """The container's command, with the image's entry point, where its configuration lies."""
        command = [self._local(word) for word in service(name)["command"]]
        folder = self.configuration(name, port or self.ports.get(name, 0))
        with (self.folder / f"{folder.name}.log").open("ab") as log:
            process = subprocess.Popen([PROGRAM, *command], cwd=folder, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def healthy(self, name: str, port: int | None = None) -> bool:
        """One run of the container's health check."""
        own = port or self.ports.get(name, 0)
        command = [self._local(word).replace("127.0.0.1:8080", f"127.0.0.1:{own}") for word in health_of(name)]
        command = [sys.executable, *command[1:]] if command[0] == "python" else command
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    async def until_healthy(self, name: str, port: int | None = None) -> None:
        async with asyncio.timeout(READY_SECONDS):
            while not await asyncio.to_thread(self.healthy, name, port):  # noqa: ASYNC110  # another process decides
                await asyncio.sleep(0.5)

    def ask(self, *words: str) -> tuple[int, Any]:
        """What `docker compose exec mapper seatledger …` answers."""
        folder = self.configuration("mapper", self.ports["mapper"])
        done = subprocess.run([PROGRAM, *words, "--json"], cwd=folder, capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Secrets by make-secrets, and the folder of files."""
    folder = tmp_path_factory.mktemp("contained")
    shutil.copy(COMPOSE_FOLDER / "make-secrets", folder)
    subprocess.run(["sh", folder / "make-secrets"], check=True, capture_output=True)
    (folder / "var" / "drop").mkdir(parents=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
async def contained(devstack: Devstack, folder: Path) -> AsyncIterator[Contained]:
    """Kafka and the store run, with the user that mongodb-init makes; nothing of ours does yet."""
    names = (*SERVICES, "autotask-sandbox", "partner-center-sandbox")
    where = devstack.addresses
    password = (folder / "secrets" / "mongodb_password").read_text().strip()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(where.store)
    await client.admin.command({"createRole": "seatledgerEngine", **ENGINE})
    await client.admin.command("createUser", "seatledger", pwd=password, roles=ROLES)
    await client.close()
    running = Contained(folder, where.broker, where.store, {name: world.free_port() for name in names}, [])
    yield running
    for process in running.processes:
        process.terminate()
    for process in running.processes:
        await asyncio.to_thread(process.wait, 30)


async def test_kafka_runs_with_the_settings_of_compose(contained: Contained) -> None:
    """Each setting in the file is one that the broker knows and has; addresses apart, which are this machine's."""
    admin = AIOKafkaAdminClient(bootstrap_servers=contained.broker)
    await admin.start()
    try:
        settings = service("kafka")["environment"]
        wanted = [ConfigResource(ConfigResourceType.BROKER, str(settings["KAFKA_NODE_ID"]))]
        (response,) = await admin.describe_configs(wanted)
    finally:
        await admin.close()
    (resource,) = response.to_object()["resources"]
    found = {entry["config_names"]: entry["config_value"] for entry in resource["config_entries"]}
    ours = {"KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_CONTROLLER_QUORUM_VOTERS", "KAFKA_LOG_DIRS"}
    for name, value in settings.items():
        if name.startswith("KAFKA_") and name not in {*ours, "KAFKA_HEAP_OPTS"}:
            key = name.removeprefix("KAFKA_").lower().replace("_", ".")
            assert found[key] == str(value), name


def test_kafkas_health_check_tells_life_from_death(contained: Contained) -> None:
    """The check of compose, by the program behind the image's script: 0 where the broker answers, else not."""
    script, option, _ = health_of("kafka")
    assert Path(script).name == "kafka-broker-api-versions.sh"
    program = ["java", "-cp", f"{KAFKA}/libs/*", "org.apache.kafka.tools.BrokerApiVersionsCommand", option]
    assert subprocess.run([*program, contained.broker], capture_output=True, check=False).returncode == 0
    limited = ["timeout", "10", *program, f"127.0.0.1:{world.free_port()}"]  # as the engine does
    assert subprocess.run(limited, capture_output=True, check=False).returncode != 0


async def test_everything_of_compose_comes_up(contained: Contained) -> None:
    """The job makes the topics and ends well; services and sandboxes get healthy; `check` finds all of it in order, and
    three writers, one of which dies, are ready side by side."""
    assert await asyncio.to_thread(contained.start("topics").wait, READY_SECONDS) == 0
    for name in ("autotask-sandbox", "partner-center-sandbox", *SERVICES):
        contained.start(name)
    assert not contained.healthy("psa-writer", world.free_port())
    for name in ("autotask-sandbox", "partner-center-sandbox", *SERVICES):
        await contained.until_healthy(name)
    code, rows = await asyncio.to_thread(contained.ask, "check")
    assert code == 0, [row for row in rows if not row["ok"]]
    code, status = await asyncio.to_thread(contained.ask, "status")
    assert {each["name"]: each["up"] for each in status["services"]} == dict.fromkeys(SERVICES, True)

    others = [world.free_port(), world.free_port()]
    second, _ = (contained.start("psa-writer", port) for port in others)
    for port in others:
        await contained.until_healthy("psa-writer", port)
    second.kill()
    second.wait()
    for port in (contained.ports["psa-writer"], others[1]):
        await contained.until_healthy("psa-writer", port)

"""A small run on both sandboxes in which everything goes wrong that could quote a secret, and all that it left behind.

Secrets come from files, as in production; the store asks for a password, which stands in its url.
"""

import asyncio
import itertools
import json
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from scenarios import files, world
from seatledger.schemas.topics import TOPICS
from tests.integration.hands import (
    FIRST_DAY,
    SERVICES,
    Program,
    Stack,
    autotask_seed,
    configuration,
)
from tests.security.canaries import CANARIES

USER, SECRET, CODE, CLIENT, TOKEN, STORE, OTHER_STORE, BROKER = CANARIES.values()
TENANT, APPLICATION, CUSTOMER, OFFER = (
    "partner.example",
    "an-application",
    "c0000000-0000-4000-8000-000000000001",
    "CFQ7TTC0LDPB:0001",
)
ECHO = f"the request had UserName: {USER}, Secret: {SECRET}, ApiIntegrationCode: {CODE}"
"""What a vendor's error might quote."""
PLACES = ("answers", "files", "topics", "store", "http", "processes")


class GuardedStore:
    """The embedded store's program, started by itself with one user who has a password."""

    def __init__(self, folder: Path, watchdog: world.Watchdog) -> None:
        self.folder, self.port, self.watchdog = folder, world.free_port(), watchdog
        folder.mkdir()
        (folder / "empty.toml").touch()
        self.process = self._start()
        with self.client() as client:
            roles = [{"role": "readWrite", "db": "seatledger"}]
            client["admin"].command("createUser", "ledger", pwd=STORE, roles=roles)
            journaled = WriteConcern(w="majority", j=True)  # it carries the user to the disk too
            client.get_database("seatledger", write_concern=journaled)["begin"].insert_one({"_id": 1})
        self.stop()
        self.process = self._start("--auth")

    @property
    def url(self) -> str:
        password = urllib.parse.quote(STORE, safe="")
        return f"mongodb://ledger:{password}@127.0.0.1:{self.port}/?directConnection=true"

    def client(self, **options: Any) -> "MongoClient[Any]":
        """Connected, once it answers."""
        found: MongoClient[Any] = MongoClient(
            "127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=500, **options
        )

        def answers() -> bool:
            with suppress(PyMongoError):
                return bool(found["admin"].command("ping"))
            return False

        world.wait_for(answers, 60, f"the store does not start: {self.folder}/store.log")
        return found

    def dump(self) -> dict[str, bytes]:
        """Every document of the database, as it is stored, by collection."""
        with self.client(username="ledger", password=STORE, document_class=RawBSONDocument) as client:
            names = client["seatledger"].list_collection_names()
            return {name: b"".join(each.raw for each in client["seatledger"][name].find()) for name in names}

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.watchdog.forget(self.process)

    def _start(self, *flags: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-I", "-m", "secantus", "--config", "empty.toml", "--storage-path", "data"]
        with (self.folder / "store.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(self.port), *flags],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.watchdog.watch(process)
        return process


@dataclass
class Watched(Stack):
    """The installation; ``answers`` is all that commands said, by command line."""

    answers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.numbers, self.files = itertools.count(101), itertools.count(1)
        self.watchdog = world.Watchdog()
        self.store = GuardedStore(self.folder / "database", self.watchdog)
        self._write_files()
        self.sandbox = world.Sandbox(self.folder, self.watchdog)
        self.cloud = world.Sandbox(self.folder, self.watchdog, "partner-center")
        (self.folder / "seatledger.yaml").write_text(json.dumps(self._configuration(), indent=1))
        self.cli = Program(self.folder)
        self.up = self.cli.started("up")
        self.watchdog.watch(self.up)

    def _write_files(self) -> None:
        for folder in ("north", "south", "secrets"):
            (self.folder / folder).mkdir()
        files.set_clock(self.folder, FIRST_DAY)
        for name, text in {"user": USER, "secret": SECRET, "code": CODE, "client": CLIENT}.items():
            (self.folder / "secrets" / name).write_text(f"{text}\n")
        (self.folder / "secrets" / "store").write_text(self.store.url)
        seed = autotask_seed(self.companies)
        seed["users"][0] |= {"username": USER, "secret": SECRET, "integrationCode": CODE}
        (self.folder / "autotask.json").write_text(json.dumps(seed))
        subscription = {"id": "cloud-1", "offerId": f"{OFFER}:CFQ7TTC0K5QB", "offerName": "A", "quantity": 3}
        customer = {"id": CUSTOMER, "companyName": "One", "domain": "one.example", "subscriptions": [subscription]}
        cloud = {"tenant": TENANT, "client_id": APPLICATION, "client_secret": CLIENT, "customers": [customer]}
        (self.folder / "partner-center.json").write_text(json.dumps(cloud))

    def _configuration(self) -> dict[str, Any]:
        whole = configuration(self.sandbox.url)
        secrets = {"username": "user", "secret": "secret", "integration_code": "code"}
        whole["psa"]["main"] |= {key: f"${{file:secrets/{name}}}" for key, name in secrets.items()}
        whole["psa"]["main"] |= {"mirror_seconds": 3600}
        whole["store"] = {"url": "${file:secrets/store}"}
        whole["sources"]["cloud"] = {
            "kind": "partner-center", "psa": "main", "rank": 3, "url": self.cloud.url, "authority_url": self.cloud.url,
            "tenant": TENANT, "client_id": APPLICATION, "client_secret": "${file:secrets/client}",
            "poll_seconds": 3600, "mass_decrease_percent": 100,
        }  # fmt: skip
        return whole

    def close(self) -> None:
        super().close()
        for process in (self.cloud.process, self.store.process):
            process.kill()
            process.wait()

    # -- what commands say ------------------------------------------------------------------------------------------

    def say(self, *words: str, json_output: bool = False) -> Any:
        """Carry out a command and keep all that it said."""
        ended = self.cli.ended(*words, json_output=json_output)
        key = " ".join((*words, "--json" if json_output else "")).strip()
        self.answers[key] = self.answers.get(key, "") + ended.out + ended.err
        return ended

    # -- what is left behind ----------------------------------------------------------------------------------------

    def gathered(self, place: str) -> dict[str, bytes]:
        """Everything of one kind of :data:`PLACES`, by name."""
        found: dict[str, bytes] = getattr(self, f"_in_{place}")()
        return found

    def _in_answers(self) -> dict[str, bytes]:
        return {words: text.encode() for words, text in self.answers.items()}

    def _in_files(self) -> dict[str, bytes]:
        """The state folder with logs and run.json, what ``up`` wrote, and where a core would lie. Records that Apache
        Kafka keeps in files are looked at as topics."""
        every = [*(self.folder / "st").rglob("*"), self.folder / "up.log", *Path.cwd().glob("core*")]
        records = self.folder / "st" / "broker" / "data"
        return {str(path): path.read_bytes() for path in every if path.is_file() and records not in path.parents}

    def _in_topics(self) -> dict[str, bytes]:
        return asyncio.run(read_topics(self.run_file()["broker"]))

    def _in_store(self) -> dict[str, bytes]:
        return self.store.dump()

    def _in_http(self) -> dict[str, bytes]:
        paths = ("/healthz", "/readyz", "/metrics", "/asyncapi", "/asyncapi.json")
        return {f"{name}{path}": self.get(name, path)[1].encode() for name in SERVICES for path in paths}

    def _in_processes(self) -> dict[str, bytes]:
        tree = [psutil.Process(self.up.pid), *psutil.Process(self.up.pid).children(recursive=True)]
        return {name: text for process in tree for name, text in shown(process)}


def shown(process: psutil.Process) -> Iterator[tuple[str, bytes]]:
    """What the list of processes tells of one: its command line and its environment."""
    with suppress(psutil.NoSuchProcess):
        name = f"process {process.pid} {process.name()}"
        yield f"{name} command line", "\0".join(process.cmdline()).encode(errors="surrogateescape")
        environment = (f"{key}={value}" for key, value in process.environ().items())
        yield f"{name} environment", "\0".join(environment).encode(errors="surrogateescape")


async def read_topics(servers: str) -> dict[str, bytes]:
    """Every record of every declared topic, value, key and headers, by its place."""
    names = [topic.name for topic in TOPICS]
    consumer = AIOKafkaConsumer(
        *names,
        bootstrap_servers=servers,
        group_id=None,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=16_000_000,
    )
    await consumer.start()
    try:
        found: dict[str, bytes] = {}
        for partition in consumer.assignment():
            # A fetch tells the log's end; asked for by itself the embedded broker names an earlier one.
            while (end := consumer.highwater(partition)) is None or await consumer.position(partition) < end:
                batch = await consumer.getmany(partition, timeout_ms=1000)
                found |= {_place(record): _bytes(record) for record in batch.get(partition, [])}
        return found
    finally:
        await consumer.stop()


def _place(record: Any) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"


def _bytes(record: Any) -> bytes:
    headers = [key.encode(errors="surrogateescape") + b"=" + (value or b"") for key, value in record.headers]
    return b"\0".join((record.key or b"", record.value or b"", *headers))


async def publish(servers: str, topic: str, value: bytes, headers: tuple[tuple[str, bytes], ...] = ()) -> None:
    """One record, whatever it is."""
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=b"k", headers=list(headers), partition=0)
    finally:
        await producer.stop()

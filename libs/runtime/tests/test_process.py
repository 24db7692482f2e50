"""A service as a real process: start, readiness, loss of broker and store, stop, exit codes."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from aiokafka import AIOKafkaConsumer

from libs.runtime.tests.samples import issued, kill_broker_for_good, outgoing, until
from libs.runtime.tests.toy_service import NAME, build
from seatledger.devstack import Devstack
from seatledger.runtime import process
from seatledger.runtime.config_file import load_config
from seatledger.runtime.epoch import epoch_done, raise_epoch, read_epoch
from seatledger.runtime.kafka_client import Connection, KafkaSink
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.run import main
from seatledger.runtime.runfile import ENV_BROKER, ENV_STORE, Endpoints
from seatledger.runtime.topics import apply_topics
from seatledger.schemas.envelope import Event
from seatledger.schemas.topics import CHANGED, COMMANDS, MAPPED, Topic

ROOT = Path(__file__).parents[3]


class Toy:
    """One process of the toy service."""

    def __init__(self, child: asyncio.subprocess.Process, ready: dict[str, Any]) -> None:
        self.child = child
        self.ready = ready

    async def get(self, path: str) -> tuple[int, str]:
        return await asyncio.to_thread(_get, f"http://{self.ready['http']}{path}")

    async def green(self) -> bool:
        return (await self.get("/readyz"))[0] == 200

    async def red(self) -> bool:
        return not await self.green()

    async def stop(self) -> float:
        """SIGTERM; seconds until its end, which is a good one."""
        began = time.monotonic()
        self.child.terminate()
        assert await asyncio.wait_for(self.child.wait(), 15) == 0
        return time.monotonic() - began


def _get(url: str) -> tuple[int, str]:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310  # the address of our own child
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


class World:
    """A stack of the test's own, topics, an epoch, and toys."""

    def __init__(self, path: Path, endpoints: Endpoints, stack: Devstack, store: MongoStore) -> None:
        self.path, self.endpoints, self.stack, self.store = path, endpoints, stack, store
        self.config = load_config(path)
        self.sink = KafkaSink(Connection.of(endpoints, self.config))
        self.children: list[asyncio.subprocess.Process] = []

    async def new_epoch(self) -> None:
        await apply_topics(self.endpoints, self.config)
        await raise_epoch(self.store)

    async def toy(self, replica: str = NAME) -> Toy:
        env = os.environ | {ENV_BROKER: self.endpoints.broker, ENV_STORE: self.endpoints.store}
        command = ["-m", "libs.runtime.tests.toy_service", "--config", str(self.path), "--replica", replica]
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            env=env,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.children.append(child)
        assert child.stdout is not None
        line = await asyncio.wait_for(child.stdout.readline(), 30)
        return Toy(child, json.loads(line))

    async def say(self, *numbers: int, topic: Topic = CHANGED) -> None:
        await self.sink.publish([outgoing(number, topic) for number in numbers])

    async def subjects(self, topic: Topic) -> set[str]:
        """Subjects of all events on a topic."""
        name = topic.named(self.config.topics.prefix)
        consumer = AIOKafkaConsumer(
            name, **Connection.of(self.endpoints, self.config).options(), auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            found, more = set[str](), True
            while more:
                batches = await consumer.getmany(timeout_ms=700)
                more = bool(batches)
                found |= {Event.model_validate_json(r.value).subject for records in batches.values() for r in records}
            return found
        finally:
            await consumer.stop()

    async def kept(self) -> int:
        return await self.store.collection("notes").count({"has_outbox": False})

    async def caught_up(self) -> bool:
        return await epoch_done(self.store, NAME) == await read_epoch(self.store)


@pytest.fixture
async def world(tmp_path: Path, config_factory: Callable[..., Path]) -> AsyncIterator[World]:
    path = config_factory()
    async with AsyncExitStack() as closing:

        async def refill() -> None:
            await running.new_epoch()

        stack = await closing.enter_async_context(Devstack(tmp_path / "own", quick_stop=True, on_broker_lost=refill))
        store = MongoStore(stack.addresses.store, load_config(path).store.database)
        closing.push_async_callback(store.close)
        running = World(path, Endpoints(stack.addresses.broker, stack.addresses.store, embedded=True), stack, store)
        await running.new_epoch()
        closing.push_async_callback(running.sink.stop)
        await running.sink.start()
        yield running
        for child in running.children:
            if child.returncode is None:
                child.kill()
                await child.wait()


async def test_life(world: World) -> None:
    """It tells where it listens once it is on the bus, works, answers a command, is ready, measures itself, and stops
    within 10 s with what it was doing done."""
    toy = await world.toy()
    assert toy.ready.keys() == {"ready", "service", "http", "pid"}
    assert (toy.ready["pid"], toy.ready["service"]) == (toy.child.pid, NAME)
    await world.say(*range(50))
    await until(lambda: _equals(world.kept, 50), 15)
    assert await world.subjects(MAPPED) == {f"c{n}" for n in range(50)}
    await world.sink.publish([outgoing(999, COMMANDS)])

    async def answered() -> bool:
        record = await world.store.collection(f"commands_{NAME}").get(issued(999).id)
        return record is not None and (record["answer"] or {}).get("result") == {"notes": 50}

    await until(answered, 10)
    await until(toy.green, 10)
    assert (await toy.get("/healthz"))[0] == 200
    assert 'seatledger_events_total{topic="subscriptions.changed.v1"} 50.0' in (await toy.get("/metrics"))[1]
    assert await toy.stop() < 10


async def _equals(count: Any, wanted: int) -> bool:
    return bool(await count() == wanted)


async def test_broker_loses_its_memory(world: World, tmp_path: Path) -> None:
    """After the broker was killed and came back empty, all that the service holds is said again, with nothing lost that
    is said meanwhile, and it is ready again."""
    toy = await world.toy()
    await world.say(*range(30))
    await until(lambda: _equals(world.kept, 30), 60)
    kill_broker_for_good(world.stack, tmp_path / "own")
    await until(lambda: world.stack.restarts["broker"] == 1, 60)

    async def second_epoch() -> bool:
        return await read_epoch(world.store) == 2 and await world.caught_up()

    await until(second_epoch, 60)
    await world.say(30)
    await until(lambda: _equals(world.kept, 31), 60)
    assert await world.subjects(MAPPED) == {f"c{n}" for n in range(31)}
    await until(toy.green, 15)


async def test_store_killed(world: World) -> None:
    """While the store is being restarted nothing is lost and nothing blamed."""
    toy = await world.toy()
    await world.say(*range(20))
    os.kill(world.stack.pids()["store"], signal.SIGKILL)
    await world.say(*range(20, 40))
    await until(lambda: _equals(world.kept, 40), 40)
    assert await world.store.collection(f"findings_{NAME}").count({}) == 0
    await until(toy.green, 20)


async def test_store_gone_is_red(world: World) -> None:
    """A store that does not answer turns readiness red within 10 s while the process lives on; it heals by itself, and
    a stop without a store is bounded too."""
    toy = await world.toy()
    await until(toy.green, 15)
    pid = world.stack.pids()["store"]
    os.kill(pid, signal.SIGSTOP)
    try:
        await until(toy.red, 10)
        assert "store" in (await toy.get("/readyz"))[1]
        assert (await toy.get("/healthz"))[0] == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    await until(toy.green, 30)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert await toy.stop() < 12
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_broker_gone_is_red(world: World) -> None:
    """A broker that does not answer turns readiness red within 10 s, and it heals by itself."""
    toy = await world.toy()
    await until(toy.green, 15)
    pid = world.stack.pids()["broker"]
    os.kill(pid, signal.SIGSTOP)
    try:
        await until(toy.red, 10)
    finally:
        os.kill(pid, signal.SIGCONT)
    await until(toy.green, 30)


async def test_killed_process(world: World) -> None:
    """What a process that was killed had stored and not published, its successor publishes; what it had not committed
    is read again."""
    first = await world.toy()
    await world.say(*range(200))
    first.child.kill()
    await first.child.wait()
    await world.toy()
    await until(lambda: _equals(world.kept, 200), 30)
    assert await world.subjects(MAPPED) == {f"c{n}" for n in range(200)}


async def test_two_replicas(world: World) -> None:
    """Two replicas share the partitions; one of them stopped, the other goes on with all."""
    first, second = await asyncio.gather(world.toy("toy-1"), world.toy("toy-2"))
    await world.say(*range(40))
    await until(lambda: _equals(world.kept, 40), 30)
    await first.stop()
    await world.say(*range(40, 60))
    await until(lambda: _equals(world.kept, 60), 30)
    await until(second.green, 15)


@pytest.mark.usefixtures("own_logging")
def test_configuration_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong configuration ends with exit code 2 and one line."""
    (tmp_path / "seatledger.yaml").write_text("psa: {}\nsorces: {}\n")
    with pytest.raises(SystemExit) as ended:
        main(NAME, build, ["--config", str(tmp_path / "seatledger.yaml")])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: seatledger.yaml:2: sorces: the key is not known. ")
    assert error.count("\n") == 1


@pytest.mark.usefixtures("own_logging")
@pytest.mark.parametrize("gone", [ENV_STORE, ENV_BROKER])
def test_out_of_reach(
    gone: str, config_factory: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without store or broker a service gives up after its time, with exit code 4 and one line that says where."""
    monkeypatch.setattr(process, "START_SECONDS", 0.5)
    path = str(config_factory())
    away = {ENV_STORE: "mongodb://127.0.0.1:1/?directConnection=true", ENV_BROKER: "127.0.0.1:1"}[gone]
    monkeypatch.setenv(gone, away)
    with pytest.raises(SystemExit) as ended:
        main(NAME, build, ["--config", path])
    assert ended.value.code == 4
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: store: " if gone == ENV_STORE else "error: broker: ")


@pytest.mark.usefixtures("own_logging")
def test_topics_missing(
    config_factory: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without topics a service gives up with exit code 2 and the command that makes them."""
    monkeypatch.setattr(process, "START_SECONDS", 0.5)
    with pytest.raises(SystemExit) as ended:
        main(NAME, build, ["--config", str(config_factory())])
    assert ended.value.code == 2
    assert "seatledger topics apply" in capsys.readouterr().err.splitlines()[-1]

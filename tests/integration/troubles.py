"""Every trouble of docs/troubleshooting.md, brought about; each gives the line that a person reads."""

import asyncio
import io
import json
import subprocess
import zipfile
from collections import namedtuple
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from aiokafka.errors import MessageSizeTooLargeError
from pymongo.errors import OperationFailure

from seatledger.cli.app import build_app, run
from seatledger.cli.checks import store_checks
from seatledger.cli.errors import CliError
from seatledger.cli.up.lock import UpLock
from seatledger.collector.adapters.file_drop.checking import FolderCheck
from seatledger.collector.adapters.file_drop.parse import parse
from seatledger.collector.adapters.file_drop.values import DateForm, Profile
from seatledger.devstack import DevstackError, wheels
from seatledger.devstack.folder import take_folder
from seatledger.psa_writer.adapters.autotask.http import Answer
from seatledger.psa_writer.adapters.autotask.probing import AutotaskProber
from seatledger.runtime.clock import SystemMachine
from seatledger.runtime.config_file import load_config
from seatledger.runtime.health import HealthServer
from seatledger.runtime.kafka import Consumer
from seatledger.runtime.kafka_packing import told
from seatledger.runtime.mongo_errors import short
from seatledger.runtime.settings_file import ConfigError
from seatledger.runtime.topics import TopicError, _verify
from seatledger.schemas.topics import CHANGED
from tests.architecture.product import ROOT
from tests.integration.hands import Program

Usage = namedtuple("Usage", "total used free")
NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)
HEAD = (
    b"source_system,customer_id,customer_name,subscription_id,offer_name,billing_cycle,status,quantity,observed_at,"
    b"record_type\n"
)


@dataclass(frozen=True)
class Desk:
    """A folder with a configuration that is right, to be spoiled."""

    folder: Path

    def file(self, name: str, content: bytes = b"a-secret") -> None:
        (self.folder / name).write_bytes(content)

    def says(self, *words: str, **changes: Any) -> str:
        """What a command says: keys of ``psa.main`` and sections other than the right ones."""
        self.file("word")
        main = {
            "kind": "autotask", "url": "http://127.0.0.1:9", "username": "api@example.com", "secret": "${file:word}",
            "integration_code": "${file:word}", "timezone": "Europe/Amsterdam", "currency": "EUR",
        }  # fmt: skip
        sections = {name: value for name, value in changes.items() if isinstance(value, dict)}
        main |= {name: value for name, value in changes.items() if name not in sections}
        return self.reads(json.dumps({"psa": {"main": main}, **sections}), *words)

    def reads(self, text: str, *words: str) -> str:
        """What a command says to a configuration file with this text."""
        self.file("seatledger.yaml", text.encode())
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            run(build_app(), [*(words or ("status",)), "--config", str(self.folder / "seatledger.yaml")])
        return err.getvalue() + out.getvalue()

    def secret(self, content: bytes) -> str:
        self.file("spoiled", content)
        return self.says(secret="${file:spoiled}")


def told_by(kind: type[Exception], act: Callable[[], Any]) -> str:
    """The text of the error that has to come."""
    try:
        act()
    except kind as error:
        return str(error)
    raise AssertionError("nothing went wrong")


def away(desk: Desk) -> str:
    desk.says("--version", broker={"url": "127.0.0.1:1"}, store={"url": "mongodb://127.0.0.1:1/"})
    return Program(desk.folder).ended("check", json_output=False).out


def bad_address(desk: Desk) -> str:
    desk.file("address", b"mongodb://user:pass/word@db.example/")
    return desk.says(broker={"url": "127.0.0.1:1"}, store={"url": "${file:address}"})


def clear_address(desk: Desk) -> str:
    return desk.says(broker={"url": "127.0.0.1:1"}, store={"url": "mongodb://user:password@db.example/"})


def occupied_port(_desk: Desk) -> str:
    any_ = mock.MagicMock()
    first = HealthServer("127.0.0.1:0", service="mapper", replica="", readiness=any_, metrics=any_, log=any_)
    listener = first._listener()
    port = listener.getsockname()[1]
    second = HealthServer(f"127.0.0.1:{port}", service="mapper", replica="", readiness=any_, metrics=any_, log=any_)
    with listener:
        return told_by(ConfigError, second._listener)


def other_partitions(_desk: Desk) -> str:
    async def counts() -> Mapping[str, int]:
        return {CHANGED.name: 4}

    admin: Any = SimpleNamespace(names=lambda: {CHANGED.name: CHANGED}, counts=counts, partitions=12)
    return told_by(TopicError, lambda: asyncio.run(_verify(admin)))


def topic_away(_desk: Desk) -> str:
    at: Any = SimpleNamespace(prefix="")
    delivery: Any = SimpleNamespace(subscription=SimpleNamespace(topic=CHANGED), trouble=None)
    member = Consumer(at, delivery, "group")
    client = SimpleNamespace(partitions_for_topic=lambda _topic: None)
    subscriber: Any = SimpleNamespace(consumer=client, tasks=[SimpleNamespace(done=lambda: False)])
    member._subscriber = subscriber
    return str(asyncio.run(member.check()))


def second_up(desk: Desk) -> str:
    lock = UpLock(desk.folder)
    try:
        return told_by(CliError, lambda: UpLock(desk.folder))
    finally:
        lock.release()


def full_disk(desk: Desk) -> str:
    with mock.patch("shutil.disk_usage", return_value=Usage(10**9, 10**9, 5_000_000)):
        return told_by(DevstackError, lambda: take_folder(desk.folder))


def store_says(**answers: Any) -> Callable[[Desk], str]:
    return lambda _desk: "\n".join(f"{check.message}. {check.do}" for check in store_checks("db", answers, NOW))


def refused(code: int, text: str = "no") -> Callable[[Desk], str]:
    return lambda _desk: short(OperationFailure(text, code))


def old_python(_desk: Desk) -> str:
    with mock.patch("sys.version_info", (3, 10, 4)):
        return told_by(DevstackError, wheels.check_supported)


def no_python(desk: Desk) -> str:
    """``make`` on a machine whose only Python is too old."""
    folder = desk.folder / "bin"
    folder.mkdir()
    (folder / "python3").write_text("#!/bin/sh\nexit 1\n")
    (folder / "uname").symlink_to("/usr/bin/uname" if Path("/usr/bin/uname").exists() else "/bin/uname")
    (folder / "python3").chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", ROOT / ".ci" / "find-python"],
        capture_output=True,
        text=True,
        env={"PATH": str(folder)},
        check=False,
    )
    return done.stderr


def autotask_says(answer: Answer) -> Callable[[Desk], str]:
    def says(_desk: Desk) -> str:
        prober = AutotaskProber("main", "api@example.com", mock.MagicMock(), SystemMachine())
        return "\n".join(
            f"{check.message}. {check.do}" for check in (prober._clock(answer), prober._credentials(answer))
        )

    return says


def hour_off(desk: Desk) -> str:
    behind = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    return autotask_says(Answer(200, {}, behind))(desk)


def folder_check(desk: Desk) -> str:
    check = FolderCheck("drop", desk.folder / "none")._folder()
    return f"{check.message}. {check.do}"


def file_says(content: bytes) -> Callable[[Desk], str]:
    def says(_desk: Desk) -> str:
        read = parse("a.csv", content, Profile(ZoneInfo("UTC"), DateForm.ISO, "."), NOW)
        problems = [read.failure] if read.failure else read.problems
        return "\n".join(f"{problem.message}. {problem.do}" for problem in problems if problem)

    return says


def workbook() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    return content.getvalue()


TROUBLES: dict[str, Callable[[Desk], str]] = {
    "no configuration": lambda desk: told_by(ConfigError, lambda: load_config(desk.folder / "none.yaml")),
    "no YAML": lambda desk: desk.reads("psa:\n\tmain: {}\n"),
    "unknown key": lambda desk: desk.says(mirror_second=5),
    "a section of a later release": lambda desk: desk.says(retention={"days": 30}),
    "value": lambda desk: desk.says(mode="automatic"),
    "secret in clear text": lambda desk: desk.says(secret="hunter2hunter2"),
    "variable": lambda desk: desk.says(secret="${env:NOT_SET}"),
    "secret file missing": lambda desk: desk.says(secret="${file:none}"),
    "secret file unreadable": lambda desk: desk.says(secret="${file:.}"),
    "secret file of Windows": lambda desk: desk.secret("a-secret".encode("utf-16")),
    "secret file empty": lambda desk: desk.secret(b"\n"),
    "secret file with more": lambda desk: desk.secret(b"a-secret\nanother\n"),
    "secret with a letter that is none": lambda desk: desk.secret("a–secret".encode()),
    "http": lambda desk: desk.says(url="http://webservices5.autotask.net"),
    "address too far": lambda desk: desk.says(url="https://webservices5.autotask.net/ATServicesRest/V1.0"),
    "credentials in an address": lambda desk: desk.says(url="https://me:word@webservices5.autotask.net"),
    "time zone": lambda desk: desk.says(timezone="Amsterdam"),
    "set clock": lambda desk: desk.says(url="https://webservices5.autotask.net", clock={"file": "clock"}),
    "brokers with a user": lambda desk: desk.says(broker={"url": "me:word@kafka:9092"}),
    "store's address": bad_address,
    "store's address in clear text": clear_address,
    "store without url": lambda desk: desk.says(store={"tls": True}),
    "nothing runs": lambda desk: desk.says(),
    "broker and store away": away,
    "user refused": refused(18),
    "right missing": refused(13),
    "no journal": store_says(getCmdLineOpts={"parsed": {"storage": {"journal": {"enabled": False}}}}),
    "no journal for a write": refused(2, "cannot use 'j' option when a host does not have journaling enabled"),
    "engine not told": store_says(serverStatus=None),
    "store in memory": store_says(serverStatus={"storageEngine": {"name": "inMemory", "persistent": False}}),
    "no primary": store_says(hello={"isWritablePrimary": False}),
    "store's clock": store_says(hello={"localTime": NOW - timedelta(hours=1)}),
    "Autotask's clock": hour_off,
    "Autotask's secret": autotask_says(Answer(401, None)),
    "integration code": autotask_says(Answer(500, {"errors": ["IntegrationCode is invalid."]})),
    "partitions": other_partitions,
    "topic away": topic_away,
    "event too large": lambda _desk: str(told("commands.v1", MessageSizeTooLargeError())),
    "port": occupied_port,
    "second up": second_up,
    "disk": full_disk,
    "old Python": old_python,
    "no Python": no_python,
    "folder missing": folder_check,
    "empty file": file_says(b""),
    "workbook": file_says(workbook()),
    "UTF-16": file_says(HEAD.decode().encode("utf-16")),
    "no columns": file_says(b"hello\nworld\n"),
    "other encoding": file_says(
        HEAD + "x,C1,Müller,S1,O1,monthly,active,3,2026-03-09T08:00:00Z,snapshot\n".encode("latin-1")
    ),
    "date": file_says(HEAD + b"x,C1,One,S1,O1,monthly,active,3,09.03.2026,snapshot\n"),
    "quantity": file_says(HEAD + b'x,C1,One,S1,O1,monthly,active,"3,0",2026-03-09T08:00:00Z,snapshot\n'),
}

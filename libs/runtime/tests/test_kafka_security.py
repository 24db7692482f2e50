"""TLS and SASL against Apache Kafka with such listeners: who is let in, who is not, and that no password is told."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from libs.runtime.tests.samples import outgoing, until
from seatledger.devstack import Child, Devstack
from seatledger.devstack.kafka import kafka_home, kafka_spec
from seatledger.devstack.ports import PortLease
from seatledger.runtime.bus import BusUnavailableError
from seatledger.runtime.config import Config
from seatledger.runtime.config_file import load_config
from seatledger.runtime.kafka_client import Connection, KafkaSink
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.runfile import endpoints
from seatledger.runtime.topics import apply_topics
from seatledger.schemas.topics import CHANGED

ROOT = Path(__file__).parents[3]
PASSWORD = 'canary "quoted" pass\\word'
"""One that has to be escaped wherever it is written; it may show up nowhere."""
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

pytestmark = pytest.mark.skipif(not kafka_home(), reason="needs Apache Kafka: run by `make test-kafka`")


@dataclass(frozen=True)
class Secured:
    """A broker with a listener for SASL over TLS, and one for TLS alone."""

    sasl: str
    tls: str
    authority: Path

    def settings(self, mechanism: str | None, **other: Any) -> dict[str, Any]:
        """The section ``broker`` of a configuration whose password stands in a file beside it."""
        common = {"tls": True, "tls_ca": str(self.authority)}
        if mechanism is None:
            return {"url": self.tls, **common, **other}
        user = {"sasl_mechanism": mechanism, "sasl_username": "seatledger", "sasl_password": "${file:password}"}
        return {"url": self.sasl, **common, **user, **other}


@pytest.fixture(scope="module")
async def secured(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Secured]:
    """Apache Kafka with the settings of compose, and two listeners more."""
    folder = tmp_path_factory.mktemp("secured")
    (folder / "logs").mkdir()
    leases = [PortLease() for _ in range(4)]
    clients, controller, sasl, tls = (lease.port for lease in leases)
    home = kafka_home()
    assert home is not None
    spec = kafka_spec(home, folder, clients, controller)
    assert spec.env is not None
    child = Child(replace(spec, env=_with_listeners(dict(spec.env), folder, sasl, tls)))
    try:
        await child.start()
        await asyncio.to_thread(_add_scram_user, home, f"127.0.0.1:{clients}", folder)
        yield Secured(f"127.0.0.1:{sasl}", f"127.0.0.1:{tls}", folder / "ca.pem")
    finally:
        await child.stop()
        for lease in leases:
            lease.release()


def _with_listeners(env: dict[str, str], folder: Path, sasl: int, tls: int) -> dict[str, str]:
    added = {"SASL": ("SASL_SSL", sasl), "TLS": ("SSL", tls)}
    for key in ("KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS"):
        env[key] = ",".join([env[key], *(f"{name}://127.0.0.1:{port}" for name, (_, port) in added.items())])
    key = "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"
    env[key] = ",".join([env[key], *(f"{name}:{protocol}" for name, (protocol, _) in added.items())])
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return env | {
        "KAFKA_SSL_KEYSTORE_TYPE": "PEM",
        "KAFKA_SSL_KEYSTORE_LOCATION": str(_certificate(folder)),
        "KAFKA_SASL_ENABLED_MECHANISMS": ",".join(MECHANISMS),
        "KAFKA_LISTENER_NAME_SASL_PLAIN_SASL_JAAS_CONFIG": f"{plain} required user_seatledger={_quoted(PASSWORD)};",
        "KAFKA_LISTENER_NAME_SASL_SCRAM___SHA___256_SASL_JAAS_CONFIG": scram,
        "KAFKA_LISTENER_NAME_SASL_SCRAM___SHA___512_SASL_JAAS_CONFIG": scram,
    }


def _quoted(text: str) -> str:
    """A string of JAAS inside a properties file: each of the two takes backslashes for itself."""
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'.replace("\\", "\\\\")


def _certificate(folder: Path) -> Path:
    """Key and certificate for 127.0.0.1 in the one form that Kafka reads; its authority goes to ``ca.pem``."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(text + b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return folder / "server.pem"


def _add_scram_user(home: Path, broker: str, folder: Path) -> None:
    """By Kafka's own tool, which takes one mechanism at a time."""
    java = [shutil.which("java") or "java", "-cp", f"{home}/libs/*", "kafka.admin.ConfigCommand"]
    who = ["--bootstrap-server", broker, "--alter", "--entity-type", "users", "--entity-name", "seatledger"]
    added = folder / "scram.properties"
    for mechanism in MECHANISMS[1:]:
        added.write_text(f"{mechanism}=password={PASSWORD}\n".replace("\\", "\\\\"))
        subprocess.run([*java, *who, "--add-config-file", str(added)], check=True, capture_output=True)


@dataclass(frozen=True)
class Installed:
    """A configuration with a secured broker, and the file it is in."""

    path: Path
    config: Config

    @property
    def connection(self) -> Connection:
        return Connection.of(endpoints(self.config), self.config)


@pytest.fixture
def installed(devstack: Devstack, config_factory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``installed(broker_settings, password)``; child processes are told nothing by the environment."""
    path = config_factory()
    for name in ("SEATLEDGER_BROKER", "SEATLEDGER_STORE"):
        monkeypatch.delenv(name)

    def make(broker: dict[str, Any], password: str = PASSWORD) -> Installed:
        (tmp_path / "password").write_text(password + "\n")
        whole = json.loads(path.read_text())
        whole["broker"] = broker
        whole["store"]["url"] = devstack.addresses.store
        path.write_text(json.dumps(whole))
        return Installed(path, load_config(path))

    return make


@pytest.mark.parametrize("mechanism", [None, *MECHANISMS])
async def test_a_service_works_over_it_and_tells_no_password(
    mechanism: str | None, secured: Secured, installed: Any, tmp_path: Path
) -> None:
    """Topics are made, a service joins its group, reads and publishes; nothing it says or is started with holds the
    password, whatever it logs."""
    made: Installed = installed(secured.settings(mechanism))
    where = endpoints(made.config)
    await apply_topics(where, made.config)
    sink = KafkaSink(made.connection)
    await sink.start()
    await sink.publish([outgoing(number, CHANGED) for number in range(10)])
    await sink.stop()
    store = MongoStore(where.store, made.config.store.database)
    command = [sys.executable, "-m", "libs.runtime.tests.toy_service", "--config", str(made.path)]
    with (tmp_path / "log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=log, stderr=log)
    try:

        async def told() -> bool:
            return await store.collection("notes").count({"has_outbox": False}) == 10

        await until(told, 120)
        process = psutil.Process(child.pid)
        known = [*process.cmdline(), *process.environ().values()]
    finally:
        child.terminate()
        await child.wait()
        await store.drop()
        await store.close()
    said = (tmp_path / "log").read_text()
    assert '"ready": true' in said
    assert PASSWORD not in said + repr(made.config) + repr(made.connection) + repr(known)


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_a_wrong_password_is_refused_without_being_told(
    mechanism: str, secured: Secured, installed: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason says that the broker let nobody in; neither it nor a log holds what was tried."""
    made: Installed = installed(secured.settings(mechanism), password="canary-wrong")
    sink = KafkaSink(made.connection)
    with pytest.raises(BusUnavailableError, match="Authentication failed") as refused:
        await sink.start()
    with pytest.raises(BusUnavailableError, match="Authentication failed"):
        await apply_topics(endpoints(made.config), made.config)
    await sink.stop()
    assert "canary" not in str(refused.value) + caplog.text


async def test_an_authority_that_nobody_named_is_not_trusted(secured: Secured, installed: Any) -> None:
    """With the system's authorities alone the broker's certificate counts for nothing, and the password stays here."""
    made: Installed = installed(secured.settings("PLAIN", tls_ca=None))
    sink = KafkaSink(made.connection)
    with pytest.raises(BusUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        await sink.start()
    await sink.stop()

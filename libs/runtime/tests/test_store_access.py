"""A store with users over TLS: the settings, what the driver makes of them, and what a person is told."""

import asyncio
import contextlib
import gc
import json
import sys
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from seatledger.devstack.ports import PortLease
from seatledger.runtime.config import Config
from seatledger.runtime.config_file import load_config
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.runfile import ENV_BROKER, ENV_STORE, children_environment, endpoints
from seatledger.runtime.settings_file import ConfigError
from seatledger.runtime.store import StoreUnavailableError

PASSWORD = "p@ss/w%ord:é"
"""It would have to be escaped inside an address."""
MAIN = {
    "kind": "autotask", "url": "https://psa.example", "username": "u", "secret": "${file:word}",
    "integration_code": "${file:code}", "timezone": "UTC", "currency": "EUR",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (ENV_BROKER, ENV_STORE):
        monkeypatch.delenv(name, raising=False)


def configured(folder: Path, store: dict[str, Any], broker: dict[str, Any] | None = None) -> Config:
    """A file with this store, beside files with secrets."""
    for name, text in {"word": PASSWORD, "code": "CODE42", "url": "mongodb://u:p%40ss@db.example/?tls=true"}.items():
        (folder / name).write_text(text)
    main = {**MAIN, "secret": "${file:code}"}
    path = folder / "seatledger.yaml"
    path.write_text(json.dumps({"psa": {"main": main}, "store": store, "broker": broker or {"url": "k:9092"}}))
    return load_config(path)


def driver(config: Config) -> Any:
    """The driver's client for a configuration; it has not connected to anything."""
    return MongoStore(endpoints(config).store, config.store.database, access=config.store.driver_options())._client


async def test_user_and_tls_reach_the_driver(tmp_path: Path) -> None:
    """As keys: the password as it is, the database that knows the user, TLS with the authorities that are named."""
    (tmp_path / "ca.pem").write_text(certificate()[0])
    store = {
        "url": "${file:plain}", "username": "ledger", "password": "${file:word}", "auth_source": "users",
        "tls": True, "tls_ca": "ca.pem",
    }  # fmt: skip
    (tmp_path / "plain").write_text("mongodb://db.example:27018/?replicaSet=rs0")
    config = configured(tmp_path, store)
    options = driver(config).options
    credentials = options.pool_options._credentials
    assert (credentials.username, credentials.password, credentials.source) == ("ledger", PASSWORD, "users")
    assert options.pool_options._ssl_context.verify_mode != 0
    assert options.replica_set_name == "rs0"
    assert PASSWORD not in repr(config) + repr(endpoints(config))


async def test_an_address_cannot_weaken_what_is_written_and_read() -> None:
    """A url may hold any option of the driver: writes stay journaled by the majority, reads stay the primary's."""
    weak = "mongodb://127.0.0.1:1/?w=0&journal=false&readPreference=secondary&retryWrites=true"
    store = MongoStore(weak, "any")
    assert store._database.write_concern.document == {"w": "majority", "j": True}
    assert store._database.read_preference.mode == 0
    assert store._client.options.retry_writes is False
    await store.close()


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://u:hunter2/w@db.example/",
        "mongodb://u:hunter2@w@db.example/",
        "mongodb://u:hunter2%zz@db.example/",
        "postgres://u:hunter2@db.example/",
        "mongodb://u:hunter2@db.example/?tls=true&tlsCAFile=/nowhere/ca.pem",
    ],
)
def test_an_address_that_is_none_is_not_quoted(url: str) -> None:
    """The driver's own text holds what it took for a database's name: a part of the password."""
    with pytest.raises(ConfigError) as caught:
        MongoStore(url, "any")
    assert str(caught.value).startswith("store.url: ")
    assert "hunter2" not in str(caught.value)
    assert "/w" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ({"username": "u", "password": "${file:word}"}, ("store.username", "store.url")),
        ({"url": "${file:url}", "username": "u"}, ("store.username", "store.password")),
        ({"url": "${file:url}", "password": "${file:word}"}, ("store.password", "store.username")),
        ({"url": "${file:url}", "username": "u", "password": "hunter2"}, ("store.password", "clear text")),
        ({"url": "${file:url}", "tls_ca": "code"}, ("store.tls_ca", "store.tls: true")),
        ({"url": "${file:url}", "tls": True, "tls_ca": "none.pem"}, ("store.tls_ca", "none.pem")),
    ],
)
def test_settings_that_would_be_passed_over_are_refused(
    tmp_path: Path, store: dict[str, Any], told: tuple[str, ...]
) -> None:
    """Half a sign-in, or authorities without TLS, would connect otherwise than somebody meant."""
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, store)
    assert all(part in str(caught.value) for part in told)
    assert "hunter2" not in str(caught.value)


def test_no_child_gets_a_configured_address_by_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may list processes reads their environments; children read the file themselves."""
    monkeypatch.setenv("HOME_OF_IT", "x")
    config = configured(tmp_path, {"url": "${file:url}"})
    found = endpoints(config)
    env = children_environment(config, found)
    assert env["HOME_OF_IT"] == "x"
    assert not env.keys() & {ENV_BROKER, ENV_STORE}
    assert found.store_host == "db.example"
    monkeypatch.setenv(ENV_BROKER, "127.0.0.1:1")
    monkeypatch.setenv(ENV_STORE, "mongodb://127.0.0.1:2/")
    embedded = configured(tmp_path, {}, {"url": None})
    env = children_environment(embedded, endpoints(embedded))
    assert (env[ENV_BROKER], env[ENV_STORE]) == ("127.0.0.1:1", "mongodb://127.0.0.1:2/")


@pytest.mark.parametrize("servers", ["u:hunter2@k:9092", "kafka://k:9092"])
def test_brokers_are_hosts_and_ports_alone(tmp_path: Path, servers: str) -> None:
    """A password there would stand in every message about the broker."""
    with pytest.raises(ConfigError, match="sasl_username") as caught:
        configured(tmp_path, {}, {"url": servers})
    assert "hunter2" not in str(caught.value)


# -- a store that asks for a password, over TLS -------------------------------------------------------------------


def certificate() -> tuple[str, str]:
    """A self-signed certificate for 127.0.0.1 and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a store of the tests")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain).decode()
    return built.public_bytes(pem).decode(), private


@asynccontextmanager
async def running(folder: Path, port: int, *flags: str, **options: Any) -> AsyncIterator[AsyncMongoClient[Any]]:
    """The embedded store's program with flags of its own, until it answers; with a driver's client."""
    command = ["-I", "-m", "secantus", "--config", "empty.toml", "--host", "127.0.0.1", "--port", str(port)]
    (folder / "empty.toml").touch()
    with (folder / "store.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, "--storage-path", "data", *flags, cwd=folder, stdout=log, stderr=log
        )
    client: AsyncMongoClient[Any] = AsyncMongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500, **options
    )
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    await client.admin.command("ping")
                    break
                except PyMongoError:
                    assert process.returncode is None, (folder / "store.log").read_text()
        yield client
    finally:
        await client.close()
        process.kill()
        await process.wait()


@asynccontextmanager
async def guarded_store(folder: Path) -> AsyncIterator[tuple[Path, int]]:
    """A store with one user, whose certificate is its own authority."""
    lease = PortLease()
    port = lease.port
    public, private = certificate()
    (folder / "ca.pem").write_text(public)
    (folder / "key.pem").write_text(private)
    (folder / "other.pem").write_text(certificate()[0])
    async with running(folder, port) as client:
        roles = [{"role": "readWrite", "db": "seatledger"}]
        await client.admin.command("createUser", "ledger", pwd=PASSWORD, roles=roles)
        journaled = WriteConcern(w="majority", j=True)  # it carries what was written before it to the disk
        await client.get_database("seatledger", write_concern=journaled)["notes"].insert_one({"_id": "first"})
    flags = ("--auth", "--tls-cert-file", "ca.pem", "--tls-key-file", "key.pem")
    async with running(folder, port, *flags, tls=True, tlsCAFile=str(folder / "ca.pem")):
        yield folder, port
    lease.release()


@pytest.fixture(scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Path, int]]:
    async with guarded_store(tmp_path_factory.mktemp("guarded")) as found:
        yield found


@asynccontextmanager
async def access(guarded: tuple[Path, int], **changes: Any) -> AsyncIterator[MongoStore]:
    """The guarded store, with its user and its authority unless told otherwise."""
    folder, port = guarded
    options = {"username": "ledger", "password": PASSWORD, "tls": True, "tlsCAFile": str(folder / "ca.pem")} | changes
    address = f"mongodb://127.0.0.1:{port}/?directConnection=true"
    given = {name: value for name, value in options.items() if value is not None}
    store = MongoStore(address, "seatledger", access=given, patience=5.0)
    try:
        yield store
    finally:
        await store.close()


async def test_a_store_with_users_over_tls_is_used(guarded: tuple[Path, int]) -> None:
    """Sign-in and encryption as configured: documents are written and read."""
    async with access(guarded) as store, asyncio.timeout(60):
        while True:  # two seconds, as readiness has them, can be short for a first sign-in on a busy machine
            with contextlib.suppress(StoreUnavailableError):
                await store.ping()
                break
        assert await store.collection("notes").insert({"_id": "mine", "rev": 1})
        assert await store.collection("notes").get("mine") == {"_id": "mine", "rev": 1}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"password": "wrong-one"}, "user or password are refused"),
        ({"username": None, "password": None}, "readWrite"),
    ],
    ids=["another password", "no user"],
)
async def test_who_is_refused_is_told_why(guarded: tuple[Path, int], changes: dict[str, Any], told: str) -> None:
    """At once, in words that name the keys, and without the password."""
    message = await refusal(guarded, **changes)
    assert told in message
    assert PASSWORD not in message
    assert "wrong-one" not in message


async def test_a_store_with_another_authority_is_refused(tmp_path: Path) -> None:
    """Told with the reason. Its own store: the embedded one takes nobody else while a handshake hangs, and the driver
    leaves the connection of a failed one to the garbage collector."""
    async with guarded_store(tmp_path) as found:
        assert "CERTIFICATE_VERIFY_FAILED" in await refusal(found, tlsCAFile=str(tmp_path / "other.pem"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


async def refusal(guarded: tuple[Path, int], **changes: Any) -> str:
    async with access(guarded, **changes) as store:
        with pytest.raises(StoreUnavailableError) as caught:
            await store.collection("notes").get("x")
    return str(caught.value)

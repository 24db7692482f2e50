"""Fixtures for tests anywhere in the repository that need the real broker and store (embedded, one pair a session)."""

import json
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from seatledger.devstack import Devstack
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.runfile import ENV_BROKER, ENV_STORE

pytest.register_assert_rewrite("seatledger.runtime.store_conformance")

ConfigFactory = Callable[..., Path]
LONG = (
    "tests/simulation/",
    "tests/integration/",
    "test_canaries.py",
    "test_up.py",
    "test_switches.py",
    "test_examples_started.py",
    "_process.py",
    "_sandbox.py",
)
"""Modules that start processes and wait for them."""
OWN_STACKS = (
    "tests/simulation/test_histories.py",
    "tests/integration/test_full_disk.py",
    "tests/integration/test_up.py",
    "tests/integration/test_restore.py",
    "tests/integration/test_getting_started.py",
    "tests/integration/test_guides.py",
    "tests/security/test_canaries.py",
    "cli/tests/test_up.py",
    "psa-writer/tests/test_writer_process.py",
    "runtime/tests/test_process.py",
)
"""Modules that start a broker of their own."""


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Who needs a broker is marked so: `make test-kafka` runs the same tests again on Apache Kafka."""
    fixtures = {"config_factory", "stack"} & set(getattr(item, "fixturenames", ()))
    if (fixtures or any(part in item.path.as_posix() for part in OWN_STACKS)) and "/devstack/" not in item.nodeid:
        item.add_marker("broker")
    if item.get_closest_marker("broker"):
        item.user_properties.append(("broker", "yes"))  # into the report, for .ci/side_by_side.py


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long modules first, so that no worker begins one when the others have finished."""
    items.sort(key=lambda item: not any(part in item.path.as_posix() for part in LONG))


@pytest.fixture(scope="session")
async def devstack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Devstack]:
    """Broker and store on free ports, supervised. A test that kills one of them starts a stack of its own."""
    async with Devstack(tmp_path_factory.mktemp("stack") / "st", quick_stop=True) as stack:
        yield stack


@pytest.fixture
def fresh_name() -> str:
    """A name that no other test uses: of the database, and the prefix of topics and groups."""
    return f"t{secrets.token_hex(4)}"


@pytest.fixture
async def store(devstack: Devstack, fresh_name: str) -> AsyncIterator[MongoStore]:
    """A database of the test's own, gone afterwards."""
    store = MongoStore(devstack.addresses.store, fresh_name)
    yield store
    await store.drop()
    await store.close()


@pytest.fixture
def config_factory(
    devstack: Devstack, fresh_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ConfigFactory:
    """``config_factory(sources={...})`` writes a seatledger.yaml for the session's stack, with a prefix of topics and a
    database of the test's own, and returns its path; sections given replace the default ones. Child processes inherit
    the addresses by the environment."""
    monkeypatch.setenv(ENV_BROKER, devstack.addresses.broker)
    monkeypatch.setenv(ENV_STORE, devstack.addresses.store)
    monkeypatch.setenv("SEATLEDGER_TEST_SECRET", "not-a-secret")

    def write(**sections: Any) -> Path:
        path = tmp_path / "seatledger.yaml"
        path.write_text(json.dumps(_defaults(fresh_name) | sections))
        return path

    return write


def _defaults(name: str) -> dict[str, Any]:
    main = {
        "kind": "autotask",
        "url": "http://127.0.0.1:1",
        "username": "api@example.com",
        "secret": "${env:SEATLEDGER_TEST_SECRET}",
        "integration_code": "${env:SEATLEDGER_TEST_SECRET}",
        "timezone": "Europe/Amsterdam",
        "currency": "EUR",
    }
    return {
        "store": {"database": name},
        "topics": {"prefix": f"{name}.", "partitions": 3},
        "psa": {"main": main},
        "sources": {"drop": {"kind": "file-drop", "psa": "main", "folder": "drop"}},
    }

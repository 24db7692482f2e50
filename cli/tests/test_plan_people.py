"""``plan show`` for people: what is behind a plan, in names."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.tests.small_month import Month, march
from seatledger.cli import session as session_module
from seatledger.cli.app import build_app, run
from seatledger.cli.context import Context
from seatledger.cli.plan_people import Meaning
from seatledger.cli.session import Session
from seatledger.runtime.runfile import Endpoints


@pytest.fixture(scope="module")
def month() -> Iterator[Month]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        yield march(Path(folder), patch)


def shown(month: Month, plan: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    @asynccontextmanager
    async def opened(context: Context) -> AsyncIterator[Session]:
        where = Endpoints("127.0.0.1:1", "mongodb://127.0.0.1:2", True)
        yield Session(context, month.config, where, month.store, month.calendar)

    monkeypatch.setattr(session_module, "session", opened)
    monkeypatch.setenv("COLUMNS", "200")
    assert run(build_app(), ["plan", "show", plan]) == 0
    return capsys.readouterr().out


def stored(month: Month, collection: str) -> list[dict[str, Any]]:
    return asyncio.run(month.store.collection(collection).find({}))


def company_key(plan: dict[str, Any]) -> str:
    return f"{plan['connection']}/{plan['company']}"


def test_a_plan_names_its_company_and_the_subscriptions_behind_it(
    month: Month, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each item of a plan that is done says because of which subscriptions, and nothing waits for a word any more."""
    names = {row["_id"]: row["name"] for row in stored(month, "psa_companies")}
    known = {f"{row['source']}/{row['sighting']['snapshot']['key']['subscription']}" for row in stored(month, "mapped")}
    done = [plan for plan in stored(month, "plans") if plan["state"] == "done"]
    assert done
    for plan in done:
        told = shown(month, plan["_id"], monkeypatch, capsys)
        assert f"({names[company_key(plan)]})" in told
        assert "waits for your word" not in told
        for item in plan["items"]:
            (line,) = [text for text in told.splitlines() if text.startswith(f"line {item['line']}: because of ")]
            assert any(one in line for one in known)


def test_a_line_of_many_subscriptions_names_a_few() -> None:
    """Five are named and the others counted; what is told twice stands there once, what is forgotten not at all."""
    means = Meaning(subscriptions={f"e{n}": f"north/S-{n % 7}" for n in range(14)})
    told = means.behind([*(f"e{n}" for n in range(14)), "forgotten"])
    assert told == "north/S-0, north/S-1, north/S-2, north/S-3, north/S-4, and 2 more"
    assert means.behind(["forgotten"]) == ""


def test_a_subscription_is_named_as_its_source_is_called_now() -> None:
    """A renamed account stands under the name that the configuration has for it, others under their own."""
    means = Meaning(names={"old": "south"})
    assert [means.place("old", "S-1"), means.place("north", "S-2")] == ["south/S-1", "north/S-2"]

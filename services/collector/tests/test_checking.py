"""``check``: what a source lacks is red and says what to do; nothing at the source changes by it."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seatledger.collector.adapters.file_drop import FolderCheck
from seatledger.collector.adapters.partner_center import AccountCheck
from seatledger.collector.handlers.check_connection import CheckSources, Try
from seatledger.schemas.commands import Check, CheckConnection, CommandIssued, Owner
from seatledger.schemas.ids import CommandId, SourceName
from services.collector.tests.partner_center_tenant import SECRET, Account, account, always, licence

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)


def command(source: str | None = None) -> CommandIssued:
    body = CheckConnection(source=None if source is None else SourceName(source))
    return CommandIssued(id=CommandId("k"), owner=Owner.COLLECTOR, actor="ann", issued_at=NOW, body=body)


async def tried(one: Account) -> dict[str, Check]:
    checks = {check.name.removeprefix("source pc: "): check for check in await AccountCheck("pc", one.distributor)()}
    assert SECRET not in str(checks)
    assert all(check.do for check in checks.values() if not check.ok)
    return checks


def red(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if not check.ok]


def test_a_folder_that_works_is_green_and_untouched(tmp_path: Path) -> None:
    """Files wait in it after the check as before, and no folder was made below it."""
    (tmp_path / "a.csv").write_text("x")
    (check,) = asyncio.run(FolderCheck("drop", tmp_path)())
    assert (check.ok, check.do) == (True, "")
    assert "1 files wait" in check.message
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


async def test_a_folder_that_is_not_there_is_red(tmp_path: Path) -> None:
    """A wrong path, or a share that is not mounted."""
    (check,) = await FolderCheck("drop", tmp_path / "none")()
    assert not check.ok
    assert "sources.drop.folder" in check.do


@pytest.mark.parametrize(("right", "place"), [(os.R_OK, ""), (os.W_OK, ""), (os.W_OK, "processed")])
async def test_a_folder_without_a_right_is_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: int, place: str
) -> None:
    """Reading it, and moving files inside it or into where taken files go, each need a right."""
    (tmp_path / "processed").mkdir()
    lacking = tmp_path / place
    monkeypatch.setattr(os, "access", lambda path, mode: not (Path(path) == lacking and mode & right))
    (check,) = await FolderCheck("drop", tmp_path)()
    assert not check.ok
    assert "right" in check.do
    assert str(lacking) in check.message


async def test_an_account_that_works_is_green_and_only_read() -> None:
    """A new token and the first page of customers; no call but sign-ins and reads."""
    one = account(customers={"c1": [licence()], "c2": []})
    checks = await tried(one)
    assert red(checks) == []
    assert list(checks) == ["token", "customers", "prices"]
    assert checks["customers"].message == "2 customers on the first page"
    assert {request.method for request in one.tenant.requests if "oauth2" not in request.url.path} == {"GET"}


async def test_a_secret_that_expired_is_red_though_an_old_token_is_good() -> None:
    """The check signs in anew: what the token still allows proves nothing about the secret."""
    one = account(customers={"c1": []})
    await one.distributor.waiting()
    assert red(await tried(one)) == []
    one.tenant.rules.append(always("/oauth2/token", 401, error="invalid_client", error_description="expired"))
    checks = await tried(one)
    assert red(checks) == ["token"]
    assert "client_secret" in checks["token"].do
    assert "customers" not in checks


@pytest.mark.parametrize("status", [403, 404])
async def test_an_application_that_may_not_read_customers_is_red(status: int) -> None:
    """Signed in and refused: it lacks access to Partner Center, or its tenant's consent."""
    one = account(customers={"c1": []})
    one.tenant.rules.append(always("/customers", status, code=900, description="not allowed"))
    checks = await tried(one)
    assert red(checks) == ["customers"]
    assert "Entra" in checks["customers"].do


async def test_a_source_that_does_not_answer_is_red() -> None:
    """After the adapter's own retries; the message says so."""
    one = account(customers={"c1": []})
    one.tenant.break_off()
    assert red(await tried(one)) == ["token"]


async def test_a_price_list_that_cannot_be_read_is_red(tmp_path: Path) -> None:
    """One that is configured and is no list."""
    prices = tmp_path / "prices.csv"
    prices.write_text("nothing,of,this\n1,2,3\n")
    one = account(customers={"c1": []}, prices=prices)
    assert red(await tried(one)) == ["prices"]


async def well() -> list[Check]:
    return [Check(name="source a: folder", ok=True, message="fine")]


async def never() -> list[Check]:
    await asyncio.Event().wait()
    return []


async def test_each_source_is_tried_and_one_that_hangs_does_not_hold_the_others() -> None:
    """All of them without a name, one with it; patience has an end, and an unknown name is a no."""
    tries: dict[SourceName, Try] = {SourceName("a"): well, SourceName("b"): never}
    handler = CheckSources(tries, patience=0.01)
    everything = await handler(command())
    assert not everything.ok
    rows: list[dict[str, Any]] = everything.result["checks"]
    assert [(row["name"], row["ok"]) for row in rows] == [("source a: folder", True), ("source b", False)]
    assert "sources.b" in rows[1]["do"]
    assert (await handler(command("a"))).ok
    assert not (await handler(command("c"))).ok

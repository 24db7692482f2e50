"""The same file again: nothing under the settings that it was read under, news under others; moved back it is read."""

import json
from collections.abc import AsyncIterator, Mapping
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from seatledger.collector.adapters.memory import MemoryAccount
from seatledger.collector.settings import account as configured
from seatledger.runtime.config import FileDropConfig
from seatledger.runtime.config_file import load_config
from seatledger.schemas.subscriptions import Change, Status
from services.collector.tests.collector_samples import DROP, KEEP, ZERO, account, at, csv_text, on, row
from services.collector.tests.collector_world import Crash, Fuse, World

LIST = csv_text({"observed_at": ""}, {"observed_at": "", "subscription_id": "S2", "customer_id": "c2"})
SHORTER = csv_text({"observed_at": ""})
OTHERS = {
    **{"psa": "second", "dates": "dmy", "decimal": ",", "suspension": "keep_billing"},
    **{"include": ["c1"], "exclude": ["c1"]},
}
"""Each setting that decides what a row becomes, with a value that is not its default."""
NEVER_OF_ROWS = {
    *("kind", "folder", "poll_seconds", "complete", "mass_decrease_percent"),
    *("rank", "required", "retired", "renamed_from"),
}


def lists(folder: Path, **settings: Any) -> World:
    return World(folder=folder, account=account(complete=True, mass_decrease_percent=100, **settings))


def rules(folder: Path, source: Mapping[str, Any] = MappingProxyType({}), *, zone: str = "Europe/Amsterdam") -> str:
    """Those of an account that is configured so."""
    autotask = {"kind": "autotask", "url": "http://127.0.0.1:1", "currency": "EUR", "timezone": zone}
    psa = {**autotask, "username": "api@example.com", "secret": "${env:PATH}", "integration_code": "${env:PATH}"}
    drop = {"kind": "file-drop", "psa": "main", "folder": "drop", **source}
    path = folder / "seatledger.yaml"
    path.write_text(json.dumps({"psa": {"main": psa, "second": psa}, "sources": {"drop": drop}}))
    return configured(load_config(path), DROP).rules


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.csv"))


async def test_a_file_moved_back_is_read(tmp_path: Path) -> None:
    """The last one taken, moved back from where it was put, is a delivery like any other: read, told, put away."""
    world = World(folder=tmp_path)
    world.put("1.csv", "hello\n")
    assert not (await world.sweep()).complete
    (tmp_path / "failed" / "1.csv").rename(tmp_path / "1.csv")
    assert not (await world.sweep()).complete
    world.put("2.csv", csv_text({}))
    await world.sweep()
    (tmp_path / "processed" / "2.csv").rename(tmp_path / "2.csv")
    result = await world.sweep()
    assert (result.subscriptions, result.changed) == (1, 0)
    assert files(tmp_path) == ["failed/1.csv", "processed/2.csv"]


async def killed_at_each_step(folder: Path, text: str) -> AsyncIterator[World]:
    """Worlds whose first sweep, of one file ``1.csv``, was killed: one for each step that a sweep has."""
    for step in count(1):
        below = folder / str(step)
        below.mkdir()
        world = World(folder=below)
        world.put("1.csv", text)
        try:
            await world.sweeper(Fuse(left=step)).sweep()
        except Crash:
            yield world
        else:
            assert step > 10
            return


async def test_a_file_moved_back_is_read_wherever_the_process_died_before(tmp_path: Path) -> None:
    """Died before or after the file was put away: the next sweep ends that, the one after it reads what came back."""
    async for dying in killed_at_each_step(tmp_path, csv_text({})):
        await dying.sweep()
        assert dying.folder is not None
        (dying.folder / "processed" / "1.csv").rename(dying.folder / "1.csv")
        assert (await dying.sweep()).subscriptions == 1, dying.folder


async def test_a_customer_no_longer_left_out_begins_with_the_same_list(tmp_path: Path) -> None:
    """Monday's list skipped c1; without `exclude` Tuesday's, byte for byte the same, begins it on its own day."""
    world = lists(tmp_path, exclude=("c1",))
    world.put("1.csv", LIST)
    await world.sweep()
    world.account, world.calendar.at = account(complete=True), at(11)
    world.put("2.csv", LIST)
    result = await world.sweep()
    asks = world.last("S1").asks
    assert asks is not None
    assert (result.changed, asks.since, asks.units.last, len(world.said("S2"))) == (1, on(11), 10, 1)


async def test_another_suspension_counts_with_the_same_file(tmp_path: Path) -> None:
    """What was 0 while suspended is 10 under keep_billing; the file is the same one, moved back."""
    world = World(folder=tmp_path)
    world.put("1.csv", csv_text({"observed_at": "", "status": "suspended"}))
    await world.sweep()
    world.account = account(suspension=KEEP)
    (tmp_path / "processed" / "1.csv").rename(tmp_path / "1.csv")
    await world.sweep()
    assert [event.asks.units.last for event in world.said() if event.asks] == [0, 10]


def test_each_setting_is_known_to_decide_about_rows_or_not_to(tmp_path: Path) -> None:
    """Another value of one that does is another fingerprint; a setting that is new has to be told here."""
    as_it_is = rules(tmp_path)
    others = {name: rules(tmp_path, {name: value}) for name, value in OTHERS.items()}
    assert len({as_it_is, rules(tmp_path, zone="Europe/London"), *others.values()}) == 2 + len(OTHERS)
    assert set(OTHERS) | NEVER_OF_ROWS == set(FileDropConfig.model_fields)
    assert rules(tmp_path, {"complete": True, "mass_decrease_percent": 5, "rank": 2}) == as_it_is


async def test_a_restart_under_the_same_settings_makes_no_file_news(tmp_path: Path) -> None:
    """Settings written in another order are the same ones: no row is read again (this one would no longer find the
    quantity that it changes), and no absence counted."""
    world = lists(tmp_path, exclude=("c8", "c9"))
    change = csv_text({"observed_at": "", "record_type": "change", "previous_quantity": "10", "quantity": "12"})
    world.put("1.csv", LIST)
    world.put("2.csv", change)
    await world.sweep()
    before = world.documents("cursors")[0]
    world.account = lists(tmp_path, exclude=("c9", "c8", "c9")).account
    world.put("3.csv", change)
    await world.sweep()
    after = world.documents("cursors")[0]
    assert (len(world.events()), world.findings.codes(), after["taken"]) == (3, [], 3)
    assert (after["absent"], after["last"]["rules"]) == (before["absent"], before["last"]["rules"])


async def test_under_other_settings_the_same_file_is_no_second_list_that_day(tmp_path: Path) -> None:
    """Its rows are read anew, what it does not have is not missed twice; the next day it is, as any duplicate."""
    world = lists(tmp_path)
    world.put("1.csv", LIST)
    world.put("2.csv", SHORTER)
    await world.sweep()
    for number, suspension in enumerate((KEEP, ZERO, KEEP), 3):
        world.account = lists(tmp_path, suspension=suspension).account
        world.put(f"{number}.csv", SHORTER)
        await world.sweep()
    assert world.last("S2").change is Change.SEEN
    world.account, world.calendar.at = lists(tmp_path).account, at(11)
    world.put("6.csv", SHORTER)
    await world.sweep()
    assert (world.last("S2").change, world.last("S2").effective_on) == (Change.GONE, on(10))


@pytest.mark.parametrize("settings", [{}, {"suspension": KEEP}])
async def test_the_list_taken_last_put_back_is_no_second_list_on_any_day(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    """Moved back next morning, to be read under other settings or by mistake, it is the one that was counted; one that
    the distributor writes anew is another, also on that day."""
    world = lists(tmp_path)
    world.put("1.csv", LIST)
    world.put("2.csv", SHORTER)
    await world.sweep()
    world.account, world.calendar.at = lists(tmp_path, **settings).account, at(11)
    (tmp_path / "processed" / "2.csv").rename(tmp_path / "again.csv")
    await world.sweep()
    assert world.last("S2").change is Change.SEEN
    world.put("3.csv", SHORTER)
    await world.sweep()
    assert (world.last("S2").change, world.last("S2").effective_on) == (Change.GONE, on(10))


async def test_what_was_begun_under_other_settings_is_read_again(tmp_path: Path) -> None:
    """Cut off in the middle and ended after the settings were changed: some rows went by the old ones, so the same
    file again is news."""
    text = csv_text({"observed_at": "", "status": "suspended"})
    async for dying in killed_at_each_step(tmp_path, text):
        dying.account = account(suspension=KEEP)
        await dying.sweep()
        dying.put("2.csv", text)
        await dying.sweep()
        asks = dying.last().asks
        assert asks is not None
        assert asks.units.last == 10, dying.folder


async def test_a_live_account_is_read_anew_whatever_was_read_before() -> None:
    """Partner Center and its like: the next sweep begins who is no longer left out, and goes by another suspension."""
    live = MemoryAccount()
    live.hold(row(10, version=1), row(10, subscription="S2", customer="c2", status=Status.SUSPENDED, version=1))
    world = World(live=live, account=account(exclude=("c1",)))
    await world.sweep()
    world.account = account(suspension=KEEP)
    await world.sweep()
    asked = {name: [event.asks.units.last for event in world.said(name) if event.asks] for name in ("S1", "S2")}
    assert asked == {"S1": [10], "S2": [0, 10]}

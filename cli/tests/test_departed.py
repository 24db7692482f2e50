"""Sources that are gone from the configuration."""

import pytest

from seatledger.cli.errors import CliError, Exit
from seatledger.cli.up.departed import refuse_departed
from seatledger.runtime.config import Config
from seatledger.runtime.memory import MemoryStore
from seatledger.schemas.ids import SourceName

SOUTH = SourceName("south")


def mapped(source: str, number: int, *companies: str) -> dict[str, object]:
    """A row of the mapper that told these companies."""
    told = [{"company": company, "revision": 1} for company in companies]
    return {"_id": f"{source}/{number}//all", "source": source, "snapshot_revision": 1, "told": told}


async def test_a_source_that_is_gone_while_it_has_members_is_named(desk_config: Config) -> None:
    """A source without entry whose subscriptions a company was told of ends `up` with 2, named with their number."""
    store = MemoryStore()
    await store.collection("mapped").upsert_many([mapped("old", n, "main/101") for n in range(3)])
    with pytest.raises(CliError, match=r"sources\.old: .*old \(3 subscriptions\).*retired: true") as caught:
        await refuse_departed(store, desk_config)
    assert caught.value.exit_code is Exit.USAGE


def renamed(config: Config, first: str) -> Config:
    """The same sources, south under another first name."""
    south = config.sources[SOUTH].model_copy(update={"renamed_from": first})
    return config.model_copy(update={"sources": {**config.sources, SOUTH: south}})


async def test_a_renamed_source_is_not_gone(desk_config: Config) -> None:
    """An account whose entry stands under another name is there; once `renamed_from` is dropped it is gone again, and
    the way back is told."""
    store = MemoryStore()
    await store.collection("mapped").upsert_many([mapped("old", 1, "main/101")])
    await refuse_departed(store, renamed(desk_config, "old"))
    with pytest.raises(CliError, match=r"sources\.old: .*renamed_from: old.*retired: true"):
        await refuse_departed(store, desk_config)


async def test_a_name_between_is_no_first_name(desk_config: Config) -> None:
    """Renamed twice: who names the second name instead of the first is told the first one."""
    store = MemoryStore()
    await store.collection("mapped").upsert_many([mapped("old", 1, "main/101")])
    with pytest.raises(CliError, match=r"sources\.south\.renamed_from: nothing .* under between.*`renamed_from: old`"):
        await refuse_departed(store, renamed(desk_config, "between"))


async def test_a_name_with_members_of_its_own_takes_over_nobody_elses(desk_config: Config) -> None:
    """An account under whose own name subscriptions were collected would leave them behind: refused by its name."""
    store = MemoryStore()
    await store.collection("mapped").upsert_many([mapped("old", 1, "main/101"), mapped("south", 2, "main/101")])
    with pytest.raises(CliError, match=r"sources\.south\.renamed_from: south has 1 subscriptions of its own"):
        await refuse_departed(store, renamed(desk_config, "old"))


async def test_a_source_without_members_may_go(desk_config: Config) -> None:
    """A source none of whose subscriptions ever had a company has no members, and its entry may go."""
    store = MemoryStore()
    await store.collection("mapped").upsert_many([mapped("old", 1), mapped("north", 2, "main/101")])
    await refuse_departed(store, desk_config)

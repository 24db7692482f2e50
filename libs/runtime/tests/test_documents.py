"""Documents: pages, and changes of many at once under compare-and-set."""

from collections.abc import Sequence
from functools import partial

import pytest

from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.store import ConflictError, Documents
from seatledger.schemas.documents import Document


class Tally(Document):
    units: int = 0


class Contested(Documents[Tally]):
    """Somebody else saves ``rival`` between each of the first ``times`` reads of many and the save that follows."""

    def __init__(self, rival: str, times: int) -> None:
        super().__init__(MemoryStore().collection("tallies"), Tally)
        self.rival, self.times, self.asked = rival, times, list[list[str]]()

    async def get_many(self, ids: Sequence[str]) -> dict[str, Tally]:
        found = await super().get_many(ids)
        self.asked.append(sorted(ids))
        if self.times and self.rival in ids:
            self.times -= 1
            await self.change(self.rival, partial(added, units=10))
        return found


def added(tally: Tally | None, units: int) -> Tally | None:
    return None if tally is None else tally.model_copy(update={"units": tally.units + units})


async def filled(documents: Documents[Tally], *ids: str) -> None:
    await documents.save_many([Tally(id=one) for one in ids])


async def test_pages_bring_each_document_once_in_order_of_ids() -> None:
    """Also where the last page is full, and only what matches."""
    tallies = Documents(MemoryStore().collection("tallies"), Tally)
    await filled(tallies, *"gfedcba")
    await tallies.change_many({one: partial(added, units=1) for one in "abcd"})
    assert [[one.id for one in page] async for page in tallies.pages(size=3)] == [
        ["a", "b", "c"],
        ["d", "e", "f"],
        ["g"],
    ]
    assert [[one.id for one in page] async for page in tallies.pages({"units": 1}, size=2)] == [["a", "b"], ["c", "d"]]


async def test_who_is_beaten_decides_again_alone() -> None:
    """A lost save is decided anew on what stands then; what was saved is not asked for again."""
    tallies = Contested("b", times=2)
    await filled(tallies, "a", "b")
    await tallies.change_many({one: partial(added, units=1) for one in ("a", "b", "gone")})
    found = await tallies.get_many(["a", "b", "gone"])
    assert {one.id: one.units for one in found.values()} == {"a": 1, "b": 21}
    assert tallies.asked[:3] == [["a", "b", "gone"], ["b"], ["b"]]


async def test_what_changes_nothing_is_not_saved() -> None:
    """Revisions stay: others compare them."""
    tallies = Documents(MemoryStore().collection("tallies"), Tally)
    await filled(tallies, "a")
    await tallies.change_many({"a": lambda tally: tally})
    found = await tallies.get("a")
    assert found is not None
    assert found.rev == 1


async def test_never_standing_still_is_an_error() -> None:
    """It names the document, and does not try for ever."""
    tallies = Contested("a", times=1000)
    await filled(tallies, "a")
    with pytest.raises(ConflictError, match="a changed under 50 attempts"):
        await tallies.change_many({"a": partial(added, units=1)})

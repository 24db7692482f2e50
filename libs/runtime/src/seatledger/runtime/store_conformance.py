"""What every store adapter must do. Subclass :class:`StoreConformance` in a test and give it a fixture ``store``
with an empty database."""
# ruff: noqa: S101  # a suite is made of assertions

import asyncio
from typing import Any

from seatledger.runtime.store import Documents, Store
from seatledger.schemas.base import Json
from seatledger.schemas.documents import Document, Outgoing
from seatledger.schemas.envelope import Event


class Counter(Document):
    """A document of the suite."""

    n: int = 0


def _outgoing(number: int) -> Json:
    event = Event.model_validate(
        {
            "id": f"e{number}",
            "source": "/suite",
            "type": "Suite",
            "subject": "s",
            "time": "2026-03-01T08:00:00Z",
            "dataschema": "urn:seatledger:schema:Suite:1",
            "correlationid": f"e{number}",
            "data": {"n": number},
        }
    )
    return Outgoing(topic="suite", key="k", event=event).model_dump(mode="json")


class StoreConformance:
    """One behaviour a test; ids and collections are the suite's own."""

    async def test_unknown_is_none(self, store: Store) -> None:
        """A document that was never stored is None."""
        assert await store.collection("c").get("nobody") is None

    async def test_insert_once(self, store: Store) -> None:
        """The second insert of an id says False and changes nothing."""
        collection = store.collection("c")
        assert await collection.insert({"_id": "a", "rev": 1, "n": 1})
        assert not await collection.insert({"_id": "a", "rev": 1, "n": 2})
        assert await collection.get("a") == {"_id": "a", "rev": 1, "n": 1}

    async def test_replace_needs_revision(self, store: Store) -> None:
        """A replacement is stored under the next revision, and only if the expected one stood."""
        collection = store.collection("c")
        assert await collection.replace({"_id": "a", "rev": 0, "n": 1}, expected=0)
        assert not await collection.replace({"_id": "a", "rev": 0, "n": 2}, expected=0)
        assert await collection.replace({"_id": "a", "rev": 1, "n": 3}, expected=1)
        assert not await collection.replace({"_id": "a", "rev": 1, "n": 4}, expected=1)
        assert await collection.get("a") == {"_id": "a", "rev": 2, "n": 3}
        assert not await collection.replace({"_id": "never stored", "rev": 5}, expected=5)

    async def test_replace_removes_fields(self, store: Store) -> None:
        """A replacement is the whole document: fields that it lacks are gone."""
        collection = store.collection("c")
        await collection.replace({"_id": "a", "old": 1}, expected=0)
        await collection.replace({"_id": "a", "new": 1}, expected=1)
        assert await collection.get("a") == {"_id": "a", "rev": 2, "new": 1}

    async def test_race_has_one_winner(self, store: Store) -> None:
        """Of many replacements that expect one revision exactly one is stored, and it is the one that was told so."""
        collection = store.collection("c")
        await collection.replace({"_id": "a"}, expected=0)
        won = await asyncio.gather(*(collection.replace({"_id": "a", "n": n}, expected=1) for n in range(8)))
        assert sum(won) == 1
        assert await collection.get("a") == {"_id": "a", "rev": 2, "n": won.index(True)}

    async def test_replace_many_each_on_its_own(self, store: Store) -> None:
        """Of many replacements in one call each is stored or refused by itself, and the answers say which."""
        collection = store.collection("c")
        await collection.replace({"_id": "old", "n": 0}, expected=0)
        await collection.replace({"_id": "moved", "n": 0}, expected=0)
        await collection.replace({"_id": "moved", "n": 1}, expected=1)
        wanted = [({"_id": "new", "n": 7}, 0), ({"_id": "old", "n": 7}, 1), ({"_id": "moved", "n": 7}, 1)]
        assert await collection.replace_many([*wanted, ({"_id": "old", "n": 8}, 0)]) == [True, True, False, False]
        found = {document["_id"]: (document["n"], document["rev"]) for document in await collection.find({})}
        assert found == {"new": (7, 1), "old": (7, 2), "moved": (1, 2)}

    async def test_replace_many_of_all(self, store: Store) -> None:
        """Where all are stored the answers say so; no documents, no answers."""
        collection = store.collection("c")
        assert await collection.replace_many([]) == []
        assert await collection.replace_many([({"_id": str(n)}, 0) for n in range(20)]) == [True] * 20
        assert await collection.replace_many([({"_id": str(n)}, 1) for n in range(20)]) == [True] * 20
        assert {document["rev"] for document in await collection.find({})} == {2}

    async def test_filters(self, store: Store) -> None:
        """The port's filters, on values, nulls, absent fields, lists (also indexed ones) and dotted names."""
        collection = store.collection("c")
        await collection.ensure_index("tags")
        for document in (
            {"_id": "1", "n": 1, "in": {"x": "a"}, "tags": ["p", "q"]},
            {"_id": "2", "n": 2, "in": {"x": "b"}, "nothing": None},
            {"_id": "3", "n": 3, "rows": [{"k": 5}, {"k": 6}]},
        ):
            await collection.insert(document)
        cases: list[tuple[dict[str, Any], str]] = [
            ({}, "123"),
            ({"n": 2}, "2"),
            ({"n": {"$in": [1, 3]}}, "13"),
            ({"_id": {"$in": ["2", "9"]}}, "2"),
            ({"n": {"$ne": 2}}, "13"),
            ({"n": {"$gt": 1, "$lt": 3}}, "2"),
            ({"n": {"$gte": 2}}, "23"),
            ({"n": {"$lte": 1}}, "1"),
            ({"in.x": "b"}, "2"),
            ({"in.x": {"$exists": False}}, "3"),
            ({"in.x": {"$ne": "a"}}, "23"),
            ({"nothing": None}, "123"),
            ({"tags": "q"}, "1"),
            ({"tags": {"$in": ["q", "z"]}}, "1"),
            ({"rows.k": 6}, "3"),
            ({"absent": {"$gt": 0}}, ""),
            ({"n": 2, "in.x": "a"}, ""),
        ]
        for where, ids in cases:
            found = sorted(document["_id"] for document in await collection.find(where))
            assert (where, "".join(found)) == (where, ids)
            assert await collection.count(where) == len(ids)

    async def test_sort_limit_fields(self, store: Store) -> None:
        """Documents come sorted, cut off, and with no more than the fields asked for and ``_id``."""
        collection = store.collection("c")
        for n in (2, 3, 1):
            await collection.insert({"_id": str(n), "n": n, "deep": {"x": n, "y": n}, "more": True})
        found = await collection.find({}, fields=["n", "deep.x"], sort=[("n", -1)], limit=2)
        assert found == [{"_id": "3", "n": 3, "deep": {"x": 3}}, {"_id": "2", "n": 2, "deep": {"x": 2}}]

    async def test_upsert_many(self, store: Store) -> None:
        """A projection's rows are stored whatever stood there."""
        collection = store.collection("c")
        await collection.insert({"_id": "a", "n": 1})
        await collection.upsert_many([{"_id": "a", "n": 2}, {"_id": "b", "n": 3}])
        await collection.upsert_many([])
        assert sorted([(d["_id"], d["n"]) for d in await collection.find({})]) == [("a", 2), ("b", 3)]

    async def test_upsert_newest(self, store: Store) -> None:
        """A projection that comes late leaves a newer one; its own and an older one it replaces, each on its own."""
        collection = store.collection("c")
        await collection.upsert_newest([{"_id": "a", "rev": 5, "n": 5, "old": 1}, {"_id": "b", "rev": 5, "n": 5}])
        late = [{"_id": "b", "rev": 4, "n": 4}, {"_id": "a", "rev": 6, "n": 6}, {"_id": "c", "rev": 1, "n": 1}]
        await collection.upsert_newest(late)
        await collection.upsert_newest([{"_id": "c", "rev": 1, "n": 1}])
        await collection.upsert_newest([])
        found = sorted(await collection.find({}), key=lambda document: document["_id"])
        assert found == [late[1], {"_id": "b", "rev": 5, "n": 5}, late[2]]

    async def test_upsert_newest_under_race(self, store: Store) -> None:
        """Of many projections at once the newest stands in the end, though none stood there before."""
        collection = store.collection("c")
        rows = [[{"_id": key, "rev": rev} for key in "ab"] for rev in (3, 9, 1, 7, 8, 2)]
        await asyncio.gather(*(collection.upsert_newest(row) for row in rows))
        assert [document["rev"] for document in await collection.find({})] == [9, 9]

    async def test_delete_many(self, store: Store) -> None:
        """What matches is gone, and counted."""
        collection = store.collection("c")
        await collection.upsert_many([{"_id": str(n), "n": n} for n in range(4)])
        assert await collection.delete_many({"n": {"$gte": 2}}) == 2
        assert await collection.count({}) == 2

    async def test_unique_index(self, store: Store) -> None:
        """A second document with the values of a unique index is refused by each verb that stores one."""
        collection = store.collection("c")
        await collection.ensure_index("email", unique=True)
        await collection.ensure_index("email", unique=True)
        assert await collection.insert({"_id": "a", "rev": 1, "email": "x"})
        assert not await collection.insert({"_id": "b", "rev": 1, "email": "x"})
        assert await collection.insert({"_id": "b", "rev": 1, "email": "y"})
        assert not await collection.replace({"_id": "b", "email": "x"}, expected=1)
        assert await collection.replace_many([({"_id": "c", "email": "x"}, 0), ({"_id": "d", "email": "z"}, 0)]) == [
            False,
            True,
        ]

    async def test_clear_outbox(self, store: Store) -> None:
        """Published events leave the outbox, others stay, and the revision does not move."""
        collection = store.collection("c")
        entries = [_outgoing(1), _outgoing(2), _outgoing(3)]
        await collection.replace({"_id": "a", "outbox": entries, "has_outbox": True}, expected=0)
        await collection.clear_outbox("a", ["e1", "e3"])
        half = await collection.get("a")
        assert half == {"_id": "a", "rev": 1, "outbox": [entries[1]], "has_outbox": True}
        await collection.clear_outboxes([("a", ["e2"]), ("nobody", ["e2"])])
        assert await collection.get("a") == {"_id": "a", "rev": 1, "outbox": [], "has_outbox": False}
        await collection.clear_outboxes([])

    async def test_documents_change_under_race(self, store: Store) -> None:
        """Many changes of one document at once are all in it at the end: each decides on what it read."""
        documents = Documents(store.collection("c"), Counter)

        def more(current: Counter | None) -> Counter:
            known = current or Counter(id="a")
            return known.model_copy(update={"n": known.n + 1})

        await asyncio.gather(*(documents.change("a", more) for _ in range(6)))
        final = await documents.get("a")
        assert final is not None
        assert (final.n, final.rev) == (6, 6)

    async def test_what_is_read_is_a_copy(self, store: Store) -> None:
        """Changing what was read or handed over changes nothing in the store."""
        collection = store.collection("c")
        mine: Json = {"_id": "a", "rev": 1, "list": [1]}
        await collection.insert(mine)
        mine["list"].append(2)
        read = await collection.get("a")
        assert read is not None
        read["list"].append(3)
        assert await collection.get("a") == {"_id": "a", "rev": 1, "list": [1]}

    async def test_ping(self, store: Store) -> None:
        """A store that is there answers."""
        await store.ping()

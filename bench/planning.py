"""The contract planner on 100,000 subscriptions of 20,000 contracts, from stored state to saved plans and intents.

A process of its own. *Deciding* is all that is not waiting for the store: reading documents into models, planning,
writing models as documents. The store's reads and writes are shown beside it.
"""

import asyncio
import tempfile
from pathlib import Path

from pymongo import AsyncMongoClient

from bench.results import Results, say
from bench.samples import batched
from bench.station import Station, station
from bench.town import CONTRACTS, SUBSCRIPTIONS, company, once, stored
from seatledger.schemas.base import Json

COMPANIES = 10_000
STEPS = 10
SECONDS, MEGABYTES = 60.0, 1000.0
SEEDED_TOGETHER = 200
"""Companies."""


def measure(results: Results) -> None:
    asyncio.run(_measure(results))


async def _measure(results: Results, companies: int = COMPANIES, steps: int = STEPS) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        async with station(Path(name)) as at:
            await at.begin("planning")
            say(f"  storing {companies} companies …")
            await _seed(at, companies)
            lines = []
            async with at.stage("planner", str(companies // steps), str(companies)) as stage:
                for _ in range(steps):
                    lines.append(await stage.says("companies"))
                    say(f"  {lines[-1]['companies'] * SUBSCRIPTIONS} planned, deciding {lines[-1]['deciding']:.1f} s")
    _tell(results, lines)


def _tell(results: Results, lines: list[Json]) -> None:
    last = lines[-1]
    subscriptions, contracts = last["companies"] * SUBSCRIPTIONS, last["companies"] * CONTRACTS
    whole = last["released"] == subscriptions
    what = f"{subscriptions} subscriptions on {contracts} contracts"
    note = f"{last['released']} intents released"
    results.below(f"deciding {what}", last["deciding"], "s", SECONDS, whole=whole, note=note)
    results.below(f"memory while planning {what}", last["peak"] / 1e6, "MB", MEGABYTES)
    results.shown("reading what that is decided from", last["reading"], "s")
    results.shown("saving what was decided", last["saving"], "s")
    series = {
        kind: [(line["companies"] * SUBSCRIPTIONS, line[kind]) for line in lines]
        for kind in ("deciding", "reading", "saving")
    }
    results.growth("planning from stored state", "subscriptions planned", "s", series)


async def _seed(at: Station, companies: int) -> None:
    """Straight into the store: how long that takes is no figure of ours."""
    client: AsyncMongoClient[Json] = AsyncMongoClient(at.addresses.store)
    database = client.get_database(at.database)
    for collection, document in stored(once()):
        await database.get_collection(collection).insert_one(document)
    for numbers in batched(range(companies), SEEDED_TOGETHER):
        waiting: dict[str, list[Json]] = {}
        for number in numbers:
            for collection, document in stored(company(number)):
                waiting.setdefault(collection, []).append(document)
        for collection, documents in waiting.items():
            await database.get_collection(collection).insert_many(documents, ordered=False)
    await client.close()

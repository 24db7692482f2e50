"""The contract planner's process without bus: plans companies that stand in the store, and says how long what took."""

import gc
import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog

from bench.samples import NOW, batched
from bench.town import company_id
from seatledger.contract_planner.app import build
from seatledger.contract_planner.handlers.planner import Planner
from seatledger.contract_planner.handlers.planning_loop import PlanningLoop
from seatledger.runtime.bus import MemorySink
from seatledger.runtime.clock import FixedCalendar, SystemMachine
from seatledger.runtime.config import Config
from seatledger.runtime.findings_store import FindingDocument, StoredFindings
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.run import GC_THRESHOLDS
from seatledger.runtime.runfile import endpoints
from seatledger.runtime.service import Runtime
from seatledger.runtime.store import Collection, D, Documents, Store
from seatledger.schemas.heads import COMPANIES

READS = frozenset({"get", "find", "count"})
SERVICE = "contract-planner"
COUNTED_TOGETHER = 100
"""Companies."""


@dataclass
class Spent:
    """Seconds of reading (waiting for the store's answers), saving (writing models as documents, and the store's work)
    and deciding (all else)."""

    deciding: float = 0.0
    reading: float = 0.0
    saving: float = 0.0

    def note(self, verb: str, seconds: float) -> None:
        if verb in READS:
            self.reading += seconds
        else:
            self.saving += seconds


class Timed(Documents[D]):
    """Documents whose saves are timed from the model on."""

    def __init__(self, collection: Collection, model: type[D], spent: Spent) -> None:
        super().__init__(collection, model)
        self._spent = spent

    async def save_many(self, documents: Sequence[D]) -> list[bool]:
        began, before = time.monotonic(), self._spent.saving
        saved = await super().save_many(documents)
        self._spent.saving = before + time.monotonic() - began
        return saved


async def plan(config: Config, each: int, companies: int) -> None:
    """Companies one after the other as the planning loop takes them; a line of JSON after each ``each``."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)  # as every service does at its start
    spent = Spent()
    url = endpoints(config).store
    store = MongoStore(url, config.store.database, observe=spent.note)
    aside = MongoStore(url, config.store.database)
    planner = await planner_over(config, store, spent)
    spent.reading = spent.saving = 0.0
    released = 0
    for first in range(0, companies, each):
        began, waited = time.monotonic(), spent.reading + spent.saving
        planned = [company_id(number) for number in range(first, first + each)]
        await planner.plan(planned)
        spent.deciding += time.monotonic() - began - (spent.reading + spent.saving - waited)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        released += await _released(aside, planned)
        line = {"companies": first + each, "peak": peak, "released": released, **vars(spent)}
        sys.stdout.write(json.dumps(line | {"cpu": time.process_time()}) + "\n")
        sys.stdout.flush()
    await store.close()
    await aside.close()


async def planner_over(config: Config, store: Store, spent: Spent) -> Planner:
    """The planner as the service builds it. Nobody publishes the outboxes: they are counted instead."""
    calendar = FixedCalendar(NOW)
    runtime = Runtime(
        name=SERVICE,
        replica="bench",
        config=config,
        store=store,
        sink=MemorySink(),
        calendar=calendar,
        machine=SystemMachine(),
        log=structlog.get_logger(),
        metrics=Metrics(),
        findings=StoredFindings(SERVICE, Documents(store.collection(f"findings_{SERVICE}"), FindingDocument), calendar),
        documents=lambda name, model: Timed(store.collection(name), model, spent),
        lease=cast(Any, None),
    )
    parts = await build(runtime)
    loop = next(loop.run for loop in parts.loops if loop.name == "planning")
    if not isinstance(loop, PlanningLoop):
        raise TypeError(type(loop))
    return loop.planner


async def _released(store: MongoStore, companies: Sequence[str]) -> int:
    """Intents that stand in the outboxes of these companies."""
    released = 0
    for ids in batched(companies, COUNTED_TOGETHER):
        found = await store.collection(COMPANIES).find({"_id": {"$in": list(ids)}}, fields=["outbox.event.id"])
        released += sum(len(document["outbox"]) for document in found)
    return released

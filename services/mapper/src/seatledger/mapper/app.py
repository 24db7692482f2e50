"""Puts the mapper together; the only module that knows concrete classes."""

import asyncio

from seatledger.mapper.adapters.days import LocalDays
from seatledger.mapper.adapters.mirror import StoreMirror
from seatledger.mapper.adapters.repository import MapperRepository
from seatledger.mapper.domain.results import MappedDocument
from seatledger.mapper.domain.watching import Report, Watch
from seatledger.mapper.handlers.known import Gather
from seatledger.mapper.handlers.redecide import Redecide
from seatledger.mapper.handlers.report import Reporter
from seatledger.mapper.handlers.reset_customer import ResetCustomerHandler
from seatledger.mapper.handlers.say_again import SayAgain
from seatledger.mapper.handlers.set_mappings import SetMappingsHandler
from seatledger.mapper.handlers.settle import Settler
from seatledger.mapper.handlers.snapshots import TakeSnapshots
from seatledger.mapper.handlers.watch import Watcher
from seatledger.mapper.settings import source_rules, zones
from seatledger.runtime.bus import Subscription
from seatledger.runtime.service import Loop, Parts, Runtime
from seatledger.runtime.store import Documents
from seatledger.schemas.commands import ResetCustomer, SetMappings
from seatledger.schemas.heads import MAPPED, MAPPER_REPORTS, MAPPER_WATCH
from seatledger.schemas.mappings import MAPPING_COLLECTIONS, MappingDocument
from seatledger.schemas.shapes import REPLACED, ReplacedResult
from seatledger.schemas.subscriptions import SubscriptionChanged
from seatledger.schemas.topics import CHANGED

REDECIDE_SECONDS = 2.0
"""How long a row that another replica stored waits; this replica's own command wakes the loop at once."""
WATCH_SECONDS = 0.5
"""How soon a new mirror or a new local day is noticed (one small read a round), and how often at most an account's
findings about lacking mappings follow its documents."""


async def build(runtime: Runtime) -> Parts:
    """The mapper's handlers, loops and commands over the runtime's store, bus and clocks."""
    repository = _repository(runtime)
    rules = source_rules(runtime.config)
    await repository.prepare(automatic=any(rule.automatic for rule in rules.values()))
    days = LocalDays(calendar=runtime.calendar, zones=zones(runtime.config))
    mirror = StoreMirror(runtime.store)
    settler = Settler(repository=repository, mirror=mirror, rules=rules, days=days, metrics=runtime.metrics)
    reporter = Reporter(repository=repository, findings=runtime.findings, mirror=mirror, rules=rules, days=days)
    watcher = Watcher(
        repository=repository,
        settler=settler,
        reporter=reporter,
        mirror=mirror,
        days=days,
        machine=runtime.machine,
        rules=rules,
        connections=frozenset(days.zones),
    )
    await watcher.open()
    woken = asyncio.Event()
    redecide = Redecide(repository=repository, settler=settler, reporter=reporter, mirror=mirror, rules=rules)
    gather = Gather(repository=repository, mirror=mirror, rules=rules)
    return Parts(
        subscriptions=[Subscription(CHANGED, TakeSnapshots(settler, reporter), accepts=(SubscriptionChanged,))],
        loops=[
            Loop("redecide", redecide, every=REDECIDE_SECONDS, wake=woken),
            Loop("watch", watcher, every=WATCH_SECONDS),
        ],
        commands={
            SetMappings: SetMappingsHandler(repository, gather, days, woken),
            ResetCustomer: ResetCustomerHandler(repository, days, woken),
        },
        say_again=SayAgain(repository.mapped),
    )


def _repository(runtime: Runtime) -> MapperRepository:
    """Only results are said on the bus; the others carry no outbox, so the runtime need not look after them."""
    store = runtime.store
    return MapperRepository(
        mapped=runtime.documents(MAPPED, MappedDocument),
        replaced=Documents(store.collection(REPLACED), ReplacedResult),
        rows={kind: Documents(store.collection(name), MappingDocument) for kind, name in MAPPING_COLLECTIONS.items()},
        watches=Documents(store.collection(MAPPER_WATCH), Watch),
        reports=Documents(store.collection(MAPPER_REPORTS), Report),
    )

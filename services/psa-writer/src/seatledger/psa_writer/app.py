"""The PSA writer put together: the only place that knows concrete classes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from seatledger.psa_writer.adapters.autotask.client import Client, Credentials
from seatledger.psa_writer.adapters.autotask.hosts import why_not
from seatledger.psa_writer.adapters.autotask.http import Http
from seatledger.psa_writer.adapters.autotask.meter import CallMeter
from seatledger.psa_writer.adapters.autotask.probing import AutotaskProber
from seatledger.psa_writer.adapters.autotask.psa import AutotaskPsa
from seatledger.psa_writer.adapters.autotask.quota import Quota
from seatledger.psa_writer.handlers.check_connection import CHECKS, CheckDocument, CheckHandler, CheckLoop
from seatledger.psa_writer.handlers.connection import Connection, Ports, connection
from seatledger.psa_writer.handlers.figures import Figures
from seatledger.psa_writer.handlers.history import History
from seatledger.psa_writer.handlers.planned import Intake
from seatledger.psa_writer.handlers.read_mirror import ReadMirrorHandler
from seatledger.psa_writer.handlers.retry_finding import RetryHandler
from seatledger.psa_writer.settings import ConnectionSettings
from seatledger.runtime.bus import Subscription
from seatledger.runtime.config import AutotaskConfig
from seatledger.runtime.lease import Lease
from seatledger.runtime.metrics import FIGURES_SECONDS
from seatledger.runtime.service import CommandHandler, Loop, Parts, Runtime
from seatledger.runtime.settings_file import ConfigError
from seatledger.runtime.store import Documents
from seatledger.schemas.base import Strict
from seatledger.schemas.book import INTENTS, LINES, IntentRecord, LineBook
from seatledger.schemas.commands import CheckConnection, ReadMirror, RetryFinding
from seatledger.schemas.ids import CompanyId, ConnectionName
from seatledger.schemas.intents import IntentReleased, IntentWithdrawn
from seatledger.schemas.mirror import (
    PSA_COMPANIES,
    PSA_CONTRACTS,
    PSA_LINES,
    PSA_MIRRORS,
    PSA_SERVICES,
    MirrorLine,
    MirrorState,
)
from seatledger.schemas.quota import QUOTA, QuotaUse
from seatledger.schemas.topics import PLANNED

EXECUTE_EVERY = 0.5
"""Seconds between two looks at the books; intake on the same replica wakes the executor at once."""
MIRROR_EVERY = 1.0
CHECK_EVERY = 1.0
LEASE_EVERY = 1.0


@dataclass(frozen=True)
class Wakers:
    """Set to make a loop of one connection run at once."""

    execute: asyncio.Event
    mirror: asyncio.Event


async def build(runtime: Runtime) -> Parts:
    """Everything the service is made of. :class:`ConfigError` where a connection may not be worked."""
    _check_hosts(runtime)
    await _indexes(runtime)
    records: Documents[IntentRecord] = runtime.documents(INTENTS, IntentRecord)
    unflushed = Documents(runtime.store.collection(LINES), LineBook)
    history = History(unflushed, records, runtime.metrics)
    books: Documents[LineBook] = runtime.documents(LINES, LineBook, before_publish=history.before_publish)
    settings = {name: _settings(name, config) for name, config in runtime.config.psa.items()}
    wakers = {name: Wakers(asyncio.Event(), asyncio.Event()) for name in settings}
    psas = {name: _psa(runtime, one) for name, one in settings.items()}
    leases = {name: runtime.lease(name, length=one.lease_seconds) for name, one in settings.items()}
    parts = {name: _connection(runtime, one, books, psas[name], leases[name]) for name, one in settings.items()}
    loops = [loop for name in settings for loop in _loops(name, leases[name], parts[name], wakers[name])]
    loops.append(_figures(runtime))
    loops += [_checking(runtime, name, psas[name], leases[name]) for name in settings]
    return Parts(
        subscriptions=(_planned(runtime, books, records, wakers),),
        loops=loops,
        commands=_commands(runtime, books, wakers),
        say_again=history.say_again,
        unready=lambda: next((found for one in parts.values() if (found := one.trouble())), None),
        close=partial(_close, list(psas.values())),
    )


def _check_hosts(runtime: Runtime) -> None:
    for name, config in runtime.config.psa.items():
        refused = why_not(runtime.config, config, config.url)
        if refused:
            raise ConfigError(f"psa.{name}.url", *refused)


async def _indexes(runtime: Runtime) -> None:
    """What the executor looks for each half second (:mod:`.handlers.worklist`), and what the mirror replaces."""
    lines = runtime.store.collection(LINES)
    await lines.ensure_index("open.state")
    await lines.ensure_index("drift.since")
    for name in (PSA_COMPANIES, PSA_SERVICES, PSA_CONTRACTS, PSA_LINES):
        await runtime.store.collection(name).ensure_index("connection")


def _psa(runtime: Runtime, settings: ConnectionSettings) -> AutotaskPsa:
    name, config = settings.name, runtime.config.psa[settings.name]
    credentials = Credentials(
        username=config.username,
        secret=config.secret.get_secret_value(),
        integration_code=config.integration_code.get_secret_value(),
    )
    uses = Documents(runtime.store.collection(QUOTA), QuotaUse)
    quota = Quota(name, config.budget_per_hour, uses, runtime.machine)

    def allows(zone: str) -> str | None:
        refused = why_not(runtime.config, config, zone)
        return f"psa.{name}: {refused[0]}. {refused[1]}" if refused else None

    http = Http(write_timeout=settings.claim_seconds)
    meter = CallMeter(name, runtime.metrics, runtime.machine)
    return AutotaskPsa(Client(config.url, credentials, http, quota, allows, meter), runtime.machine)


def _settings(name: ConnectionName, config: AutotaskConfig) -> ConnectionSettings:
    def observes(company: CompanyId) -> bool:
        return config.mode_of(company) == "observe"

    return ConnectionSettings(
        name=name,
        zone=config.zone,
        currency=config.currency,
        wait=config.unknown_wait_seconds,
        mirror_seconds=config.mirror_seconds,
        observes=observes,
        loopback=config.is_loopback,
    )


def _connection(
    runtime: Runtime, settings: ConnectionSettings, books: Documents[LineBook], psa: AutotaskPsa, lease: Lease
) -> Connection:
    ports = Ports(
        psa=psa,
        store=runtime.store,
        books=books,
        states=Documents(runtime.store.collection(PSA_MIRRORS), MirrorState),
        findings=runtime.findings,
        lease=lease,
        calendar=runtime.calendar,
        machine=runtime.machine,
        metrics=runtime.metrics,
        log=runtime.log,
    )
    return connection(settings, ports)


def _loops(name: ConnectionName, lease: Lease, parts: Connection, wakers: Wakers) -> list[Loop]:
    return [
        Loop(f"lease {name}", lease.run, LEASE_EVERY),
        Loop(f"executor {name}", parts.executor.run, EXECUTE_EVERY, wakers.execute),
        Loop(f"mirror {name}", parts.mirror.run, MIRROR_EVERY, wakers.mirror),
    ]


def _planned(
    runtime: Runtime,
    books: Documents[LineBook],
    records: Documents[IntentRecord],
    wakers: Mapping[ConnectionName, Wakers],
) -> Subscription:
    intake = Intake(
        books=books,
        records=records,
        lines=Documents(runtime.store.collection(PSA_LINES), MirrorLine),
        mirrors=Documents(runtime.store.collection(PSA_MIRRORS), MirrorState),
        connections=frozenset(runtime.config.psa),
        calendar=runtime.calendar,
        wake=lambda name: wakers[name].execute.set(),
    )
    return Subscription(PLANNED, intake.handle, (IntentReleased, IntentWithdrawn))


def _commands(
    runtime: Runtime, books: Documents[LineBook], wakers: Mapping[ConnectionName, Wakers]
) -> dict[type[Strict], CommandHandler]:
    states = Documents(runtime.store.collection(PSA_MIRRORS), MirrorState)
    names = list(runtime.config.psa)
    mirror = ReadMirrorHandler(names, states, runtime.machine, lambda name: wakers[name].mirror.set())
    findings = runtime.store.collection(f"findings_{runtime.name}")
    retry = RetryHandler(books, findings, runtime.calendar, lambda name: wakers[name].execute.set())
    checks = CheckHandler(names, Documents(runtime.store.collection(CHECKS), CheckDocument), runtime.machine)
    return {ReadMirror: mirror.handle, RetryFinding: retry.handle, CheckConnection: checks.handle}


def _checking(runtime: Runtime, name: ConnectionName, psa: AutotaskPsa, lease: Lease) -> Loop:
    prober = AutotaskProber(name, runtime.config.psa[name].username, psa.client, runtime.machine)
    documents = Documents(runtime.store.collection(CHECKS), CheckDocument)
    return Loop(f"check {name}", CheckLoop(name, prober, documents, lease).run, CHECK_EVERY)


def _figures(runtime: Runtime) -> Loop:
    figures = Figures(
        budgets={name: config.budget_per_hour for name, config in runtime.config.psa.items()},
        books=Documents(runtime.store.collection(LINES), LineBook),
        uses=Documents(runtime.store.collection(QUOTA), QuotaUse),
        mirrors=Documents(runtime.store.collection(PSA_MIRRORS), MirrorState),
        machine=runtime.machine,
        metrics=runtime.metrics,
    )
    return Loop("figures", figures, FIGURES_SECONDS)


async def _close(psas: Sequence[AutotaskPsa]) -> None:
    for psa in psas:
        await psa.close()

"""Puts the collector together; the only module that knows concrete classes."""

import asyncio
import random
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never
from urllib.parse import urlsplit

from seatledger.collector.adapters.file_drop import DateForm, FileDrop, FolderCheck, Profile
from seatledger.collector.adapters.partner_center import (
    AccountCheck,
    AuditFeed,
    Certificates,
    Credentials,
    Http,
    PartnerCenter,
    Registration,
    Settings,
    StoredPayloads,
    Surroundings,
    Trust,
    Webhook,
    partner_center,
    roots_in,
)
from seatledger.collector.domain.account import Account
from seatledger.collector.domain.hints import Hint
from seatledger.collector.domain.snapshots import Snapshot
from seatledger.collector.domain.sweeps import Cursor, Sweep
from seatledger.collector.domain.usage import UsageDocument
from seatledger.collector.handlers.books import Books
from seatledger.collector.handlers.check_connection import CheckSources, Try
from seatledger.collector.handlers.collect import CollectHandler
from seatledger.collector.handlers.feed import FeedCursor, PollFeed
from seatledger.collector.handlers.figures import Figures
from seatledger.collector.handlers.holding import Holding
from seatledger.collector.handlers.intake import Intake
from seatledger.collector.handlers.register import Register
from seatledger.collector.handlers.rereads import Rereads
from seatledger.collector.handlers.say_again import SayAgain
from seatledger.collector.handlers.sweep import Sweeper
from seatledger.collector.handlers.turns import Turns
from seatledger.collector.handlers.webhook import TakeWebhook
from seatledger.collector.ports import Distributor
from seatledger.collector.settings import accounts
from seatledger.runtime.config import FileDropConfig, PartnerCenterConfig, Source, WebhookConfig
from seatledger.runtime.lease import Lease
from seatledger.runtime.metrics import FIGURES_SECONDS
from seatledger.runtime.service import Loop, Parts, Route, Runtime
from seatledger.runtime.store import Documents
from seatledger.schemas.commands import CheckConnection, Collect
from seatledger.schemas.heads import HINTS, SNAPSHOTS, SWEEPS
from seatledger.schemas.shapes import PAYLOADS
from seatledger.schemas.usage import USAGES

CURSORS = "cursors"
FEEDS = "feeds"
LEASE_SECONDS = 4.0
"""How long an account is not swept after its replica died; nothing but calls rests on it."""
TURN_SECONDS = 0.5
LISTEN_SECONDS = 1.0
REREAD_SECONDS = 1.0
"""How soon a hint that another replica wrote down is followed; one of this process wakes the loop."""


@dataclass
class Collected:
    """What collects one account."""

    lease: Lease
    turns: Turns
    swept: asyncio.Event
    rereads: Rereads | None = None
    """Where the source can be asked for one subscription."""
    hinted: asyncio.Event = field(default_factory=asyncio.Event)
    listening: list[Loop] = field(default_factory=list)
    """Where the source says itself what changed."""
    routes: list[Route] = field(default_factory=list)
    tries: Try | None = None
    """What ``check`` tries of it."""

    def loops(self) -> Iterator[Loop]:
        source = self.turns.source
        yield Loop(f"lease {source}", self.lease.run, every=1.0)
        yield Loop(f"sweep {source}", self.turns.turn, every=TURN_SECONDS, wake=self.swept)
        if self.rereads is not None:
            yield Loop(f"reread {source}", self.rereads.turn, every=REREAD_SECONDS, wake=self.hinted)
        yield from self.listening


async def build(runtime: Runtime) -> Parts:
    """Per account a lease and its loops, one that shows the figures, and the commands of people."""
    books = Books(
        snapshots=runtime.documents(SNAPSHOTS, Snapshot),
        sweeps=runtime.documents(SWEEPS, Sweep),
        cursors=runtime.documents(CURSORS, Cursor),
        usages=runtime.documents(USAGES, UsageDocument),
    )
    hints = runtime.documents(HINTS, Hint)
    await books.prepare()
    await hints.collection.ensure_index("source", "due")
    closing = AsyncExitStack()
    collected = [_collected(runtime, books, hints, account, closing) for account in accounts(runtime.config)]
    figures = Figures([one.turns.source for one in collected], books.sweeps, runtime.metrics)
    return Parts(
        loops=[
            *(loop for one in collected for loop in one.loops()),
            Loop("figures", figures, every=FIGURES_SECONDS),
        ],
        routes=[route for one in collected for route in one.routes],
        commands={
            Collect: CollectHandler(
                {one.turns.source: one.turns for one in collected},
                {one.turns.source: one.rereads for one in collected if one.rereads is not None},
            ),
            CheckConnection: CheckSources({one.turns.source: one.tries for one in collected if one.tries is not None}),
        },
        say_again=SayAgain(books.snapshots, books.usages),
        close=closing.aclose,
    )


def _collected(
    runtime: Runtime, books: Books, hints: Documents[Hint], account: Account, closing: AsyncExitStack
) -> Collected:
    source = runtime.config.accounts[account.source]
    intake = Intake(account, books, runtime.findings, runtime.calendar, runtime.log)
    distributor = _distributor(runtime, account, source, closing)
    lease = runtime.lease(account.source, length=LEASE_SECONDS)
    holding = None if isinstance(distributor, FileDrop) else Holding(intake, hints, runtime.machine)
    sweeper = Sweeper(
        intake=intake,
        distributor=distributor,
        sweeps=books.sweeps,
        machine=runtime.machine,
        metrics=runtime.metrics,
        poll_seconds=source.poll_seconds,
        holding=holding,
    )
    swept = asyncio.Event()
    turns = Turns(
        source=account.source,
        connection=account.connection,
        sweep=sweeper.sweep,
        sweeps=books.sweeps,
        lease=lease,
        machine=runtime.machine,
        poll_seconds=source.poll_seconds,
        wake=swept.set,
    )
    collected = Collected(lease, turns, swept, tries=_tries(account, distributor))
    if holding is not None:
        collected.rereads = _rereads(runtime, distributor, hints, holding, collected)
    if isinstance(distributor, PartnerCenter) and isinstance(source, PartnerCenterConfig) and collected.rereads:
        _listen(runtime, distributor, source, collected, collected.rereads)
    return collected


def _rereads(
    runtime: Runtime, distributor: Distributor, hints: Documents[Hint], holding: Holding, collected: Collected
) -> Rereads:
    return Rereads(
        intake=holding.intake,
        distributor=distributor,
        hints=hints,
        holding=holding,
        machine=runtime.machine,
        lease=collected.lease,
        metrics=runtime.metrics,
        wake=collected.hinted.set,
    )


def _listen(
    runtime: Runtime,
    distributor: PartnerCenter,
    source: PartnerCenterConfig,
    collected: Collected,
    rereads: Rereads,
) -> None:
    """Audit records, and messages where an address for them is configured: both only say what to read again."""
    name = collected.turns.source
    if source.audit_seconds is not None:
        cursors = runtime.documents(FEEDS, FeedCursor)
        audit = AuditFeed(distributor.api, runtime.calendar)
        feed = PollFeed(audit, rereads, cursors, source.audit_seconds, runtime.log)
        collected.listening.append(Loop(f"feed {name}", feed.turn, every=LISTEN_SECONDS))
    if source.webhook is not None:
        registration = Registration(distributor.api.client, source.webhook.public_url)
        register = Register(registration, rereads, runtime.log)
        collected.listening.append(Loop(f"webhook {name}", register.turn, every=LISTEN_SECONDS))
        take = TakeWebhook(_receiver(runtime, distributor, source, source.webhook), rereads, runtime.log)
        paths = dict.fromkeys([f"/webhooks/{name}", urlsplit(source.webhook.public_url).path.rstrip("/")])
        collected.routes.extend(Route(path, take) for path in paths if path)


def _receiver(
    runtime: Runtime, distributor: PartnerCenter, source: PartnerCenterConfig, webhook: WebhookConfig
) -> Webhook:
    authorities = None if webhook.authorities is None else partial(roots_in, webhook.authorities)
    parts = urlsplit(source.url)
    sandbox = f"{parts.scheme}://{parts.netloc}" if source.is_loopback else None
    trust = Trust(frozenset(webhook.certificate_hosts), sandbox, authorities)
    certificates = Certificates(trust, distributor.api.client.http, runtime.machine)
    return Webhook(certificates, runtime.calendar, webhook.allow_sha1)


def _distributor(runtime: Runtime, account: Account, source: Source, closing: AsyncExitStack) -> Distributor:
    """A new kind of source is one more case here."""
    match source:
        case FileDropConfig():
            profile = Profile(account.zone, DateForm(source.dates), source.decimal)
            return FileDrop(source.folder, profile, runtime.calendar, runtime.machine)
        case PartnerCenterConfig():
            http = Http()
            closing.push_async_callback(http.close)
            return partner_center(_settings(source), _surroundings(runtime, account), http)
        case _:
            assert_never(source)


def _tries(account: Account, distributor: Distributor) -> Try | None:
    match distributor:
        case FileDrop(folder=folder):
            return FolderCheck(account.source, folder)
        case PartnerCenter():
            return AccountCheck(account.source, distributor)
        case _:
            return None


def _settings(source: PartnerCenterConfig) -> Settings:
    secret = source.client_secret.get_secret_value()
    credentials = Credentials(source.authority_url, source.tenant, source.client_id, secret, source.resource)
    by_default = "prices" not in source.model_fields_set
    return Settings(source.url, credentials, source.calls_per_minute, source.prices, prices_optional=by_default)


def _surroundings(runtime: Runtime, account: Account) -> Surroundings:
    return Surroundings(
        calendar=runtime.calendar,
        machine=runtime.machine,
        payloads=StoredPayloads(account.source, runtime.store.collection(PAYLOADS), runtime.calendar),
        log=runtime.log.bind(source=account.source),
        random=random.random,
        new_id=lambda: str(uuid.uuid4()),
    )

"""``status``: is everything up, how far is it, what came of it."""

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seatledger.cli.context import Context, Ctx, Row
from seatledger.cli.errors import Exit

if TYPE_CHECKING:
    from seatledger.cli.session import Session
    from seatledger.runtime.config import Config
    from seatledger.runtime.runfile import RunFile
    from seatledger.schemas.pending import Progress

HTTP_SECONDS = 3.0
_LAG = re.compile(rb"^seatledger_lag(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)
_LAST_PROGRESS = re.compile(rb"^seatledger_last_progress_timestamp_seconds(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)


def status(*, context: Ctx) -> int:
    """Services, sources, Autotask, outcomes and findings at a glance.

    Exit 1 if a service is not up.

    Example: seatledger status --json
    """
    return asyncio.run(_status(context))


async def _status(context: Context) -> int:
    from seatledger.cli.session import running, session
    from seatledger.cli.sweeping import awaited, under_way

    async with session(context) as opened:
        document = await read_status(opened, running(opened.config))
        far = (
            [] if context.json else [*(f"under way: {one}" for one in await under_way(opened)), *await awaited(opened)]
        )
    if context.json:
        context.document(document)
    else:
        _tell(context, document, far)
    return Exit.DONE if all(service["up"] for service in document["services"]) else Exit.NO


async def read_status(opened: "Session", run: "RunFile | None") -> Row:
    """The whole answer of ``status``."""
    from seatledger.cli.outcomes import open_findings, ordered, outcomes
    from seatledger.runtime.progress import read_progress
    from seatledger.schemas.pending import pending

    progress = await read_progress(opened.store)
    found = await open_findings(opened.store)
    counts = ordered(await outcomes(opened.store, progress, found.total()))
    health = await asyncio.gather(*(_service(name, http) for name, http in addresses(opened.config, run).items()))
    return {
        "services": list(health),
        "sources": _sources(opened.config, progress),
        "outcomes": {**counts, "pending": pending(progress, opened.today())},
        "findings": dict(sorted(found.items())),
        "psa": await _psas(opened),
    }


def addresses(config: "Config", run: "RunFile | None") -> dict[str, str | None]:
    """Where each service's health is asked: run.json's word, else the configuration's where it names a port."""
    from seatledger.schemas.heads import SERVICES

    if run is not None:
        return {name: service.http for name, service in run.services.items()}
    listens = {name: config.services[name].reached_at or config.services[name].http for name in SERVICES}
    return {name: None if listen.endswith(":0") else listen for name, listen in listens.items()}


async def _service(name: str, http: str | None) -> Row:
    ready, metrics = await asyncio.gather(fetch(http, "/readyz"), fetch(http, "/metrics"))
    lags: list[float] = [float(value) for value in _LAG.findall(metrics.body)]
    stamps: list[float] = [float(value) for value in _LAST_PROGRESS.findall(metrics.body)]
    return {
        "name": name,
        "up": ready.status == 200,
        "lag": int(sum(lags)) if lags else None,
        "last_progress_at": _instant(datetime.fromtimestamp(max(stamps), UTC)) if any(stamps) else None,
    }


@dataclass(frozen=True)
class Reply:
    """A web answer; status 0 where there was none."""

    status: int = 0
    body: bytes = b""


async def fetch(address: str | None, path: str) -> Reply:
    """GET from a service's own health port, ``host:port`` with or without a scheme. Never raises."""
    if address is None:
        return Reply()
    parts = urlsplit(address if "://" in address else f"http://{address}")
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    return await _quietly(_get("127.0.0.1" if host == "0.0.0.0" else host, port, path))  # noqa: S104  # compared only


async def _quietly(get: Awaitable[Reply]) -> Reply:
    try:
        async with asyncio.timeout(HTTP_SECONDS):
            return await get
    except (OSError, TimeoutError, ValueError, IndexError):
        return Reply()


async def _get(host: str, port: int, path: str) -> Reply:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        text = await reader.read()
    finally:
        writer.close()
    top, _, body = text.partition(b"\r\n\r\n")
    return Reply(int(top.split(b" ", 2)[1]), body)


def _sources(config: "Config", progress: "Progress") -> list[Row]:
    sweeps = {sweep.source: sweep for sweep in progress.sweeps}
    rows = []
    for account, source in zip(config.accounts, config.sources, strict=True):
        sweep = sweeps.get(account)
        rows.append(
            {
                "name": source,
                "last_complete_sweep_at": _instant(sweep.last_complete_at) if sweep else None,
                "next_sweep_at": _instant(sweep.next_at) if sweep else None,
                "subscriptions": sum(snapshot.source == account for snapshot in progress.snapshots),
                "held": sweep.held if sweep else 0,
            }
        )
    return rows


async def _psas(opened: "Session") -> list[Row]:
    from seatledger.runtime.store import Documents
    from seatledger.schemas.mirror import PSA_MIRRORS, MirrorState
    from seatledger.schemas.quota import QUOTA, QuotaUse

    names: list[str] = list(opened.config.psa)
    used = await Documents(opened.store.collection(QUOTA), QuotaUse).get_many(names)
    mirrors = await Documents(opened.store.collection(PSA_MIRRORS), MirrorState).get_many(names)
    now = datetime.now(UTC)  # machine time: the budget's hour is a real one
    rows = []
    for name, psa in opened.config.psa.items():
        use, mirror = used.get(name), mirrors.get(name)
        rows.append(
            {
                "name": name,
                "calls_last_hour": use.last_hour(now) if use else 0,
                "budget": psa.budget_per_hour,
                "in_flight": use.in_flight if use else 0,
                "mirrored_at": _instant(mirror.mirrored_at) if mirror else None,
            }
        )
    return rows


def _instant(value: datetime | None) -> str | None:
    from seatledger.schemas.base import instant_text

    return None if value is None else instant_text(value.astimezone(UTC).replace(microsecond=0))


def _tell(context: Context, document: Row, reading: list[str]) -> None:
    for part in ("services", "sources", "psa"):
        rows: list[dict[str, Any]] = document[part]
        if rows:
            context.table(part, rows, list(rows[0]), empty="")
            context.say("")
    counts = {name.replace("_", " "): number for name, number in document["outcomes"].items() if name != "pending"}
    for sentence in reading:
        context.say(sentence)
    context.say(f"outcomes: {_listed(counts)}")
    pending = {name: number for name, number in document["outcomes"]["pending"].items() if number}
    context.say(f"pending: {_listed(pending) if pending else 'nothing'}")
    context.say(f"open findings: {_listed(document['findings']) if document['findings'] else 'none'}")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items())

"""``status``: is everything up, how far is it, what came of it."""

import asyncio
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seatledger.cli.context import Context, Ctx, Row
from seatledger.cli.errors import Exit
from seatledger.cli.health import addresses, fetch

if TYPE_CHECKING:
    from seatledger.cli.session import Session
    from seatledger.runtime.config import Config
    from seatledger.runtime.runfile import RunFile
    from seatledger.schemas.pending import Progress

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

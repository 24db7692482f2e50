"""How far the reading of the sources is: sweeps that take long, and accounts that nothing was read of yet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatledger.cli.context import Progress
    from seatledger.cli.session import Session

LOOK_SECONDS = 1.0


async def under_way(opened: "Session") -> list[str]:
    """``pc: 120 of 400 customers read`` for each account that is being read and long enough to tell."""
    from seatledger.cli.naming import renamed
    from seatledger.runtime.store import StoreUnavailableError
    from seatledger.schemas import heads

    names = renamed(opened.config)
    try:
        found = await opened.store.collection(heads.SWEEPS).find({"state": heads.SweepState.RUNNING})
    except StoreUnavailableError:
        return []
    sweeps = sorted((heads.SweepHead.model_validate(row) for row in found), key=lambda sweep: sweep.source)
    return [
        f"{names.get(sweep.source, sweep.source)}: {sweep.walked} of {sweep.to_walk} customers read"
        for sweep in sweeps
        if sweep.walked is not None and sweep.to_walk is not None
    ]


async def awaited(opened: "Session") -> list[str]:
    """A sentence where new lines wait for accounts of which no sweep was read (kernel.md section 5, *Ready*)."""
    from seatledger.schemas.heads import READINESS

    rows = await opened.store.collection(READINESS).find({})
    ready = {row["_id"] for row in rows if row.get("ready_at")}
    accounts = zip(opened.config.sources.items(), opened.config.accounts, strict=True)
    missing = [
        f"{name} (counts from its first file)" if source.kind == "file-drop" else name
        for (name, source), account in accounts
        if account not in ready and source.required and not source.retired
    ]
    if not missing:
        return []
    then = "New lines wait for that; `required: false` on a source lets them go on."
    return [f"Not read yet: {', '.join(missing)}. {then}"]


@asynccontextmanager
async def told(opened: "Session", progress: "Progress") -> AsyncIterator[None]:
    """While something waits for sweeps, the line that moves says how far they are."""
    telling = asyncio.create_task(_tell(opened, progress))
    try:
        yield
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


async def _tell(opened: "Session", progress: "Progress") -> None:
    while progress.is_seen:
        await asyncio.sleep(LOOK_SECONDS)
        if far := await under_way(opened):
            progress.say(" · ".join(far))

"""``resync``: every stage says again what it holds."""

import asyncio

from seatledger.cli.context import Context, Ctx


def resync(stage: str | None = None, /, *, timeout: float = 300.0, context: Ctx) -> int:
    """Have each stage say again all that it holds, with the same ids; posts nothing by itself.

    Example: seatledger resync mapper

    Parameters
    ----------
    stage
        collector, mapper, contract-planner or psa-writer; all where it is not given.
    timeout
        Seconds to wait for each; exit 3 when they are over.
    """
    return asyncio.run(_resync(context, stage, timeout))


async def _resync(context: Context, stage: str | None, seconds: float) -> int:
    from seatledger.cli.asking import ask
    from seatledger.cli.session import known, session
    from seatledger.schemas.commands import Owner, Resync

    names = [owner.value for owner in Owner]
    wanted = [known("stage", stage, names)] if stage else names
    events = 0
    well = True
    async with session(context) as opened:
        with context.progress("saying again …") as progress:
            for name in wanted:  # in the order of the flow, so that each stage hears the one before it first
                progress.say(f"{name} says again what it holds …")
                answer = await ask(opened, Owner(name), Resync(), seconds=seconds)
                events += int(answer.result.get("events", 0))
                well = well and answer.ok
    if context.json:
        context.document({"events": events})
    context.say(f"{events} events said again.")
    return 0 if well else 1

"""``resync``: every stage says again what it holds."""

import asyncio

from seatledger.cli.context import Context, Ctx, ServiceName


def resync(stage: ServiceName | None = None, /, *, timeout: float = 300.0, context: Ctx) -> int:
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


async def _resync(context: Context, stage: ServiceName | None, seconds: float) -> int:
    from seatledger.cli.asking import ask
    from seatledger.cli.session import session
    from seatledger.schemas.commands import Owner, Resync

    wanted = [Owner(stage)] if stage else list(Owner)
    events = 0
    well = True
    async with session(context) as opened:
        with context.progress("saying again …") as progress:
            for owner in wanted:  # in the order of the flow, so that each stage hears the one before it first
                progress.say(f"{owner.value} says again what it holds …")
                answer = await ask(opened, owner, Resync(), seconds=seconds)
                events += int(answer.result.get("events", 0))
                well = well and answer.ok
    if context.json:
        context.document({"events": events})
    context.say(f"{events} events said again.")
    return 0 if well else 1

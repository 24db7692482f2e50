"""``check``: is everything there that is needed, before the first unit is posted."""

import asyncio
from typing import TYPE_CHECKING

from seatledger.cli.context import Context, Ctx, Row
from seatledger.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from seatledger.runtime.config import Config
    from seatledger.schemas.commands import Check


def check(*, timeout: float = 60.0, context: Ctx) -> int:
    """Try settings, broker, topics, store, services, Autotask (zone, sign-in, each right, clock) and each source.

    Nothing is written at Autotask or at a source. Exit 1 if anything is red, with what to do about it.

    Example: seatledger check --json

    Parameters
    ----------
    timeout
        Seconds to wait for the services that try Autotask and the sources.
    """
    return asyncio.run(_check(context, timeout))


async def _check(context: Context, seconds: float) -> int:
    from seatledger.cli.checks import in_todays_names
    from seatledger.cli.session import read_config

    config = read_config(context)
    with context.progress("trying …"):
        rows = in_todays_names(config, await _tried(context, config, seconds))
    if context.json:
        context.document(rows)
    else:
        _tell(context, rows)
    return Exit.DONE if all(row["ok"] for row in rows) else Exit.NO


async def _tried(context: Context, config: "Config", seconds: float) -> "list[Check]":
    from seatledger.cli import checks, session

    found = [checks.settings(config)]
    try:
        where = session.find_endpoints(config)
    except CliError as error:
        missing = [checks.refused(name, error) for name in ("broker", "store")]
        return [*found, *missing, *await checks.unasked(config, missing)]
    ground = [*await checks.bus(where, config), *await checks.store(where, config)]
    health = await checks.services(config)
    found += [*ground, *health.checks]
    if hindered := checks.no_way(ground):
        return [*found, *await checks.unasked(config, hindered)]
    async with session.session(context) as opened:
        return [*found, *await checks.asked(opened, config, health.silent, seconds)]


def _tell(context: Context, rows: list[Row]) -> None:
    for row in rows:
        context.say(f"{'ok ' if row['ok'] else 'RED'}  {row['name']}: {row['message']}")
        if not row["ok"]:
            context.say(f"       → {row['do']}")
    bad = sum(not row["ok"] for row in rows)
    context.say(f"{bad} of {len(rows)} checks are red." if bad else f"All {len(rows)} checks are well.")

"""``topics``: the bus's topics as the published language declares them."""

import asyncio
from typing import Any

from cyclopts import App

from seatledger.cli.context import Context, Ctx

app = App(name="topics", help="The topics of the bus.\n\nExample: seatledger topics apply")


@app.command
def apply(*, context: Ctx) -> int:
    """Create the topics that are missing and verify the others; a mismatch is said and nothing is changed.

    Example: seatledger topics apply --config seatledger.yaml
    """
    return asyncio.run(_apply(context))


async def _apply(context: Context) -> int:
    from seatledger.cli.session import find_endpoints, read_config
    from seatledger.cli.wiring import prepare_bus

    config = read_config(context)
    created = await prepare_bus(find_endpoints(config), config)
    rows: list[dict[str, Any]] = [{"name": name, "created": new} for name, new in created.items()]
    if context.json:
        context.document({"topics": rows})
    else:
        told = [{"name": row["name"], "state": "created" if row["created"] else "stands as declared"} for row in rows]
        context.table("topics", told, ("name", "state"), empty="No topics are declared.")
    return 0

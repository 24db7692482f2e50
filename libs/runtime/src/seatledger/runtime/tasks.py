"""The end of background tasks."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

AGAIN_SECONDS: Final = 0.25


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel them until they have ended, however they end; bound it from outside.

    Once is not enough: up to Python 3.11 ``asyncio.wait_for``, which the store's driver uses, loses a cancellation that
    comes in the same step as its result (python/cpython#86296), and a loop would go on for ever.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)
        await asyncio.gather(*ended, return_exceptions=True)  # what they failed with was logged by them

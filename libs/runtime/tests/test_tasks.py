"""Background tasks end, also where a library loses a cancellation."""

import asyncio

from seatledger.runtime.tasks import end_tasks


async def test_a_task_that_lost_a_cancellation_ends_all_the_same() -> None:
    """A driver may swallow the first cancellation: the task is cancelled again until it has ended."""
    lost = 0

    async def deaf_once() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost:
                    raise
                lost += 1

    task = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await end_tasks([task])
    assert task.cancelled()
    assert lost == 1


async def test_a_failed_task_and_none_at_all() -> None:
    """A task that failed before does not disturb the end of the others; nothing to end is well."""

    async def fail() -> None:
        raise ValueError

    failed = asyncio.create_task(fail())
    waiting = asyncio.create_task(asyncio.Event().wait())
    await asyncio.sleep(0)
    await end_tasks([failed, waiting])
    assert waiting.cancelled()
    await end_tasks([])

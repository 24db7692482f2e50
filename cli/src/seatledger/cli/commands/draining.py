"""``drain``: wait until nothing is under way any more, and say what became of everything."""

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatledger.cli.context import Context, Ctx, Row
from seatledger.cli.errors import Exit

if TYPE_CHECKING:
    from seatledger.cli.context import Progress as Shown
    from seatledger.cli.session import Session
    from seatledger.schemas.pending import Progress

BETWEEN_LOOKS_SECONDS = 0.3
"""Between the two looks that must both find nothing: what is handed on behind the first one's back is in the second."""
POLL_SECONDS = 0.25


def drain(*, timeout: float = 60.0, context: Ctx) -> int:
    """Wait until nothing is pending.

    Exit 1 where a finding is open or something waits for approval, 3 after TIMEOUT.

    Example: seatledger drain --timeout 60

    Parameters
    ----------
    timeout
        Seconds to wait.
    """
    return asyncio.run(_drain(context, timeout))


async def _drain(context: Context, seconds: float) -> int:
    from seatledger.cli.asking import forget_abandoned
    from seatledger.cli.session import session
    from seatledger.cli.sweeping import awaited

    async with session(context) as opened:
        await forget_abandoned(opened.store)
        with context.progress("looking …") as shown:
            last = await wait_until_empty(opened, seconds, shown)
        answer = await _answer(opened, last)
        waits = [] if context.json else await awaited(opened)
    if context.json:
        context.document(answer)
    else:
        _tell(context, answer, last)
        for sentence in waits:
            context.say(sentence)
    if not last.empty:
        return Exit.TIME
    return Exit.NO if answer["findings"] or answer["waiting_approval"] else Exit.DONE


@dataclass(frozen=True)
class Look:
    """One full look at all stages. ``pending`` has every service."""

    progress: "Progress"
    pending: dict[str, int]

    @property
    def empty(self) -> bool:
        return not any(self.pending.values())


async def wait_until_empty(opened: "Session", seconds: float, shown: "Shown") -> Look:
    """The second of two empty looks, or the last look when the time is over."""
    end = time.monotonic() + seconds
    empty_before = False
    while True:
        began = time.monotonic()
        if began < end and (busy := await _glance(opened)):
            shown.say(f"under way: {busy}")
            empty_before = False
        else:
            look = await take_look(opened)
            if empty_before if look.empty else time.monotonic() >= end:
                return look
            shown.say(f"pending: {_listed(look.pending)}" if not look.empty else "nothing pending, looking again …")
            empty_before = look.empty
        took = time.monotonic() - began
        # No oftener than the look itself takes: the store has other work to do while something is under way.
        await asyncio.sleep(BETWEEN_LOOKS_SECONDS if empty_before else max(POLL_SECONDS, took))


async def take_look(opened: "Session") -> Look:
    """Read every stage's heads and compare them."""
    from seatledger.runtime.progress import read_progress
    from seatledger.schemas.pending import pending

    progress = await read_progress(opened.store)
    return Look(progress, pending(progress, opened.today()))


async def _glance(opened: "Session") -> str:
    """What is plainly under way, by a few counts; empty where only a full look can tell."""
    from seatledger.schemas.book import LINES
    from seatledger.schemas.heads import COMPANIES, SWEEPS, SweepState
    from seatledger.schemas.pending import OPEN_AND_WORKING

    for words, collection, where in (
        ("sweeps", SWEEPS, {"state": SweepState.RUNNING.value}),
        ("companies to plan", COMPANIES, {"dirty": True}),
        ("adjustments at Autotask", LINES, {"open.state": {"$in": sorted(OPEN_AND_WORKING)}}),
        ("companies with intents out", COMPANIES, {"unanswered": {"$gt": 0}}),
    ):
        number = await opened.store.collection(collection).count(where)
        if number:
            return f"{number} {words}"
    return ""


async def _answer(opened: "Session", last: Look) -> Row:
    from seatledger.cli.outcomes import open_findings, ordered, outcomes

    found = await open_findings(opened.store)
    counts = await outcomes(opened.store, last.progress, found.total())
    return {**ordered(counts), "pending": last.pending}


def _listed(pending: dict[str, int]) -> str:
    return ", ".join(f"{service} {number}" for service, number in pending.items() if number)


def _tell(context: Context, answer: Row, last: Look) -> None:
    rows = [{"what": name.replace("_", " "), "number": number} for name, number in answer.items() if name != "pending"]
    context.table("outcomes", rows, ("what", "number"), empty="")
    if not last.empty:
        context.say(f"The time is over; still pending: {_listed(last.pending)}.")
    elif answer["findings"] or answer["waiting_approval"]:
        look = [
            *(["`seatledger findings`"] if answer["findings"] else []),
            *(["`seatledger plan list`"] if answer["waiting_approval"] else []),
        ]
        context.say(f"Nothing is pending. What needs you: {' and '.join(look)}.")
    else:
        context.say("Nothing is pending and nothing is open.")

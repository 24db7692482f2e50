"""``dead``: what could not be read, byte for byte, and how it is said again."""

import asyncio
import base64
from typing import TYPE_CHECKING

from cyclopts import App

from seatledger.cli.context import Context, Ctx, Row
from seatledger.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from seatledger.cli.letters import Dead, Met
    from seatledger.cli.session import Session

TIMEOUT_SECONDS = 60.0
_LIST = ("id", "at", "from", "readers", "why", "retried")
_SHOWN = 2000

app = App(name="dead", help="What nobody could read, byte for byte.\n\nExample: seatledger dead list")


@app.command(name="list")
def list_(*, context: Ctx) -> int:
    """All dead letters that the bus still has (90 days), the oldest first.

    Example: seatledger dead list
    """
    return asyncio.run(_list(context))


@app.command
def show(letter: str, /, *, context: Ctx) -> int:
    """One dead letter with its bytes.

    Example: seatledger dead show 3c13c9fa87d6192b

    Parameters
    ----------
    letter
        Its id, or the beginning of it.
    """
    return asyncio.run(_show(context, letter))


@app.command
def retry(letter: str | None = None, /, *, timeout: float = TIMEOUT_SECONDS, context: Ctx) -> int:
    """Say dead records again on the topic they came from, once the cause is gone.

    Exit 1 if one was refused. What was said again before is not said again.

    Example: seatledger dead retry 3c13c9fa87d6192b

    Parameters
    ----------
    letter
        Its id, or the beginning of it; all that were not said again yet where it is not given.
    timeout
        Seconds to wait for each; exit 3 when they are over.
    """
    return asyncio.run(_retry(context, letter, timeout))


@app.command
def ignore(letter: str, /, *, reason: str, timeout: float = TIMEOUT_SECONDS, context: Ctx) -> int:
    """Close the finding of a record that is not to be said again: it is no event of ours, or the bus has lost it.

    Exit 1 if that was refused.

    Example: seatledger dead ignore dead_letter-4f0c11d2a9b3 --reason "a test of the network team"

    Parameters
    ----------
    letter
        Its id, or the beginning of it; or the id of its finding, which stands when the letter is gone.
    reason
        Why; stands with the command on the bus.
    timeout
        Seconds to wait for each; exit 3 when they are over.
    """
    return asyncio.run(_ignore(context, letter, reason, timeout))


async def _list(context: Context) -> int:
    from seatledger.cli.session import session

    async with session(context) as opened:
        found = await _found(opened)
    rows = [dead.row() for dead in found]
    if context.json:
        context.document(rows)
    else:
        context.table("dead letters", [_for_people(row) for row in rows], _LIST, empty="There is no dead letter.")
    return Exit.DONE


async def _show(context: Context, letter: str) -> int:
    from seatledger.cli.letters import chosen
    from seatledger.cli.session import session

    async with session(context) as opened:
        dead = chosen(await _found(opened), letter)
    if context.json:
        context.document(dead.row())
        return Exit.DONE
    for name, value in _for_people(dead.row()).items():
        context.say(f"{name}: {value}")
    for header in dead.first.headers:
        context.say(f"header {header.key}: {_text(header.value_base64)}")
    context.say(f"key: {_text(dead.first.key_base64)}")
    context.say(_text(dead.first.bytes_base64))
    return Exit.DONE


async def _retry(context: Context, letter: str | None, seconds: float) -> int:
    from seatledger.cli.letters import chosen
    from seatledger.cli.session import session

    async with session(context) as opened:
        found = await _found(opened)
        wanted = [chosen(found, letter)] if letter else [dead for dead in found if not dead.retried]
        with context.progress("saying again …"):
            rows = [await _again(opened, dead, seconds) for dead in wanted]
    if context.json:
        context.document(rows[0] if letter else rows)
    else:
        context.say("\n".join(f"{row['id']}: {row['message']}" for row in rows) or "No dead letter waits for a retry.")
    return Exit.DONE if all(row["ok"] for row in rows) else Exit.NO


async def _again(opened: "Session", dead: "Dead", seconds: float) -> Row:
    """Its first reader says the record again; the others close their findings once that is done."""
    said = await _asked(opened, dead.met[0], True, seconds)
    ok, message = bool(said["ok"]), str(said["message"])
    others = dead.met[1:] if ok else []
    closed = await asyncio.gather(*(_asked(opened, other, False, seconds) for other in others))
    for other, answer in zip(others, closed, strict=True):
        if not answer["ok"]:
            ok, message = False, f"{other.letter.reader}: {answer['message']}"
    dead.retried = ok
    return {**dead.row(), "ok": ok, "message": message or "it was said again"}


async def _asked(opened: "Session", met: "Met", publish: bool, seconds: float) -> Row:
    from seatledger.cli.asking import ask
    from seatledger.schemas.commands import Owner, RetryDead

    if met.service not in [owner.value for owner in Owner]:
        return {"ok": False, "message": f"{met.letter.reader} met it, which is no service of this release"}
    body = RetryDead(letter=met.event.id, place=met.place, publish=publish)
    answer = await ask(opened, Owner(met.service), body, seconds=seconds)
    return {"ok": answer.ok, "message": answer.message}


async def _ignore(context: Context, word: str, reason: str, seconds: float) -> int:
    from seatledger.cli.asking import ask
    from seatledger.cli.letters import chosen, finding_of, raised_by
    from seatledger.cli.session import session
    from seatledger.schemas.commands import IgnoreDead, Owner
    from seatledger.schemas.ids import FindingId

    async with session(context) as opened:
        finding, owners = word, await raised_by(opened.store, word)
        if not owners:
            finding = finding_of(chosen(await _found(opened), word))
            owners = await raised_by(opened.store, finding)
        body = IgnoreDead(finding=FindingId(finding), reason=reason)
        answers = [await ask(opened, Owner(owner), body, seconds=seconds) for owner in owners]
    ok, message = all(answer.ok for answer in answers), "; ".join(sorted({answer.message for answer in answers}))
    if context.json:
        context.document({"finding": finding, "ok": ok, "message": message})
    else:
        context.say(f"{finding}: {message}")
    return Exit.DONE if ok else Exit.NO


async def _found(opened: "Session") -> "list[Dead]":
    from aiokafka.errors import KafkaError

    from seatledger.cli import wiring
    from seatledger.cli.letters import gathered, judged

    try:
        met = await wiring.dead_letters(opened)
    except CliError:
        raise
    except (KafkaError, OSError) as error:
        raise wiring.broker_away(opened.endpoints, error) from error
    return await judged(opened.store, gathered(met))


def _for_people(row: Row) -> Row:
    place = row["from"]
    short = {"from": f"{place['topic']}/{place['partition']}@{place['offset']}", "readers": ", ".join(row["readers"])}
    return {name: short.get(name, row[name]) for name in _LIST}


def _text(encoded: str | None) -> str:
    """Bytes as people can look at them: text where it is text, else in hexadecimal; the beginning of long ones."""
    if encoded is None:
        return "(none)"
    raw = base64.b64decode(encoded)
    rest = f" … ({len(raw)} bytes)" if len(raw) > _SHOWN else ""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return f"{raw[:_SHOWN].hex(' ')}{rest}"
    return text[:_SHOWN] + rest if text.isprintable() else repr(text[:_SHOWN])[1:-1] + rest

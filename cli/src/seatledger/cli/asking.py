"""Asks a service to do something: a command on the bus, repeated with the same id until its owner has answered.

The command is noted in ``commands_sent`` before it goes out, so that ``drain`` counts it as unanswered from its first
moment; each repetition renews the note, and the answer ends it. A note that nobody renews belongs to a command line
that was killed: ``drain`` forgets it (:func:`forget_abandoned`), else it would wait for ever.
"""

import asyncio
import os
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from seatledger.cli.errors import out_of_time
from seatledger.cli.session import Session

if TYPE_CHECKING:
    from seatledger.runtime.bus import EventSink
    from seatledger.runtime.store import Store
    from seatledger.schemas.commands import Body, CommandAnswered, Owner
    from seatledger.schemas.documents import Outgoing

REPEAT_SECONDS = 5.0
ABANDONED_SECONDS = 30.0
FORGET_SECONDS = 2.0
_POLLS = (0.05, 0.05, 0.1, 0.1, 0.2)
"""Pauses between looks for the answer; the last one repeats."""


async def ask(
    session: Session, owner: "Owner", body: "Body", *, connection: str | None = None, seconds: float
) -> "CommandAnswered":
    """The owner's answer. ``seconds`` of real time; exit 3 when they are over, exit 4 without store or broker."""
    from seatledger.cli.wiring import open_sink

    async with open_sink(session) as sink:
        return await Question(session, sink, owner, body, connection).answer(seconds)


class Question:
    """One command of one person, from its note to its answer."""

    def __init__(
        self, session: Session, sink: "EventSink", owner: "Owner", body: "Body", connection: str | None
    ) -> None:
        self._session = session
        self._sink = sink
        self._owner = owner
        self._id = uuid.uuid4().hex
        self._answers = session.store.collection(f"commands_{owner.value}")
        self._outgoing = self._compose(body, connection)

    async def answer(self, seconds: float) -> "CommandAnswered":
        """Send, wait, send again. The note is gone at the end, whatever the end was but the process's own."""
        try:
            async with asyncio.timeout(seconds):
                return await self._repeat()
        except TimeoutError:
            raise out_of_time(
                f"{self._owner.value}",
                f"no answer within {seconds:g} s",
                "The command may still be carried out: look at `seatledger status`, and repeat with a longer --timeout",
            ) from None
        finally:
            await self._forget()

    def _compose(self, body: "Body", connection: str | None) -> "Outgoing":
        from seatledger.schemas.commands import CommandIssued
        from seatledger.schemas.documents import Outgoing
        from seatledger.schemas.envelope import Event
        from seatledger.schemas.ids import CommandId, ConnectionName, join
        from seatledger.schemas.topics import COMMANDS

        now = self._session.calendar.now()
        command = CommandIssued(
            id=CommandId(self._id),
            owner=self._owner,
            connection=None if connection is None else ConnectionName(connection),
            actor=actor(),
            issued_at=now,
            body=body,
        )
        event = Event.about(command, source="/cli", subject=self._id, revision=1, time=now)
        return Outgoing(topic=COMMANDS.name, key=join(self._owner.value, connection or ""), event=event)

    async def _repeat(self) -> "CommandAnswered":
        while True:
            await self._send()
            found = await self._look(REPEAT_SECONDS)
            if found is not None:
                return found

    async def _send(self) -> None:
        note = {"_id": self._id, "owner": self._owner.value, "noted_at": time.time()}
        await sent_notes(self._session.store).upsert_many([note])
        await self._sink.publish([self._outgoing])

    async def _forget(self) -> None:
        from seatledger.runtime.store import StoreUnavailableError

        # Where it cannot be taken back now, it stays, unrenewed, until a drain forgets it.
        with suppress(StoreUnavailableError, TimeoutError):
            async with asyncio.timeout(FORGET_SECONDS):
                await sent_notes(self._session.store).delete_many({"_id": self._id})

    async def _look(self, seconds: float) -> "CommandAnswered | None":
        from seatledger.schemas.commands import CommandAnswered

        end = time.monotonic() + seconds
        turn = 0
        while time.monotonic() < end:
            record = await self._answers.get(self._id)
            if record and record.get("answer"):
                return CommandAnswered.model_validate(record["answer"])
            await asyncio.sleep(_POLLS[min(turn, len(_POLLS) - 1)])
            turn += 1
        return None


async def forget_abandoned(store: "Store") -> None:
    """Forget the notes of command lines that are gone; a live one renews its note every 5 s."""
    await sent_notes(store).delete_many({"noted_at": {"$lt": time.time() - ABANDONED_SECONDS}})


def sent_notes(store: "Store") -> Any:
    """The command line's own collection."""
    from seatledger.runtime.progress import COMMANDS_SENT

    return store.collection(COMMANDS_SENT)


def actor() -> str:
    """Who asks, for the history of mappings and plans: the name that this machine knows the person by."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return f"uid-{os.getuid()}"

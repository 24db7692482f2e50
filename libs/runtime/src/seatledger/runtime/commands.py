"""Commands for one service: recorded when seen, run in the background, answered in the record and on the bus.

A command that has no answer when it is seen again, or when a process starts, is run again: handlers are idempotent.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from seatledger.runtime.backoff import PASSING, insist, pause
from seatledger.runtime.bus import EventSink, EventTooLargeError, Received, Subscription
from seatledger.runtime.chains import about
from seatledger.runtime.clock import BusinessClock, MachineClock
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.redaction import REDACTOR
from seatledger.runtime.service import Answer, CommandHandler
from seatledger.runtime.store import Documents
from seatledger.runtime.tasks import end_tasks
from seatledger.schemas.base import Strict
from seatledger.schemas.commands import CommandAnswered, CommandIssued, Resync
from seatledger.schemas.documents import Document, Outgoing
from seatledger.schemas.envelope import Cause, Event, EventHead
from seatledger.schemas.ids import CommandId, join
from seatledger.schemas.topics import COMMANDS

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

ATTEMPTS: Final = 3
SAID_TOGETHER: Final = 300


class CommandDocument(Document):
    """A row of ``commands_<service>``; others read it as :class:`seatledger.schemas.commands.CommandRecord`."""

    command: CommandIssued
    answer: CommandAnswered | None = None
    cause: Cause | None = None


SayAgain = Callable[[], AsyncIterator[Outgoing]]


async def publish_again(sink: EventSink, say_again: SayAgain | None) -> int:
    """Publish all that a stage holds, and return how many events that were. :class:`EventTooLargeError` where the
    broker refuses some of them, once all the others are said."""
    if say_again is None:
        return 0
    said, part, refused = 0, list[Outgoing](), list[EventTooLargeError]()
    async for outgoing in say_again():
        part.append(outgoing)
        if len(part) == SAID_TOGETHER:
            refused += await _publish(sink, part)
            said, part = said + len(part), []
    refused += await _publish(sink, part)
    if refused:
        raise EventTooLargeError(f"{len(refused)} of {said + len(part)} events are not said: {refused[0]}")
    return said + len(part)


async def _publish(sink: EventSink, part: Sequence[Outgoing]) -> list[EventTooLargeError]:
    """Together; each by itself where the broker refuses one, so that it costs only itself."""
    try:
        await sink.publish(part)
    except EventTooLargeError as error:
        if len(part) == 1:
            return [error]
        return [refusal for item in part for refusal in await _publish(sink, [item])]
    return []


class Commands:
    """Takes the commands whose owner is ``service``."""

    def __init__(
        self,
        service: str,
        documents: Documents[CommandDocument],
        *,
        sink: EventSink,
        calendar: BusinessClock,
        machine: MachineClock,
        metrics: Metrics,
        log: "FilteringBoundLogger",
    ) -> None:
        self._service = service
        self._documents = documents
        self._sink = sink
        self._calendar = calendar
        self._machine = machine
        self._metrics = metrics
        self._log = log
        self._handlers: Mapping[type[Strict], CommandHandler] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._say_again: SayAgain | None = None
        self.subscription = Subscription(COMMANDS, self._take, accepts=(CommandIssued,))

    def use(self, handlers: Mapping[type[Strict], CommandHandler], say_again: SayAgain | None) -> None:
        """What the service handles; ``resync`` is ours."""
        self._say_again = say_again
        self._handlers = {**handlers, Resync: self._resync}

    async def resume(self) -> None:
        """Run what a process before left unanswered."""
        for found in await self._documents.find({"answer": None}):
            self._run(found)

    async def stop(self) -> None:
        """Give up what is running; it is run again at the next start."""
        await end_tasks(self._running.values())

    async def _take(self, batch: Sequence[Received]) -> None:
        issued = [
            (r.event, r.data) for r in batch if isinstance(r.data, CommandIssued) and r.data.owner == self._service
        ]
        known = await self._documents.get_many([command.id for _, command in issued])
        for event, command in issued:
            found = known.get(command.id) or await self._record(event, command)
            if found.answer is None:
                self._run(found)

    async def _record(self, event: EventHead, command: CommandIssued) -> CommandDocument:
        fresh = CommandDocument(id=command.id, command=command, cause=Cause.of(event))
        if await self._documents.save(fresh):
            return fresh.model_copy(update={"rev": 1})
        return await self._documents.get(command.id) or fresh

    def _run(self, found: CommandDocument) -> None:
        if found.id not in self._running:
            chain = found.cause.correlation if found.cause else found.id
            with about([chain]):  # the task keeps what is bound at its start
                task = asyncio.create_task(self._answer(found), name=f"command {found.id}")
            self._running[found.id] = task
            task.add_done_callback(lambda _: self._running.pop(found.id, None))

    async def _answer(self, found: CommandDocument) -> None:
        body, started = found.command.body, self._machine.seconds()
        answer = await self._ask(found.command)
        answered = CommandAnswered(
            id=CommandId(found.id),
            owner=found.command.owner,
            ok=answer.ok,
            message=answer.message,
            result=answer.result,
            answered_at=self._calendar.now(),
        )
        await self._until_stored(found.id, answered)
        seconds = self._machine.seconds() - started
        self._metrics.commands.labels(body.do, str(answer.ok).lower()).inc()
        self._metrics.command_seconds.labels(body.do).observe(seconds)
        self._log.info(
            "command", id=found.id, do=body.do, actor=found.command.actor, ok=answer.ok, seconds=round(seconds, 1)
        )

    async def _ask(self, command: CommandIssued) -> Answer:
        """The handler's answer. Broker and store are waited for; another failure ends in an answer that says so."""
        handler = self._handlers.get(type(command.body))
        if handler is None:
            return Answer(ok=False, message=f"{self._service} does not handle {command.body.do!r}")
        failures = 0
        while True:
            try:
                return await handler(command)
            except Exception as error:
                failures += 1
                lasting = not isinstance(error, PASSING)
                self._log.warning(
                    "command failed", id=command.id, do=command.body.do, error=repr(error), exc_info=lasting
                )
                if lasting and failures >= ATTEMPTS:
                    why = REDACTOR.clean(f"{type(error).__name__}: {error}")
                    return Answer(ok=False, message=f"the command failed: {why}")
                await self._machine.sleep(pause(failures))

    async def _until_stored(self, command_id: str, answered: CommandAnswered) -> None:
        def decide(current: CommandDocument | None) -> CommandDocument | None:
            if current is None or current.answer is not None:
                return None
            event = self._event(current, answered)
            return current.model_copy(update={"answer": answered, "outbox": (*current.outbox, event)})

        async def store() -> CommandDocument | None:
            return await self._documents.change(command_id, decide)

        await insist(store, self._machine, trouble=lambda _: None, patience=float("inf"))

    def _event(self, record: CommandDocument, answered: CommandAnswered) -> Outgoing:
        source, at = f"/{self._service}", answered.answered_at
        event = Event.about(answered, source=source, subject=record.id, revision=1, time=at, cause=record.cause)
        key = join(record.command.owner.value, record.command.connection or "")
        return Outgoing(topic=COMMANDS.name, key=key, event=event)

    async def _resync(self, _command: CommandIssued) -> Answer:
        try:
            return Answer(result={"events": await publish_again(self._sink, self._say_again)})
        except EventTooLargeError as error:
            return Answer(ok=False, message=str(error))

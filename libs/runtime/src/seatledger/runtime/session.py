"""All subscriptions of a service under the bus epoch that stands: joined, left and joined anew when it rises."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from seatledger.runtime.backoff import PASSING, pause
from seatledger.runtime.bus import EventSink, EventTooLargeError, Subscription
from seatledger.runtime.clock import BusinessClock, MachineClock
from seatledger.runtime.commands import SayAgain, publish_again
from seatledger.runtime.dead_letters import DeadLetterSink
from seatledger.runtime.delivery import Delivery
from seatledger.runtime.epoch import epoch_done, finish_epoch, read_epoch
from seatledger.runtime.findings import Findings
from seatledger.runtime.kafka import Consumer, group_name
from seatledger.runtime.kafka_client import Connection
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import Store

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

LOOK_SECONDS: Final = 2.0
QUIET: Final = (*PASSING, EventTooLargeError, OSError)
LASTING_CAP: Final = 30.0
"""Seconds between attempts to say all again where the broker refuses an event: all the others are said each time."""


class BusSession:
    """Keeps a service on the bus. ``run`` until cancelled, then ``stop``."""

    def __init__(
        self,
        service: str,
        *,
        connection: Connection,
        store: Store,
        sink: EventSink,
        findings: Findings,
        calendar: BusinessClock,
        machine: MachineClock,
        metrics: Metrics,
        log: "FilteringBoundLogger",
    ) -> None:
        self.joined = asyncio.Event()
        """Set once all subscriptions are joined for the first time."""
        self._service = service
        self._connection = connection
        self._store = store
        self._sink = sink
        self._findings = findings
        self._calendar = calendar
        self._machine = machine
        self._metrics = metrics
        self._log = log
        self._subscriptions: Sequence[Subscription] = ()
        self._say_again: SayAgain | None = None
        self._consumers: list[Consumer] = []
        self._under: int | None = None
        """The epoch under which all subscriptions are joined."""
        self._epoch: int | None = None
        """The epoch under which all is said, too."""
        self._trouble: str | None = "not yet on the bus"

    def use(self, subscriptions: Sequence[Subscription], say_again: SayAgain | None) -> None:
        self._subscriptions = subscriptions
        self._say_again = say_again

    async def run(self) -> None:
        """Follow the epoch until cancelled. Broker and store may go and come back meanwhile."""
        failures = 0
        while True:
            try:
                epoch = await read_epoch(self._store)
                if epoch != self._epoch:
                    await self._follow(epoch)
                failures, self._trouble = 0, None
                await self._machine.sleep(LOOK_SECONDS)
            except Exception as error:
                failures += 1
                self._trouble = f"{type(error).__name__}: {error}"
                self._log.warning("not on the bus", error=self._trouble, exc_info=not isinstance(error, QUIET))
                cap = LASTING_CAP if isinstance(error, EventTooLargeError) else 3.0
                await self._machine.sleep(pause(failures, first=0.2, cap=cap))

    async def stop(self) -> None:
        """Finish the batches under way, commit them, leave the groups."""
        consumers, self._consumers = self._consumers, []
        await asyncio.gather(*(consumer.stop() for consumer in consumers))

    async def check(self) -> str | None:
        """One line why this service is not on the bus, or None."""
        if self._trouble:
            return f"bus: {self._trouble}"
        for consumer in self._consumers:
            if why := await consumer.check():
                return why
        return None

    async def _follow(self, epoch: int) -> None:
        """Join under this epoch, say all again if that was not done yet, and store that it was. Where saying fails it
        is tried again from there: nothing is left and joined anew, batches go on being handled."""
        if self._under != epoch:
            self._trouble = f"joining under epoch {epoch}"
            await self._join(epoch)
            self.joined.set()
        if await epoch_done(self._store, self._service) < epoch:
            self._trouble = f"saying all again for epoch {epoch}"
            await self._say_all(epoch)
        self._epoch, self._trouble = epoch, None

    async def _join(self, epoch: int) -> None:
        self._under = None
        await self.stop()
        started = self._machine.seconds()
        consumers = [self._consumer(subscription, epoch) for subscription in self._subscriptions]
        try:
            await asyncio.gather(*(consumer.start() for consumer in consumers))
        except BaseException:
            await asyncio.gather(*(consumer.stop() for consumer in consumers))
            raise
        self._consumers, self._under = consumers, epoch
        seconds = round(self._machine.seconds() - started, 2)
        self._log.info("joined", epoch=epoch, subscriptions=len(consumers), seconds=seconds)

    async def _say_all(self, epoch: int) -> None:
        said = await publish_again(self._sink, self._say_again)
        self._metrics.said_again.inc(said)
        await finish_epoch(self._store, self._service, epoch)
        self._log.info("said all again", epoch=epoch, events=said)

    def _consumer(self, subscription: Subscription, epoch: int) -> Consumer:
        topic = subscription.topic.name
        reader = ".".join(part for part in (self._service, topic, subscription.name) if part)
        dead_letters = DeadLetterSink(self._service, reader, epoch, self._sink, self._findings, self._calendar)
        delivery = Delivery(subscription, dead_letters.send, self._machine, self._metrics, self._log)
        group = group_name(self._connection.prefix, self._service, topic, subscription.name, epoch)
        return Consumer(self._connection, delivery, group)

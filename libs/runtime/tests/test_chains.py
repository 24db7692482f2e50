"""One id finds a change in the logs of all services that it went through."""

from collections.abc import MutableMapping, Sequence
from typing import Any

import pytest
import structlog
from structlog.typing import FilteringBoundLogger

from libs.runtime.tests.samples import CALENDAR, NOW, Note, event, issued, record, until
from seatledger.runtime.bus import MemorySink, Received, Subscription
from seatledger.runtime.chains import MOST, chains
from seatledger.runtime.clock import SystemMachine
from seatledger.runtime.commands import CommandDocument, Commands
from seatledger.runtime.delivery import Delivery, Unreadable
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.outbox import Outboxes
from seatledger.runtime.service import Answer
from seatledger.runtime.store import Documents
from seatledger.runtime.testing import JumpingMachine
from seatledger.schemas.commands import CommandIssued, ReadMirror
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Cause, Event
from seatledger.schemas.topics import COMMANDS


class Heard:
    """What is logged, with what was bound around it."""

    def __init__(self) -> None:
        self.lines: list[MutableMapping[str, Any]] = []
        processors = [structlog.contextvars.merge_contextvars, self._keep]
        self.log: FilteringBoundLogger = structlog.wrap_logger(None, processors=processors)

    def _keep(self, _logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        self.lines.append(dict(entry))
        raise structlog.DropEvent

    def said(self, event: str) -> list[list[str]]:
        """Correlation of each line of this name."""
        return [line["correlation"] for line in self.lines if line["event"] == event]


@pytest.fixture
def heard() -> Heard:
    return Heard()


async def send_dead(_unreadable: Sequence[Unreadable]) -> None:
    return None


async def test_a_handlers_own_lines_and_the_batchs_name_the_chains(heard: Heard) -> None:
    """Whatever is logged while a batch is handled, and the line that counts it, have the ids of its events."""

    async def handle(_batch: Sequence[Received]) -> None:
        heard.log.info("in the handler")

    subscription = Subscription(COMMANDS, handle, accepts=(CommandIssued,))
    await Delivery(subscription, send_dead, JumpingMachine(), Metrics(), heard.log).take([record(1), record(2)])
    ids = [event(1).correlationid, event(2).correlationid]
    assert heard.said("in the handler") == [ids]
    assert heard.said("batch") == [ids]


async def test_a_poisoned_record_is_found_by_its_own_chain(heard: Heard) -> None:
    """Once each record is tried by itself, failure and burial name the one chain that they belong to."""

    async def handle(batch: Sequence[Received]) -> None:
        if any(item.event.subject == "c2" for item in batch):
            raise ValueError("poison")

    subscription = Subscription(COMMANDS, handle, accepts=(CommandIssued,))
    await Delivery(subscription, send_dead, JumpingMachine(), Metrics(), heard.log).take([record(1), record(2)])
    assert heard.said("records sent to dead.v1") == [[event(2).correlationid]]
    assert heard.said("handler failed")[-1] == [event(2).correlationid]


async def test_what_is_published_names_the_chain_that_caused_it(heard: Heard) -> None:
    """An event made because of another one is logged under the first one's id: the next service's lines have it too."""
    store = MemoryStore()
    outboxes = Outboxes(store, MemorySink(), SystemMachine(), Metrics(), heard.log)
    notes: Documents[Note] = outboxes.documents("notes", Note)
    follows = Event.about(issued(7), source="/mapper", subject="next", revision=1, time=NOW, cause=event(1))
    await notes.save(Note(id="a", outbox=(Outgoing(topic=COMMANDS.name, key="k", event=follows),)))
    outboxes.start()
    await until(lambda: bool(heard.said("published")))
    await outboxes.stop()
    assert heard.said("published") == [[event(1).correlationid]]


async def test_a_commands_lines_name_its_chain(heard: Heard) -> None:
    """What its handler logs, and the line that tells its answer."""
    documents = Documents(MemoryStore().collection("commands_psa-writer"), CommandDocument)
    commands = Commands(
        "psa-writer",
        documents,
        sink=MemorySink(),
        calendar=CALENDAR,
        machine=JumpingMachine(),
        metrics=Metrics(),
        log=heard.log,
    )

    async def read_mirror(_command: CommandIssued) -> Answer:
        heard.log.info("in the handler")
        return Answer()

    commands.use({ReadMirror: read_mirror}, None)
    await documents.save(CommandDocument(id="c1", command=issued(1), cause=Cause(id="e", correlation="first")))
    await commands.resume()
    await until(lambda: bool(heard.said("command")))
    assert heard.said("in the handler") == heard.said("command") == [["first"]]


def test_a_large_batch_tells_how_many_it_leaves_out() -> None:
    """A line stays readable; each chain is named once."""
    ids = [f"id{number % 50}" for number in range(500)]
    assert chains(ids) == {"correlation": ids[:MOST], "correlation_left_out": 50 - MOST}
    assert chains(["a", "a"]) == {"correlation": ["a"]}

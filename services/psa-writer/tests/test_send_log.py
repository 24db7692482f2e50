"""One id leads through the logs of all services, also to the send and to Autotask's answer."""

from typing import Any

import pytest
from structlog.testing import capture_logs
from writer_world import TODAY, Replica, World, key, received

from seatledger.psa_writer.adapters.memory import Script
from seatledger.psa_writer.handlers import execute
from seatledger.schemas.intents import IntentReleased


async def told(world: World, replica: Replica, intent: IntentReleased) -> str:
    """The intent is taken in; the id of its chain."""
    message = received(intent)
    await replica.intake.handle([message])
    return message.event.correlationid


async def lines_of(replica: Replica, event: str) -> list[dict[str, Any]]:
    """What one pass logs under this name."""
    with capture_logs() as lines:
        await replica.passes(0)
    return [dict(line) for line in lines if line["event"] == event]


async def test_the_lines_about_a_send_and_its_answer_name_its_chain() -> None:
    """One line before the bytes leave and one for the answer, both under the id of the intent's chain."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    chain = await told(world, replica, world.intent(await world.book(line), TODAY, 2))
    with capture_logs() as lines:
        await replica.passes(0)
    about = {"connection": "main", "sends": 1, "lines": [key(line)], "correlation": [chain], "log_level": "info"}
    assert lines == [{"event": "sending", **about}, {"event": "answered", "answer": "200", **about}]


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("refused", "refused: by_psa"),
        ("no_byte", "no byte left: connection"),
        ("thread_limit", "thread limit"),
        ("unauthorized", "unauthorized"),
        ("status_429", "unknown: 429"),
        ("reset", "unknown"),
    ],
)
async def test_what_came_back_is_named(script: Script, answer: str) -> None:
    """Kind and status of every answer, without its text."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    chain = await told(world, replica, world.intent(await world.book(line), TODAY, 2))
    world.psa.script.append(script)
    (said,) = await lines_of(replica, "answered")
    assert (said["answer"], said["correlation"]) == (answer, [chain])


async def test_many_sends_are_few_lines_and_no_chain_is_left_out() -> None:
    """A claim's whole round is told together, in lines of as many ids as one line names."""
    world = World()
    numbers = range(1, 26)
    replica = await world.linked(*(world.psa.add_line(number, 10) for number in numbers))
    books = await replica.books.find({})
    chains = {await told(world, replica, world.intent(book, TODAY, 2)) for book in books}
    sending = await lines_of(replica, "sending")
    assert [line["sends"] for line in sending] == [20, 5]
    assert {one for line in sending for one in line["correlation"]} == chains


async def test_a_line_that_cannot_be_decided_is_logged_with_its_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows the change finds the exception by the same id."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    chain = await told(world, replica, world.intent(await world.book(line), TODAY, 2))

    def poisoned(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(execute, "decide", poisoned)
    (said,) = await lines_of(replica, "line cannot be decided")
    assert (said["line"], said["correlation"], said["exc_info"]) == (key(line), [chain], True)

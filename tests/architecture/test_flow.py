"""Who says and reads what, as schemas/flow.py tells it and as the code does it."""

import ast
from collections.abc import Iterator

import pytest

from seatledger.schemas import topics
from seatledger.schemas.flow import FLOW
from seatledger.schemas.topics import Topic
from tests.architecture.product import ROOT, SERVICES, calls, last_name

BY_NAME: dict[str, Topic] = {name: value for name, value in vars(topics).items() if isinstance(value, Topic)}


def named(node: ast.AST | None) -> Iterator[str]:
    """Last names of all that an expression mentions."""
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.Name | ast.Attribute):
            yield last_name(part)


def called(folder: str, what: str) -> Iterator[ast.Call]:
    for path in sorted((ROOT / folder).glob("src/**/*.py")):
        yield from calls(path, what)


def read_by(folder: str) -> set[tuple[str, str]]:
    """Topics and event types of the subscriptions that a folder's code makes."""
    found = set()
    for call in called(folder, "Subscription"):
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        topic = next(BY_NAME[name] for name in named(given[0]) if name in BY_NAME)
        events = {saying.data.__name__ for saying in FLOW[topic]}
        found |= {(topic.name, name) for one in given[1:] for name in named(one) if name in events}
    return found


def said_by(folder: str) -> set[str]:
    """Topics for which a folder's code makes events."""
    return {
        BY_NAME[name].name
        for call in called(folder, "Outgoing")
        for keyword in call.keywords
        if keyword.arg == "topic"
        for name in named(keyword.value)
        if name in BY_NAME
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_what_the_flow_says(service: str) -> None:
    """Its subscriptions, and that on commands which all have, name exactly these topics and event types."""
    told = {
        (topic.name, saying.data.__name__)
        for topic, sayings in FLOW.items()
        for saying in sayings
        if service in saying.read_by
    }
    assert read_by(f"services/{service}") | read_by("libs/runtime") == told


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_what_the_flow_says(service: str) -> None:
    """It makes events for exactly these topics, by its own code or the runtime's."""
    told = {topic.name for topic, sayings in FLOW.items() if any(service in saying.said_by for saying in sayings)}
    assert said_by(f"services/{service}") | said_by("libs/runtime") == told


def test_the_command_line_says_commands_alone() -> None:
    """People act by commands: it makes events for no other topic."""
    assert said_by("cli") == {topics.COMMANDS.name}

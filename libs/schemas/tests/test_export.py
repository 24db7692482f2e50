"""What is made from the models: up to date, complete, and understood by others."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from seatledger.schemas.envelope import Event
from seatledger.schemas.export import files
from seatledger.schemas.field_docs import describe, inner_models
from seatledger.schemas.flow import FLOW
from seatledger.schemas.registry import EVENT_DATA
from seatledger.schemas.topics import TOPICS

ROOT = Path(__file__).parents[3]
FILES = files(ROOT)
DOCUMENT: dict[str, Any] = json.loads(FILES["docs/asyncapi.json"])


@pytest.mark.parametrize("name", FILES)
def test_what_is_made_from_the_models_is_todays(name: str) -> None:
    """Whoever changes a model or a topic commits what follows: ``python -m seatledger.schemas.export`` writes it."""
    assert (ROOT / name).read_text() == FILES[name]


@pytest.mark.parametrize("folder", ["docs/topics", "libs/schemas/json-schema"])
def test_nothing_is_left_of_what_is_gone(folder: str) -> None:
    """A page of a topic, or a schema of an event, that no longer exists is removed."""
    stands = {str(path.relative_to(ROOT)) for path in (ROOT / folder).iterdir()}
    assert stands == {name for name in FILES if name.startswith(folder)}


def test_each_event_stands_on_one_topic() -> None:
    """Every topic and every event type of the registry has its place in the flow, once."""
    assert tuple(FLOW) == TOPICS
    on_topics = [saying.data for sayings in FLOW.values() for saying in sayings]
    assert on_topics == sorted(set(EVENT_DATA.values()), key=on_topics.index)
    assert len(on_topics) == len(EVENT_DATA)


def models() -> list[type[BaseModel]]:
    tops: list[type[BaseModel]] = [Event, *EVENT_DATA.values()]
    return sorted({*tops, *(inner for top in tops for inner, _ in inner_models(top, []))}, key=lambda one: one.__name__)


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_each_field_says_what_it_is(model: type[BaseModel]) -> None:
    """By a text below it, or by its type; a model says it too."""
    assert model.__doc__
    assert [field for field in model.model_fields if not describe(model, field)] == []


def test_pages_show_every_field_of_every_event_with_its_example() -> None:
    """Type, meaning, and the golden example's value: of all fields, and of the types that they hold."""
    page = FILES["docs/topics/adjustments.planned.v1.md"]
    assert "| `jump` | integer | Units that are posted to Autotask; may be negative. | `2` |" in page
    assert "| `on` | date | First day on which it holds. | `2026-03-02` |" in page
    for topic, sayings in FLOW.items():
        shown = FILES[f"docs/topics/{topic.name}.md"]
        for saying in sayings:
            for field in saying.data.model_fields:
                assert f"| `{field}` |" in shown, (topic.name, field)


def test_a_page_says_how_long_a_topic_is_kept_and_who_is_on_it() -> None:
    """Retention, key, partitions, producers and consumers stand on top, with a command to follow it."""
    page = FILES["docs/topics/subscriptions.mapped.v1.md"]
    for told in (
        "30 days",
        "not compacted",
        "connection / company",
        "| said by | mapper |",
        "| read by | contract-planner |",
    ):
        assert told in page, told
    assert "seatledger tail subscriptions.mapped.v1" in page
    assert "| kept | for ever" in FILES["docs/topics/adjustments.settled.v1.md"]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from ([part["$ref"]] if isinstance(part.get("$ref"), str) else [])
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_references_of_the_document_lead_somewhere() -> None:
    """Each local reference names a part of the same document: nothing is loaded from elsewhere."""
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        part: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]


@pytest.mark.filterwarnings("ignore:Field name .schema.:UserWarning")
def test_the_document_is_asyncapi_to_others() -> None:
    """A complete model of AsyncAPI 3.0, written by others, takes it; and refuses one with a channel mistyped."""
    from asyncapi3 import AsyncAPI3  # type: ignore[import-untyped]  # typed, and ships no py.typed

    AsyncAPI3.model_validate(DOCUMENT)
    with pytest.raises(ValueError, match="validation error"):
        AsyncAPI3.model_validate({**DOCUMENT, "channels": {"a": {"adress": "x"}}})


def test_the_document_has_what_the_topics_declare() -> None:
    """Each topic's address, retention and messages; who sends and who receives; examples from the golden events."""
    channel = DOCUMENT["channels"]["adjustments_settled_v1"]
    assert channel["address"] == "adjustments.settled.v1"
    assert channel["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] == -1
    assert set(channel["messages"]) == {"AdjustmentSettled", "LineObserved"}
    assert DOCUMENT["operations"]["psa-writer_send_adjustments_settled_v1"]["action"] == "send"
    assert DOCUMENT["operations"]["contract-planner_receive_adjustments_settled_v1"]["action"] == "receive"
    message = DOCUMENT["components"]["messages"]["LineObserved"]
    assert message["examples"][0]["payload"]["type"] == "LineObserved"


def test_no_description_bears_marks_of_its_source() -> None:
    """Docstrings' double backticks are one in Markdown, and none is left open."""
    for name, text in FILES.items():
        if name.startswith("docs/topics/"):
            tables = [line for line in text.splitlines() if line.startswith("|")]
            assert not [line for line in tables if re.search(r"(?<!`)``(?!`)", line)], name

"""``docs/topics/``: a page for each topic, made from its declaration, the models and the golden examples."""

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

from seatledger.schemas.base import Json
from seatledger.schemas.envelope import Event
from seatledger.schemas.field_docs import FieldRow, first_paragraph, inner_models, parts, rows
from seatledger.schemas.flow import FLOW, Saying
from seatledger.schemas.topics import PARTITIONS, Topic

Examples = Mapping[str, Json]
"""Per event type a whole CloudEvent."""

MADE: Final = "Made by `python -m seatledger.schemas.export` from `libs/schemas`; change it there.\n"
ENVELOPE: Final = """\
## The envelope

Each record's value is a [CloudEvent](https://cloudevents.io) in structured JSON, so that any Kafka tool shows all of
it. Fields that a reader does not know are to be ignored: within a major version events only grow. *May be absent* marks
what an event of an older release may lack. As an AsyncAPI 3 document: [asyncapi.json](../asyncapi.json), which each
service answers at `/asyncapi.json`, and as a page at `/asyncapi`.
"""
LONGEST: Final = 60
"""Characters of an example in a table; the whole one stands above it."""
TABLE: Final = "| field | type | meaning | example |\n|---|---|---|---|\n"


def pages(examples: Examples) -> dict[str, str]:
    """Per file name its text: one a topic, and the index."""
    by_topic = {f"{topic.name}.md": _page(topic, sayings, examples) for topic, sayings in FLOW.items()}
    return {"README.md": _index(examples), **by_topic}


def _index(examples: Examples) -> str:
    found = "".join(
        f"| [`{topic.name}`]({topic.name}.md) | {topic.meaning} | {_names(sayings)} | {_who(sayings, 'said_by')} |"
        f" {_who(sayings, 'read_by')} |\n"
        for topic, sayings in FLOW.items()
    )
    head = "| topic | meaning | events | said by | read by |\n|---|---|---|---|---|\n"
    return f"# Topics\n\n{MADE}\n{head}{found}\n{ENVELOPE}\n{_table(rows(Event, list(examples.values())))}"


def _page(topic: Topic, sayings: tuple[Saying, ...], examples: Examples) -> str:
    meaning = f"{topic.meaning[0].upper()}{topic.meaning[1:]}."
    events = [_event(saying, examples) for saying in sayings]
    facts, types = _facts(topic, sayings), _types(sayings, examples)
    return "\n".join([f"# {topic.name}\n\n{meaning}\n\n{MADE}", facts, *events, types])


def _facts(topic: Topic, sayings: tuple[Saying, ...]) -> str:
    days = "for ever" if topic.retention is None else f"{topic.retention.days} days"
    return (
        "| | |\n|---|---|\n"
        f"| key | {topic.key} |\n"
        f"| kept | {days} (`retention.ms` {topic.config['retention.ms']}), not compacted |\n"
        f"| partitions | {PARTITIONS}, unless `topics.partitions` says otherwise |\n"
        f"| said by | {_who(sayings, 'said_by')} |\n"
        f"| read by | {_who(sayings, 'read_by')} |\n"
        f"| events | {_names(sayings)} |\n\n"
        "```sh\n"
        f"seatledger tail {topic.name} --since 1h --follow\n"
        f"kcat -b localhost:29092 -t {topic.name} -C -o -10 -e -f '%k %s\\n'\n"
        "```\n"
    )


def _event(saying: Saying, examples: Examples) -> str:
    model, example = saying.data, examples[saying.data.event_type]
    shown = json.dumps(example, indent=2, ensure_ascii=False)
    table = _table(rows(model, [example["data"]]))
    return (
        f"## {model.event_type}\n\n{_told(model)}\n\nSaid by {', '.join(saying.said_by)};"
        f" read by {', '.join(saying.read_by) or 'no service'}. Major version {model.event_major}.\n\n{table}\n"
        f"```json\n{shown}\n```\n"
    )


def _types(sayings: tuple[Saying, ...], examples: Examples) -> str:
    """What the events hold, once each, in the order of their names."""
    held: dict[str, tuple[type[BaseModel], list[Any]]] = {}
    for saying in sayings:
        for model, found in inner_models(saying.data, [examples[saying.data.event_type]["data"]]):
            held.setdefault(model.__name__, (model, []))[1].extend(found)
    models = [
        f"### {name}\n\n{_told(model)}\n\n{_table(rows(model, found))}" for name, (model, found) in sorted(held.items())
    ]
    kinds = _enums([*(saying.data for saying in sayings), *(model for model, _ in held.values())])
    words = [f"### {name}\n\n{_told(kind)}\n\n{_values(kind)}\n" for name, kind in sorted(kinds.items())]
    return "\n".join(["## Types\n", *models, *words])


def _enums(models: list[type[BaseModel]]) -> dict[str, type[Enum]]:
    return {
        part.__name__: part
        for model in models
        for field in model.model_fields.values()
        for part in parts(field.annotation)
        if isinstance(part, type) and issubclass(part, Enum)
    }


def _values(kind: type[Enum]) -> str:
    return ", ".join(f"`{member.value}`" for member in kind)


def _told(model: type) -> str:
    return first_paragraph(model.__doc__).replace("``", "`")


def _table(found: list[FieldRow]) -> str:
    return TABLE + "".join(
        f"| `{row.name}` | {_cell(row.type)}{'' if row.always else ' (may be absent)'} | {_cell(row.meaning)} |"
        f" {_example(row.example)} |\n"
        for row in found
    )


def _example(value: Any) -> str:
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= LONGEST:
        return f"`{_cell(text)}`"
    return f"`{_cell(text[:LONGEST])}`…" if isinstance(value, str) else "above"


def _cell(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|").replace("\n", " ")


def _names(sayings: tuple[Saying, ...]) -> str:
    return ", ".join(f"`{saying.data.event_type}`" for saying in sayings)


def _who(sayings: tuple[Saying, ...], which: str) -> str:
    names = dict.fromkeys(name for saying in sayings for name in getattr(saying, which))
    return ", ".join(names) or "no service"

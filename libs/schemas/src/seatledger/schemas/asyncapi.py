"""The published language as an AsyncAPI 3 document: topics are channels, events messages, services' parts operations.

FastStream's own document knows the topics and nothing of what stands in them, because we take records raw
(docs/decisions/0022-asyncapi-from-the-registry.md).
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from seatledger.schemas.base import Json
from seatledger.schemas.envelope import Event, EventData
from seatledger.schemas.field_docs import describe, first_paragraph, inner_models
from seatledger.schemas.flow import FLOW, Saying
from seatledger.schemas.registry import EVENT_DATA
from seatledger.schemas.topics import PARTITIONS, Topic

ASYNCAPI: Final = "3.0.0"
KAFKA_BINDING: Final = "0.5.0"
SCHEMA: Final = "#/components/schemas/{model}"
DESCRIPTION: Final = (
    "Every record's value is a CloudEvent 1.0 in structured JSON. Delivery is at least once: the same event has the"
    " same id. Within a major version events only grow; ignore what you do not know."
)


def document(examples: Mapping[str, Json]) -> Json:
    """The whole document. ``examples`` holds a CloudEvent per event type; a type without one shows none."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {"title": "Seatledger", "version": version("seatledger-schemas"), "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {_id(topic.name): _channel(topic, sayings) for topic, sayings in FLOW.items()},
        "operations": _operations(),
        "components": {
            "messages": {name: _message(model, examples.get(name)) for name, model in EVENT_DATA.items()},
            "schemas": _schemas(),
        },
    }


def _channel(topic: Topic, sayings: tuple[Saying, ...]) -> Json:
    return {
        "address": topic.name,
        "title": topic.name,
        "description": f"{topic.meaning}; keyed by {topic.key}",
        "messages": {saying.data.event_type: _ref("messages", saying.data.event_type) for saying in sayings},
        "bindings": {"kafka": _kafka(topic)},
    }


def _kafka(topic: Topic) -> Json:
    settings = {"cleanup.policy": [topic.config["cleanup.policy"]], "retention.ms": int(topic.config["retention.ms"])}
    return {
        "topic": topic.name,
        "partitions": PARTITIONS,
        "topicConfiguration": settings,
        "bindingVersion": KAFKA_BINDING,
    }


def _operations() -> Json:
    """One per service, topic and direction."""
    found: dict[str, Json] = {}
    for topic, saying, service, action in _deeds():
        channel = _id(topic.name)
        operation = found.setdefault(f"{service}_{action}_{channel}", _operation(topic, service, action))
        operation["messages"].append({"$ref": f"#/channels/{channel}/messages/{saying.data.event_type}"})
    return found


def _deeds() -> Iterator[tuple[Topic, Saying, str, str]]:
    for topic, sayings in FLOW.items():
        for saying in sayings:
            yield from ((topic, saying, service, "send") for service in saying.said_by)
            yield from ((topic, saying, service, "receive") for service in saying.read_by)


def _operation(topic: Topic, service: str, action: str) -> Json:
    verb = "says on" if action == "send" else "reads"
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{_id(topic.name)}"},
        "summary": f"{service} {verb} {topic.name}",
        "tags": [{"name": service}],
        "messages": [],
    }


def _message(model: type[EventData], example: Json | None) -> Json:
    envelope = {"type": {"const": model.event_type}, "data": {"$ref": SCHEMA.format(model=model.__name__)}}
    message: Json = {
        "name": model.event_type,
        "title": f"{model.event_type}, major version {model.event_major}",
        "summary": first_paragraph(model.__doc__),
        "contentType": "application/json",
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": {"allOf": [{"$ref": SCHEMA.format(model=Event.__name__)}, {"properties": envelope}]},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": KAFKA_BINDING}},
    }
    return message if example is None else {**message, "examples": [{"payload": example}]}


def _schemas() -> Json:
    models: list[type[BaseModel]] = [Event, *EVENT_DATA.values()]
    _, generated = models_json_schema([(model, "serialization") for model in models], ref_template=SCHEMA)
    schemas: Json = {name: _plain(schema) for name, schema in generated["$defs"].items()}
    inner = [found for model in models for found, _ in inner_models(model, [])]
    for model in {*models, *inner}:
        for field, schema in schemas[model.__name__].get("properties", {}).items():
            _with_description(schema, describe(model, field))
    return dict(sorted(schemas.items()))


def _with_description(schema: Json, text: str) -> None:
    if text and "$ref" not in schema:  # what stands beside a reference is not read
        schema["description"] = text.replace("``", "`")


def _plain(schema: Any) -> Any:
    """AsyncAPI's discriminator is the name of the field alone."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _plain(value) for key, value in schema.items()}
    if isinstance(found.get("discriminator"), dict):
        found["discriminator"] = found["discriminator"]["propertyName"]
    return found


def _id(name: str) -> str:
    """An id with which every tool can cope: letters, digits, hyphens, underscores."""
    return name.replace(".", "_")


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}

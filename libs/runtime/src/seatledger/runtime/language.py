"""The published language over HTTP: /asyncapi.json, and /asyncapi as a page that loads nothing from anywhere."""

import json
from collections.abc import Iterator
from functools import cache
from html import escape
from typing import Final

from seatledger.schemas.asyncapi import document
from seatledger.schemas.field_docs import FieldRow, first_paragraph, rows
from seatledger.schemas.flow import FLOW, Saying
from seatledger.schemas.topics import Topic

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""Content security policy of the page: no script, no picture, nobody else's host."""
_STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #ccc;padding:.3em .5em;text-align:left;"
    "vertical-align:top}code{font-size:.9em}"
)


@cache
def document_text() -> str:
    """docs/asyncapi.json without its examples, which are no part of an installation."""
    return json.dumps(document({}), ensure_ascii=False)


@cache
def page() -> str:
    """The same for people: topics, who says and reads what, and each field of each event."""
    topics = "".join(f"<li><a href='#{escape(topic.name)}'>{escape(topic.name)}</a>: {topic.meaning}" for topic in FLOW)
    body = "".join(part for topic, sayings in FLOW.items() for part in _topic(topic, sayings))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Seatledger: topics</title><style>{_STYLE}</style>"
        "<h1>Topics</h1><p>As an AsyncAPI 3 document: <a href='/asyncapi.json'>/asyncapi.json</a>."
        f"<ul>{topics}</ul>{body}</html>"
    )


def _topic(topic: Topic, sayings: tuple[Saying, ...]) -> Iterator[str]:
    kept = "for ever" if topic.retention is None else f"for {topic.retention.days} days"
    yield f"<h2 id='{escape(topic.name)}'>{escape(topic.name)}</h2><p>Key: {escape(topic.key)}. Kept {kept}."
    for saying in sayings:
        said, read = ", ".join(saying.said_by), ", ".join(saying.read_by) or "no service"
        yield f"<h3>{escape(saying.data.event_type)}</h3><p>{_text(first_paragraph(saying.data.__doc__))}"
        yield f"<p>Said by {escape(said)}; read by {escape(read)}."
        yield f"<table><tr><th>field<th>type<th>meaning{''.join(map(_row, rows(saying.data, [])))}</table>"


def _row(row: FieldRow) -> str:
    return f"<tr><td><code>{escape(row.name)}</code><td>{_text(row.type)}<td>{_text(row.meaning)}"


def _text(text: str) -> str:
    return escape(text.replace("`", ""))

"""The published language: envelope, registry, JSON Schemas, golden examples, compatibility."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from seatledger.schemas.commands import Body, CommandIssued
from seatledger.schemas.compatibility import breaks
from seatledger.schemas.envelope import Event, UnreadableEventError, event_identity
from seatledger.schemas.export import as_text, json_schemas
from seatledger.schemas.ids import CompanyKey, LineKey, SubscriptionKey
from seatledger.schemas.registry import EVENT_DATA, decode, read
from seatledger.schemas.subscriptions import Status, SubscriptionChanged

HERE = Path(__file__).parent
SCHEMAS = HERE.parent / "json-schema"
GOLDEN = sorted((HERE / "golden").glob("*.json"))


@pytest.mark.parametrize("name", sorted(json_schemas()))
def test_the_committed_schema_is_todays(name: str) -> None:
    """Whoever changes an event commits its JSON Schema: ``python -m seatledger.schemas.export`` writes it."""
    assert (SCHEMAS / name).read_text() == as_text(json_schemas()[name])


@pytest.mark.parametrize("released", sorted((HERE / "released").glob("*.json")), ids=lambda path: path.stem)
def test_today_only_adds_to_the_last_release(released: Path) -> None:
    """No field of the last release is removed, renamed or retyped within its major version."""
    assert breaks(json.loads(released.read_text()), json_schemas()[released.name]) == []


def test_every_event_is_under_the_compatibility_test() -> None:
    """A new event type enters the set of released schemas."""
    assert {path.name for path in (HERE / "released").glob("*.json")} == set(json_schemas())


def _remove(schema: dict[str, Any]) -> None:
    del schema["properties"]["revision"]


def _rename(schema: dict[str, Any]) -> None:
    schema["properties"]["revisions"] = schema["properties"].pop("revision")


def _retype(schema: dict[str, Any]) -> None:
    schema["properties"]["revision"]["type"] = "string"


def _retype_inside(schema: dict[str, Any]) -> None:
    schema["$defs"]["Step"]["properties"]["on"]["format"] = "date-time"


def _lose_a_value(schema: dict[str, Any]) -> None:
    schema["$defs"]["Status"]["enum"].remove("suspended")


@pytest.mark.parametrize("damage", [_remove, _rename, _retype, _retype_inside, _lose_a_value])
def test_the_compatibility_test_notices(damage: Callable[[dict[str, Any]], None]) -> None:
    """A field removed, renamed or retyped in a copy, or a value lost, fails the comparison."""
    released = json_schemas()["SubscriptionChanged.1.json"]
    today = copy.deepcopy(released)
    damage(today)
    assert breaks(released, today)


def test_a_new_optional_field_is_no_break() -> None:
    """Adding is what a minor release may do."""
    released = json_schemas()["SubscriptionChanged.1.json"]
    today = copy.deepcopy(released)
    today["properties"]["region"] = {"type": "string"}
    assert breaks(released, today) == []


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_examples_are_read_and_written_again(path: Path) -> None:
    """Today's models read the committed example of each event and say the same again."""
    event, data = decode(path.read_bytes())
    assert data.event_type == path.stem
    assert json.loads(event.model_copy(update={"data": data.model_dump(mode="json")}).to_bytes()) == json.loads(
        path.read_text()
    )


def test_every_event_has_a_golden_example() -> None:
    """No event type is without an example that a stranger can read."""
    assert {path.stem for path in GOLDEN} == set(EVENT_DATA)


def test_unknown_fields_are_ignored_and_unknown_enum_values_become_other() -> None:
    """A newer writer does not break an older reader."""
    value = json.loads((HERE / "golden" / "SubscriptionChanged.json").read_text())
    value["data"]["colour"] = "blue"
    value["data"]["status"] = "hibernating"
    _, data = decode(json.dumps(value).encode())
    assert isinstance(data, SubscriptionChanged)
    assert data.status is Status.OTHER


def _edited(change: dict[str, Any]) -> bytes:
    value = json.loads((HERE / "golden" / "SubscriptionChanged.json").read_text())
    return json.dumps({**value, **change}).encode()


UNREADABLE = [
    (None, "no value"),
    (b"\xff\xfe", "UTF-8"),
    (b"{", "CloudEvent"),
    (b'"text"', "CloudEvent"),
    (_edited({"specversion": "2.0"}), "specversion"),
    (_edited({"type": "SomethingElse"}), "not known"),
    (_edited({"dataschema": "urn:seatledger:schema:SubscriptionChanged:2"}), "major version 2"),
    (_edited({"dataschema": "nonsense"}), "names no major"),
    (_edited({"data": {"key": 1}}), "data of SubscriptionChanged is wrong"),
]


@pytest.mark.parametrize(("value", "why"), UNREADABLE)
def test_what_cannot_be_read_says_why(value: bytes | None, why: str) -> None:
    """Each unreadable record has its reason in one line."""
    with pytest.raises(UnreadableEventError, match=why) as raised:
        decode(value)
    assert "\n" not in raised.value.why


def test_the_same_saying_has_the_same_id() -> None:
    """An event's id is a function of type, subject and revision alone."""
    assert event_identity("T", "s", 1) == event_identity("T", "s", "1")
    assert len({event_identity("T", "s", 1), event_identity("T", "s", 2), event_identity("U", "s", 1)}) == 3


def test_a_chain_keeps_its_first_id() -> None:
    """correlationid is the first event's id, causationid the one before."""
    first, data = decode((HERE / "golden" / "SubscriptionChanged.json").read_bytes())
    now = datetime(2026, 3, 1, 8, tzinfo=UTC)
    second = Event.about(data, source="/a", subject="x", revision=1, time=now, cause=first)
    third = Event.about(data, source="/a", subject="x", revision=2, time=now, cause=second)
    assert (third.correlationid, third.causationid) == (first.id, second.id)


def test_events_are_cloudevents_to_the_sdk() -> None:
    """The CloudEvents SDK reads our envelope: type, subject, extensions and data."""
    http = pytest.importorskip("cloudevents.core.formats.json", reason="the SDK is an oracle of the tests alone")
    from cloudevents.core.v1.event import CloudEvent

    raw = (HERE / "golden" / "SubscriptionChanged.json").read_bytes()
    event = http.JSONFormat().read(CloudEvent, raw)
    ours, _ = decode(raw)
    assert (event.get_id(), event.get_type(), event.get_subject()) == (ours.id, ours.type, ours.subject)
    assert event.get_extension("correlationid") == ours.correlationid


@pytest.mark.parametrize(
    "body",
    [
        {"do": "collect", "source": "drop", "speed": 3},
        {"do": "approve_plan", "plan": "p"},
        {"do": "fly"},
    ],
)
def test_commands_forbid_what_they_do_not_know(body: dict[str, Any]) -> None:
    """A mistyped command is refused instead of half understood."""
    with pytest.raises(ValueError, match="validation error"):
        TypeAdapter[Any](Body).validate_python(body)


def test_commands_survive_the_bus() -> None:
    """A command reads back as the class that was sent."""
    _, data = decode((HERE / "golden" / "CommandIssued.json").read_bytes())
    assert isinstance(data, CommandIssued)
    assert data.body.do == "collect"


@pytest.mark.parametrize("text", ["plain", "with/slash", "with%percent", "ünïcode und Leerzeichen", ""])
def test_identities_take_any_text_and_come_back(text: str) -> None:
    """Ids of distributors may hold anything; joining and splitting loses nothing."""
    key = SubscriptionKey(source="drop", subscription=text, resource=text)
    assert SubscriptionKey.parse(str(key)) == key


def test_numbers_of_autotask_come_back_as_numbers() -> None:
    """Company and line keys parse to Autotask's integers."""
    assert CompanyKey.parse("main/101").company == 101
    assert LineKey.parse("main/8001").line == 8001


def test_json_writes_dates_instants_and_money_as_promised() -> None:
    """Instants end in Z, dates are dates, money is text with its currency."""
    data = json.loads((HERE / "golden" / "SubscriptionChanged.json").read_text())["data"]
    assert data["observed_at"].endswith("Z")
    assert date.fromisoformat(data["asks"]["since"])
    assert Decimal(data["unit_price"]["amount"])
    assert data["unit_price"]["currency"] == "EUR"


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_event_read_in_one_go_is_what_is_decoded(path: Path) -> None:
    """The fast way and the explaining way tell the same of envelope and data, unknown fields and values included."""
    value = json.loads(path.read_text())
    value["data"]["colour"] = "blue"
    if "status" in value["data"]:
        value["data"]["status"] = "hibernating"
    head, data = read(json.dumps(value).encode())
    event, slowly = decode(json.dumps(value).encode())
    assert data == slowly
    assert head.model_dump(exclude={"data"}) == event.model_dump(exclude={"data"})


@pytest.mark.parametrize(("value", "why"), UNREADABLE)
def test_what_cannot_be_read_in_one_go_says_why(value: bytes | None, why: str) -> None:
    """The fast way refuses what the explaining way refuses, with its words."""
    with pytest.raises(UnreadableEventError, match=why):
        read(value)


def test_a_schema_named_otherwise_is_read_as_before() -> None:
    """Only the major version of ``dataschema`` counts, whoever wrote the rest."""
    head, data = read(_edited({"dataschema": "urn:somebody:else:1"}))
    assert isinstance(data, SubscriptionChanged)
    assert head.major == 1

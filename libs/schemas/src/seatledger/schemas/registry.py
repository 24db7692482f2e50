"""Which model reads which event, and the way from a record's bytes to an event."""

from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError, create_model

from seatledger.schemas.commands import CommandAnswered, CommandIssued
from seatledger.schemas.dead import DeadLetter
from seatledger.schemas.envelope import DATASCHEMA, Event, EventData, EventHead, UnreadableEventError
from seatledger.schemas.findings import FindingClosed, FindingRaised
from seatledger.schemas.intents import AdjustmentSettled, IntentReleased, IntentWithdrawn, LineObserved
from seatledger.schemas.subscriptions import SubscriptionChanged, SubscriptionMapped
from seatledger.schemas.usage import UsageObserved

EVENT_DATA: Final[dict[str, type[EventData]]] = {
    model.event_type: model
    for model in (
        SubscriptionChanged,
        SubscriptionMapped,
        UsageObserved,
        IntentReleased,
        IntentWithdrawn,
        AdjustmentSettled,
        LineObserved,
        FindingRaised,
        FindingClosed,
        CommandIssued,
        CommandAnswered,
        DeadLetter,
    )
}


def read(value: bytes | None) -> tuple[EventHead, EventData]:
    """As :func:`decode` for whoever needs the data typed and not as it was written: half the work, for the JSON is read
    and validated in one go. What that cannot read is decoded step by step, which says why."""
    try:
        found = _whole_events().validate_json(value or b"")
    except ValidationError:
        return decode(value)
    return found, found.data


@cache
def _whole_events() -> TypeAdapter[Any]:
    """Each event with its data, told apart by its type."""
    whole: Any = reduce(or_, (_whole_event(name, model) for name, model in EVENT_DATA.items()))
    told_apart: Any = Annotated[whole, Field(discriminator="type")]
    return TypeAdapter(told_apart)


def _whole_event(name: str, model: type[EventData]) -> type[EventHead]:
    schema = DATASCHEMA.format(name=name, major=model.event_major)
    fields: dict[str, Any] = {"type": Literal[name], "dataschema": Literal[schema], "data": model}
    return create_model(f"Whole{name}", __base__=EventHead, **fields)


def decode(value: bytes | None) -> tuple[Event, EventData]:
    """The event in a record's value and its typed data; :class:`UnreadableEventError` says why there is none."""
    if value is None:
        raise UnreadableEventError("the record has no value")
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise UnreadableEventError(f"the value is not UTF-8: {error}") from error
    try:
        event = Event.model_validate_json(value)
    except ValidationError as error:
        raise UnreadableEventError(f"the value is no CloudEvent: {_first(error)}") from error
    return event, decode_data(event)


def decode_data(event: Event) -> EventData:
    """The typed data of an event; :class:`UnreadableEventError` for a type, a major or data we cannot read."""
    model = EVENT_DATA.get(event.type)
    if model is None:
        raise UnreadableEventError(f"the event type {event.type!r} is not known")
    try:
        major = event.major
    except ValueError as error:
        raise UnreadableEventError(f"the dataschema {event.dataschema!r} names no major version") from error
    if major != model.event_major:
        raise UnreadableEventError(f"{event.type} has major version {major}; this release reads {model.event_major}")
    try:
        return model.model_validate(event.data)
    except ValidationError as error:
        raise UnreadableEventError(f"the data of {event.type} is wrong: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in detail["loc"]) or "value"
    return f"{where}: {detail['msg']}"

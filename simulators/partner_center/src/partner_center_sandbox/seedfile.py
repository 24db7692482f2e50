"""Reading a seed file: every fault is named with its path in the document and the nearest valid key."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from partner_center_sandbox.seed import Seed
from partner_center_sandbox.switches import Switches, choices

T = TypeVar("T", bound=BaseModel)


class SeedError(Exception):
    """A document that cannot be used; the text is ``WHERE: WHAT. WHAT TO DO``."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}. {remedy}")


def nearest(key: object, known: Iterable[str]) -> str:
    """A hint at the valid key that looks most like ``key``."""
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(str(key).lower(), names, n=1, cutoff=0.5)
    return f"Nearest valid key: {names[close[0]]}" if close else f"Valid keys: {', '.join(sorted(names.values()))}"


def dotted(path: Iterable[object]) -> str:
    """``customers[0].subscriptions[1].quantity`` from its parts."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".") or "the document"


def names_of(model: type[BaseModel]) -> dict[str, Any]:
    """The keys of a model as a document writes them, with their fields."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_at(model: type[BaseModel], path: tuple[object, ...]) -> type[BaseModel]:
    """The model that holds the last key of ``path``, found through the fields' types."""
    for part in path[:-1]:
        info = names_of(model).get(str(part))
        inner = getattr(info.annotation, "__args__", (info.annotation,)) if info else ()
        model = next((kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return model


def explain(error: ValidationError, model: type[BaseModel]) -> SeedError:
    """The most telling fault: a misspelt key also leaves its right name missing, and is what to report."""
    found = error.errors()
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    path = tuple(first["loc"])
    where, holder = dotted(path), _model_at(model, path)
    if first["type"] == "extra_forbidden":
        return SeedError(where, "unknown key", nearest(path[-1], names_of(holder)))
    if first["type"] == "missing":
        return SeedError(where, "is missing", "Add it")
    if holder is Switches and path and choices(str(path[-1])):
        return SeedError(where, f"{first['input']!r:.80} is no value of this switch",
                         f"Valid: {', '.join(choices(str(path[-1])))}")  # fmt: skip
    return SeedError(where, f"{first['msg']}, got {first['input']!r:.80}", "Correct the value")


def read_as(model: type[T], document: object) -> T:
    """A document as ``model``; raises SeedError."""
    if not isinstance(document, dict):
        raise SeedError("the document", "is not a mapping", "Write keys and values")
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise explain(error, model) from None


def _ids(seed: Seed) -> Iterator[tuple[str, str]]:
    for index, customer in enumerate(seed.customers):
        yield f"customers[{index}].id", customer.id
        for at, subscription in enumerate(customer.subscriptions):
            yield f"customers[{index}].subscriptions[{at}].id", subscription.id


def _check_whole(seed: Seed) -> None:
    """Ids name one thing each; an add-on stands beside its base."""
    seen: set[str] = set()
    for where, value in _ids(seed):
        if value.lower() in seen:
            raise SeedError(where, f"{value!r} is there twice", "Give each its own")
        seen.add(value.lower())
    for index, customer in enumerate(seed.customers):
        own = {subscription.id for subscription in customer.subscriptions}
        for at, subscription in enumerate(customer.subscriptions):
            parent = subscription.parent_subscription_id
            if parent is not None and parent not in own:
                where = f"customers[{index}].subscriptions[{at}].parentSubscriptionId"
                raise SeedError(where, f"the customer has no subscription {parent}", "Add it")


def seed_from(document: object) -> Seed:
    """The seed of a document already read; raises SeedError."""
    given = {key: value for key, value in document.items() if value is not None} if isinstance(document, dict) else 0
    seed = read_as(Seed, given)
    _check_whole(seed)
    return seed


def load_seed(file: Path) -> Seed:
    """Reads YAML or JSON; raises SeedError with the path of what is wrong."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SeedError(str(file), f"cannot be read ({error})", "Give a readable file with --seed") from None
    try:
        return seed_from(_parsed(text))
    except yaml.YAMLError as error:
        raise SeedError(str(file), f"is neither YAML nor JSON ({error})", "Correct the file") from None


def _parsed(text: str) -> object:
    """JSON is YAML too, and is read a hundred times as fast for what it is."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)

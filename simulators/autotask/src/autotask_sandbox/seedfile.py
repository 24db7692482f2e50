"""Reading a seed file: every fault is named with its path in the document and the nearest valid key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from autotask_sandbox.entities import ENTITIES, Entity
from autotask_sandbox.errors import ApiError
from autotask_sandbox.picklists import list_names
from autotask_sandbox.seed import Seed, SeedContract
from autotask_sandbox.switches import Switches, no_such_value
from autotask_sandbox.values import USER_FIELDS, parse

ROWS = {
    "companies": "Companies",
    "services": "Services",
    "contracts": "Contracts",
    "resources": "Resources",
    "billingCodes": "BillingCodes",
    "companyCategories": "CompanyCategories",
    "currencies": "Currencies",
    "serviceBundles": "ServiceBundles",
}
OWN_KEYS = {"contracts": {"services", "bundles", "postedThrough"}, "serviceBundles": {"services"}, "lines": {"units"}}
LINES = {"services": "ContractServices", "bundles": "ContractServiceBundles"}


class SeedError(Exception):
    """A seed that cannot be used; the text is ``WHERE: WHAT. WHAT TO DO``."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}. {remedy}")


def nearest(key: object, known: Iterable[str]) -> str:
    """A hint at the valid key that looks most like ``key``."""
    names, text = sorted(known, key=len), str(key).lower()
    cut_short = [name for name in names if name.lower().startswith(text) or text.startswith(name.lower())]
    close = cut_short or difflib.get_close_matches(str(key), names, n=1, cutoff=0.3)
    return f"Nearest valid key: {close[0]}" if close else f"Valid keys: {', '.join(sorted(names))}"


def dotted(path: Iterable[object]) -> str:
    """``contracts[0].services[1].units`` from its parts."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".") or "the document"


def _model_at(path: tuple[object, ...]) -> type[BaseModel]:
    """The model that holds the last key of ``path``, found through the fields' types."""
    model: type[BaseModel] = Seed
    for part in path[:-1]:
        info = model.model_fields.get(str(part))
        inner = getattr(info.annotation, "__args__", (info.annotation,)) if info else ()
        model = next((t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)), model)
    return model


def _explain(error: Any) -> SeedError:
    path = tuple(error["loc"])
    where = dotted(path)
    if error["type"] == "extra_forbidden":
        return SeedError(where, "unknown key", nearest(path[-1], _model_at(path).model_fields))
    if error["type"] == "missing":
        return SeedError(where, "is missing", "Add it")
    if path[:1] == ("switches",) and len(path) == 2 and str(path[1]) in Switches.model_fields:
        what, _, remedy = no_such_value(str(path[1]), error["input"]).partition(". ")
        return SeedError(where, what, remedy)
    return SeedError(where, f"{error['msg']}, got {error['input']!r:.80}", "Correct the value")


def _most_telling(errors: Sequence[Any]) -> Any:
    """A misspelt key also leaves its right name missing: the misspelling is what to report."""
    return next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])


def _check_row(entity: Entity, row: object, path: tuple[object, ...], own: set[str]) -> None:
    """Names and types of a row by the entity's table, for the fields that the seed model does not name."""
    if not isinstance(row, dict):
        raise SeedError(dotted(path), "is not a mapping", "Write the row's fields as keys")
    names = {field.name: field for field in entity.fields.values()}
    for key, value in row.items():
        if key == USER_FIELDS and entity.user_fields:
            _check_user_fields(value, (*path, key))
        if key in own or (key == USER_FIELDS and entity.user_fields):
            continue
        if key not in names:
            raise SeedError(dotted((*path, key)), "unknown key", nearest(key, {*names, *own}))
        try:
            parse(names[key], value)
        except ApiError as error:
            raise SeedError(
                dotted((*path, key)), f"{value!r:.80} is no {names[key].type}", "Correct the value"
            ) from error


def _check_user_fields(value: object, path: tuple[object, ...]) -> None:
    pairs = value if isinstance(value, list) else [None]
    if not all(isinstance(pair, dict) and {*pair} == {"name", "value"} for pair in pairs):
        raise SeedError(dotted(path), "is no list of name and value", "Write [{name: …, value: …}]")


def _check_rows(document: dict[str, Any]) -> None:
    for key, name in ROWS.items():
        for index, row in enumerate(document.get(key) or ()):
            _check_row(ENTITIES[name], row, (key, index), OWN_KEYS.get(key, set()))
            for part, lines in LINES.items() if key == "contracts" else ():
                for at, line in enumerate(row.get(part) or ()):
                    _check_row(ENTITIES[lines], line, (key, index, part, at), OWN_KEYS["lines"])


def _check_unique(rows: Iterable[tuple[str, Any]]) -> None:
    seen: set[Any] = set()
    for where, value in rows:
        if value in seen and value is not None:
            raise SeedError(where, f"{value!r} is there twice", "Give each its own")
        seen.add(value)


def _lines(contracts: Iterable[SeedContract]) -> Iterator[tuple[str, Any]]:
    for index, contract in enumerate(contracts):
        for at, line in enumerate(contract.services):
            yield f"contracts[{index}].services[{at}]", line


def _check_references(seed: Seed) -> None:
    companies = {row.id for row in seed.companies}
    services = {row.id for row in seed.services}
    for index, contract in enumerate(seed.contracts):
        if contract.companyID not in companies:
            raise SeedError(f"contracts[{index}].companyID", f"no company {contract.companyID}", "Add it to companies")
    for where, line in _lines(seed.contracts):
        if line.serviceID not in services:
            raise SeedError(f"{where}.serviceID", f"no service {line.serviceID}", "Add it to services")
    _check_bundles(seed, services)


def _check_bundles(seed: Seed, services: set[int]) -> None:
    bundles = {row.id for row in seed.serviceBundles}
    for index, bundle in enumerate(seed.serviceBundles):
        for one in set(bundle.services) - services:
            raise SeedError(f"serviceBundles[{index}].services", f"no service {one}", "Add it to services")
    for index, contract in enumerate(seed.contracts):
        for at, line in enumerate(contract.bundles):
            if line.serviceBundleID not in bundles:
                where = f"contracts[{index}].bundles[{at}].serviceBundleID"
                raise SeedError(where, f"no bundle {line.serviceBundleID}", "Add it to serviceBundles")


def _check_lists(seed: Seed) -> None:
    for name in seed.picklists:
        if name not in list_names():
            raise SeedError(f"picklists.{name}", "is no picklist", nearest(name, list_names()))
        if name.startswith("UserDefinedFieldDefinitions."):
            raise SeedError(f"picklists.{name}", "is the same everywhere", "Take it out")
    names = {(field.entity, field.name) for field in seed.userDefinedFields}
    for key in ("companies", "services", "contracts", "serviceBundles"):
        for index, row in enumerate(getattr(seed, key)):
            for at, pair in enumerate((row.model_extra or {}).get(USER_FIELDS) or ()):
                if (ROWS[key], pair["name"]) not in names:
                    where = f"{key}[{index}].{USER_FIELDS}[{at}].name"
                    raise SeedError(where, f"no field {pair['name']!r}", "Add it to userDefinedFields")


def _check_whole(seed: Seed) -> None:
    for key in ROWS:
        _check_unique((f"{key}[{index}].id", row.id) for index, row in enumerate(getattr(seed, key)))
    _check_unique((f"services[{index}].name", row.name) for index, row in enumerate(seed.services))
    _check_unique((f"users[{index}].username", user.username.lower()) for index, user in enumerate(seed.users))
    _check_unique((f"{where}.id", line.id) for where, line in _lines(seed.contracts))
    fields = enumerate(seed.userDefinedFields)
    _check_unique((f"userDefinedFields[{i}].name", (field.entity, field.name.casefold())) for i, field in fields)
    _check_lists(seed)
    _check_references(seed)


def seed_from(document: object) -> Seed:
    """The seed of a document already read; raises SeedError."""
    if not isinstance(document, dict):
        raise SeedError("the document", "is not a mapping", "Start with users:, companies:, services:, contracts:")
    filled = {key: value for key, value in document.items() if value is not None}
    try:
        _check_rows(filled)
        seed = Seed.model_validate(filled)
    except ValidationError as error:
        raise _explain(_most_telling(error.errors())) from None
    except TypeError as error:
        raise SeedError("the document", str(error), "Write lists where the seed format has lists") from None
    _check_whole(seed)
    return seed


def load_seed(file: Path) -> Seed:
    """Reads YAML or JSON; raises SeedError with the path of what is wrong."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SeedError(str(file), f"cannot be read ({error})", "Give a readable file with --seed") from None
    except yaml.YAMLError as error:
        raise SeedError(str(file), f"is neither YAML nor JSON ({error})", "Correct the file") from None
    return seed_from(document)

"""Reads and checks ``seatledger.yaml``; each fault names key, line, and what to write instead."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from seatledger.runtime.config import (
    LEAST_REMOTE_WAIT,
    MOST_CALLS,
    PSA_KINDS,
    SOURCE_KINDS,
    Config,
    PartnerCenterConfig,
    Source,
    StoreConfig,
)
from seatledger.runtime.redaction import REDACTOR
from seatledger.runtime.settings_file import ConfigError, Place, SettingsFile, dotted, nearest, read_settings
from seatledger.schemas.base import Strict

LEAST_WAIT: Final = 6
"""Seconds: below this an unknown outcome could not even be read twice (kernel.md section 4)."""


def load_config(path: Path) -> Config:
    """The configuration in a file; :class:`ConfigError` with key, line and remedy at its first fault."""
    file = read_settings(path)
    _check_kinds(file, "psa", PSA_KINDS)
    _check_kinds(file, "sources", SOURCE_KINDS)
    try:
        config = Config.model_validate(file.data, context={"base": path.absolute().parent})
    except ValidationError as error:
        raise _first_fault(file, error) from None  # its text may hold a secret
    _check_secrets(file, config)
    _check_access(file, config)
    _check_connections(file, config)
    _check_sources(file, config)
    _check_renamed(file, config)
    return config


def keep_secrets(config: Config) -> None:
    """From now on no log, error or answer of this process shows them (:mod:`seatledger.runtime.redaction`)."""
    for place, value in _secrets(config, ()):
        secret = value.get_secret_value()
        if place == ("store", "url"):
            secret = urlsplit(secret).password or ""  # the rest of an address has to be told
        REDACTOR.know(dotted(place), unquote(secret) if place == ("store", "url") else secret)
    for name, psa in config.psa.items():
        REDACTOR.know(f"psa.{name}.username", psa.username)


def _check_kinds(file: SettingsFile, section: str, kinds: dict[str, type[Strict]]) -> None:
    """Before anything else: without its kind an entry's other keys cannot be judged."""
    entries = file.data.get(section)
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        if not isinstance(entry, dict):
            continue
        supported = "Supported: " + ", ".join(sorted(kinds))
        if "kind" not in entry:
            raise file.error((section, name, "kind"), "the key is missing", supported)
        if entry["kind"] not in kinds:
            what = f"the kind {entry['kind']!r} is not supported by this release"
            raise file.error((section, name, "kind"), what, supported)


def _first_fault(file: SettingsFile, error: ValidationError) -> ConfigError:
    # An unknown key first: where a key is misspelt, the right one is missing too, and that is the lesser news.
    faults = error.errors(include_url=False, include_context=False)
    fault = min(faults, key=lambda item: item["type"] != "extra_forbidden")
    place = _place(file.data, fault["loc"])
    if fault["type"] == "extra_forbidden":
        return _unknown_key(file, place)
    if fault["type"] == "missing":
        return file.error(place, "the key is missing", "Add it; docs/configuration.md shows each key")
    if place and fault["loc"][-1] == "[key]":
        return file.error(place, "the name does not fit", fault["msg"])
    return _bad_value(file, place, fault)


def _unknown_key(file: SettingsFile, place: Place) -> ConfigError:
    near = nearest(str(place[-1]), _keys_of_kind(file, place[:-1]) or _keys_at(Config, place[:-1]))
    do = f"The nearest valid key is {near!r}; a file of a later release needs that release"
    return file.error(place, "the key is not known", do)


def _keys_of_kind(file: SettingsFile, place: Place) -> list[str]:
    """The keys of a source's own kind; none for any other place."""
    if len(place) != 2 or place[0] != "sources":
        return []
    return list(SOURCE_KINDS[file.data["sources"][place[1]]["kind"]].model_fields)


def _bad_value(file: SettingsFile, place: Place, fault: ErrorDetails) -> ConfigError:
    shown = f" {fault['input']!r}" if _may_be_shown(file, place, fault["input"]) else ""
    what, _, remedy = fault["msg"].removeprefix("Value error, ").partition("; ")
    if remedy:
        return file.error(place, f"the value{shown} does not fit: {what}", remedy[0].upper() + remedy[1:])
    return file.error(place, f"the value{shown} does not fit", what)


def _may_be_shown(file: SettingsFile, place: Place, value: object) -> bool:
    """No secret, no address with a password, nothing long."""
    words = ("secret", "password", "code", "token")
    secret = place in file.references or any(word in str(place[-1:]).lower() for word in words)
    return not (secret or isinstance(value, dict | list) or "@" in str(value) or len(str(value)) > 80)


def _place(data: Any, loc: tuple[str | int, ...]) -> Place:
    """The key's path in the file: pydantic also names members of unions, and ``[key]``."""
    found: list[str | int] = []
    for index, part in enumerate(loc):
        if isinstance(data, dict) and (part in data or index == len(loc) - 1):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            continue
        found.append(part)
    return tuple(found)


def _keys_at(annotation: Any, place: Place) -> list[str]:
    """The keys that may stand at a place."""
    for inner in _unwrapped(annotation):
        if get_origin(inner) is dict:
            return _keys_at(get_args(inner)[1], place[1:]) if place else []
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in inner.model_fields.items()}
            if not place:
                return list(fields)
            return _keys_at(fields[str(place[0])], place[1:]) if str(place[0]) in fields else []
    return []


def _unwrapped(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Union or type(annotation).__name__ == "UnionType":
        for member in get_args(annotation):
            yield from _unwrapped(member)
    else:
        yield annotation


def _check_secrets(file: SettingsFile, config: Config) -> None:
    for place, value in _secrets(config, ()):
        is_address = place == ("store", "url")
        if place in file.references or (is_address and not urlsplit(value.get_secret_value()).password):
            continue
        what = "an address with a password stands here in clear text" if is_address else "a secret in clear text"
        raise file.error(place, what, "Write ${env:NAME} or ${file:PATH}, and change the secret: it was in a file")


def _secrets(model: BaseModel, place: Place) -> Iterator[tuple[Place, SecretStr]]:
    for name, field in type(model).model_fields.items():
        value, here = getattr(model, name), (*place, field.alias or name)
        if isinstance(value, SecretStr):
            yield here, value
        elif isinstance(value, BaseModel):
            yield from _secrets(value, here)
        elif isinstance(value, dict):
            for key, inner in value.items():
                if isinstance(inner, BaseModel):
                    yield from _secrets(inner, (*here, key))


def _check_access(file: SettingsFile, config: Config) -> None:
    """How broker and store are reached: nothing is left out of account in silence."""
    store = config.store
    if store.url is None and store.driver_options():
        given = store.model_fields_set - {"database", "url"}
        key = next(name for name in StoreConfig.model_fields if name in given)
        raise file.error(
            ("store", key), "the embedded store takes no such setting", "Name your own store under store.url"
        )
    for one, other in (("username", "password"), ("password", "username")):
        if getattr(store, one) and not getattr(store, other):
            raise file.error(("store", one), f"there is no store.{other} beside it", "Write both, or neither")
    for name, section in (("broker", config.broker), ("store", store)):
        if section.tls_ca and not section.tls:
            raise file.error((name, "tls_ca"), "without tls nothing is encrypted", f"Set {name}.tls: true")
        if section.tls_ca and not section.tls_ca.is_file():
            raise file.error((name, "tls_ca"), f"there is no file {section.tls_ca}", "Name the file with certificates")


def _check_connections(file: SettingsFile, config: Config) -> None:
    for name, psa in config.psa.items():
        least = LEAST_WAIT if psa.is_loopback else LEAST_REMOTE_WAIT
        if psa.unknown_wait_seconds < least:
            raise file.error(
                ("psa", name, "unknown_wait_seconds"),
                f"{psa.unknown_wait_seconds:g} seconds are too short to know that a post did not arrive",
                f"Write at least {least}" + ("" if psa.is_loopback else "; only a PSA on this machine may have less"),
            )
        if config.clock.file and not psa.is_loopback:
            raise file.error(
                ("clock", "file"),
                f"a set clock would date real money: psa.{name}.url is not on this machine",
                "Remove clock.file, or use a sandbox on loopback",
            )


def _check_sources(file: SettingsFile, config: Config) -> None:
    ranks: dict[tuple[str, int], str] = {}
    for name, source in config.sources.items():
        if source.psa not in config.psa:
            do = f"The nearest is {nearest(source.psa, config.psa)!r}"
            raise file.error(("sources", name, "psa"), f"there is no {source.psa!r} under psa", do)
        _check_pace(file, name, source)
        other = ranks.setdefault((source.psa, source.rank), name)
        if other != name:
            what = f"{other} has rank {source.rank} too, so nobody could say which of the two counts"
            raise file.error(("sources", name, "rank"), what, "Give each source of one psa a rank of its own")


def _check_pace(file: SettingsFile, name: str, source: Source) -> None:
    """Microsoft's limit holds for all who call for the tenant; a sandbox on this machine may have another."""
    if isinstance(source, PartnerCenterConfig) and not source.is_loopback and source.calls_per_minute > MOST_CALLS:
        what = f"{source.calls_per_minute} calls a minute are more than Partner Center takes"
        raise file.error(("sources", name, "calls_per_minute"), what, f"Write at most {MOST_CALLS}")


def _check_renamed(file: SettingsFile, config: Config) -> None:
    """Each name stands for one account, and each account has one name (decision 0016)."""
    heirs: dict[str, str] = {}
    for name, source in config.sources.items():
        first, place = source.renamed_from, ("sources", name, "renamed_from")
        if first is None:
            continue
        if first == name:
            raise file.error(place, f"{name} cannot be renamed from itself", "Remove the key, or name the first name")
        if first in config.sources:
            do = f"Remove sources.{first} if {name} takes its place; else remove this key"
            if config.sources[first].renamed_from:
                do = f"If {name} takes its place, remove sources.{first} and name the first name of all here"
            raise file.error(place, f"{first} stands here as a source of its own", do)
        if (other := heirs.setdefault(first, name)) != name:
            what = f"{other} is renamed from {first} too, and only one can take over what it holds"
            raise file.error(place, what, "Remove the key from one of the two")

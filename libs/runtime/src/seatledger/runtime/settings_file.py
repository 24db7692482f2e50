"""A YAML file of settings with its line numbers: references resolved, doubled keys refused, errors that name a place.

Knows no setting by name; :mod:`seatledger.runtime.config` does.
"""

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

Place = tuple[str | int, ...]
"""A key's full path: ``("psa", "main", "url")``."""

_REFERENCE: Final = re.compile(r"\$\{(env|file):([^}]*)\}")
_TEXT: Final = "utf-8-sig"
"""Editors on Windows begin a file with a byte order mark."""
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ConfigError(Exception):
    """The configuration cannot be used: exit code 2. ``str()`` is ``WHERE: WHAT. WHAT TO DO`` and holds no secret."""

    def __init__(self, where: str, what: str, do: str) -> None:
        super().__init__(f"{where}: {what}. {do}")
        self.where = where
        self.what = what
        self.do = do


def dotted(place: Place) -> str:
    """The key's path for people: ``psa.main.url``."""
    return ".".join(str(part) for part in place)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word``; None where nothing is known."""
    return max(known, key=lambda other: difflib.SequenceMatcher(None, word, other).ratio(), default=None)


@dataclass(frozen=True)
class SettingsFile:
    """What a file says."""

    path: Path
    data: dict[Any, Any]
    """Keys and values with references replaced by what they name."""
    lines: Mapping[Place, int]
    references: frozenset[Place]
    """The keys whose value stood elsewhere: secrets have to."""

    def error(self, place: Place, what: str, do: str) -> ConfigError:
        """An error at a key, or at the nearest key above it that the file has."""
        above = next((place[:length] for length in range(len(place), 0, -1) if place[:length] in self.lines), ())
        line = f":{self.lines[above]}" if above else ""
        return ConfigError(f"{self.path.name}{line}: {dotted(place)}" if place else self.path.name, what, do)


def read_settings(path: Path) -> SettingsFile:
    """Read a file; :class:`ConfigError` where it is missing, no YAML mapping, holds a key twice, or names a variable or
    file that does not exist."""
    try:
        text = path.read_text(encoding=_TEXT)
    except FileNotFoundError:
        raise ConfigError(str(path), "there is no such file", "Write one, or name it with --config FILE") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"it cannot be read: {error}", "Make it readable UTF-8 text") from error
    data, lines = _parse(path, text)
    raw = SettingsFile(path, data, lines, frozenset())
    references: set[Place] = set()
    resolved = {key: _resolve(raw, (key,), value, references) for key, value in data.items()}
    return SettingsFile(path, resolved, lines, frozenset(references))


def _parse(path: Path, text: str) -> tuple[dict[Any, Any], dict[Place, int]]:
    try:
        loader = _LOADER(text)
        node = loader.get_single_node()
        lines = dict(_lines(path, node, ()))
        data = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path.name}:{mark.line + 1}" if mark else path.name
        raise ConfigError(where, f"it is no valid YAML: {error.problem}", "Correct it, or the line above") from error
    except yaml.YAMLError as error:
        raise ConfigError(path.name, f"it is no valid YAML: {error}", "Correct the file") from error
    if not isinstance(data, dict):
        raise ConfigError(path.name, "it holds no settings", "Begin with the psa: section, see docs/configuration.md")
    return data, lines


def _lines(path: Path, node: Any, place: Place) -> Iterator[tuple[Place, int]]:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name: str | int = key.value if isinstance(key, yaml.ScalarNode) else str(line)
            if name in seen and name != "<<":
                where = f"{path.name}:{line}: {dotted((*place, name))}"
                raise ConfigError(where, f"the key stands here and in line {seen[str(name)]}", "Remove one of the two")
            seen[str(name)] = line
            if getattr(key, "tag", "").endswith(":int"):
                name = int(key.value)
            yield (*place, name), line
            yield from _lines(path, value, (*place, name))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*place, index), value.start_mark.line + 1
            yield from _lines(path, value, (*place, index))


def _resolve(file: SettingsFile, place: Place, value: Any, references: set[Place]) -> Any:
    if isinstance(value, dict):
        return {key: _resolve(file, (*place, key), inner, references) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolve(file, (*place, index), inner, references) for index, inner in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    match = _REFERENCE.fullmatch(value)
    if match is None:
        do = "Write ${env:NAME} or ${file:PATH} and nothing else"
        raise file.error(place, "a ${…} reference is the whole value or nothing", do)
    references.add(place)
    return _from_env(file, place, match[2]) if match[1] == "env" else _from_file(file, place, match[2])


def _from_env(file: SettingsFile, place: Place, name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise file.error(
            place, f"the environment variable {name} is not set", f"Set {name}, or use ${{file:PATH}}"
        ) from None


def _from_file(file: SettingsFile, place: Place, name: str) -> str:
    target = file.path.parent / name
    try:
        return target.read_text(encoding=_TEXT).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise file.error(
            place, f"the file {target} cannot be read: {reason}", "Name a readable file of UTF-8 text"
        ) from None

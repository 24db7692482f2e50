"""A configuration with each kind of fault: exit 2, and one line that names the place and the way out."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.hands import Program, configuration

Change = Callable[[dict[str, Any]], None]


def put(*path: str, to: Any) -> Change:
    """A change of one key of the configuration; ``to`` None takes it away."""

    def change(whole: dict[str, Any]) -> None:
        inner = whole
        for part in path[:-1]:
            inner = inner[part]
        if to is None:
            del inner[path[-1]]
        else:
            inner[path[-1]] = to

    return change


Told = tuple[str, ...]
"""The key's path, and what else has to be said."""
FAULTS: dict[str, tuple[Change, Told]] = {
    "unknown key": (put("psa", "main", "mirror_second", to=5), ("psa.main.mirror_second", "mirror_seconds")),
    "unknown key at the top": (put("topic", to={}), ("topic", "topics")),
    "bad value": (put("psa", "main", "mode", to="automatic"), ("psa.main.mode", "auto")),
    "bad number": (put("sources", "north", "poll_seconds", to="often"), ("sources.north.poll_seconds",)),
    "missing key": (put("psa", "main", "timezone", to=None), ("psa.main", "timezone")),
    "no such zone": (put("psa", "main", "timezone", to="Europe/Amsterdm"), ("psa.main.timezone", "Europe/Amsterdam")),
    "secret in clear text": (put("psa", "main", "secret", to="hunter2"), ("psa.main.secret",)),
    "http to a host that is not loopback": (put("psa", "main", "url", to="http://example.com"), ("psa.main.url",)),
    "a variable that is not set": (put("psa", "main", "secret", to="${env:NOT_SET}"), ("psa.main.secret", "NOT_SET")),
    "a file that is not there": (
        put("psa", "main", "secret", to="${file:not-there}"),
        ("psa.main.secret", "not-there"),
    ),
    "a source of no psa": (put("sources", "north", "psa", to="mian"), ("sources.north.psa", "main")),
    "equal rank": (put("sources", "north", "rank", to=2), ("sources.south.rank", "north")),
    "too short a wait": (put("psa", "main", "unknown_wait_seconds", to=5), ("psa.main.unknown_wait_seconds",)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_configuration_is_named_with_its_place(tmp_path: Path, name: str) -> None:
    """Exit 2; the line for people holds the key's full path, the line in the file and the nearest valid key."""
    change, told = FAULTS[name]
    whole = configuration("http://127.0.0.1:9")
    change(whole)
    text = json.dumps(whole, indent=1)
    (tmp_path / "seatledger.yaml").write_text(text)
    ended = Program(tmp_path).ended("status")
    assert ended.code == 2
    assert ended.err.startswith("error: ")
    assert "Traceback" not in ended.err
    assert "hunter2" not in ended.err + ended.out
    for part in told:
        assert part in ended.err
    place = re.match(r"error: seatledger\.yaml:(\d+): ", ended.err)
    assert place
    key = told[0].rpartition(".")[2]
    assert f'"{key}"' in text.splitlines()[int(place[1]) - 1]
    assert list(ended.json["error"]) == ["code", "where", "message", "do"]


def test_text_that_is_no_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    """A slip of the pen in the file is told with its line, and ``up`` does not start."""
    (tmp_path / "seatledger.yaml").write_text("psa:\n  main: {kind: autotask\nsources: {}\n")
    ended = Program(tmp_path).ended("up", json_output=False)
    assert ended.code == 2
    assert re.match(r"error: seatledger\.yaml:\d+", ended.err)

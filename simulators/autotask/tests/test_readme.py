"""The README's examples work as they stand there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import yaml

from autotask_sandbox.faults import Fault
from autotask_sandbox.switches import Switches, choices

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8701"


def _blocks(language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL))


def _curl(words: list[str], url: str) -> httpx2.Response:
    """The request of a curl command with -X, -H, -d and an address."""
    method, headers, content, address = "GET", {}, None, ""
    rest = iter(words[1:])
    for word in rest:
        match word:
            case "-X":
                method = next(rest)
            case "-H":
                name, _, value = next(rest).partition(": ")
                headers[name] = value
            case "-d":
                content = next(rest)
            case _:
                address = word
    assert address.startswith(ADDRESS)
    return httpx2.request(method, address.replace(ADDRESS, url), headers=headers, content=content)


def test_every_example_answers_200(start: Callable[..., Any]) -> None:
    """With the README's seed every command of the README is answered with success, in its order."""
    url = start(yaml.safe_load(_blocks("yaml"))).url
    commands = [shlex.split(line) for line in _blocks("sh").splitlines() if line.startswith("curl")]
    answers = [(words, _curl(words, url)) for words in commands]
    assert len(answers) > 10
    assert [(words, answer.text) for words, answer in answers if answer.status_code != 200] == []


def test_all_faults_and_switches_are_described() -> None:
    """The README names every fault and every switch with its values, default first."""
    kinds = Fault.model_json_schema()["properties"]["do"]["anyOf"]
    for name in (name for kind in kinds for name in kind["enum"]):
        assert f"| `{name}` |" in TEXT
    flat = " ".join(TEXT.split())
    for name in Switches.model_fields:
        assert f"`{name}` {', '.join(choices(name))}" in flat

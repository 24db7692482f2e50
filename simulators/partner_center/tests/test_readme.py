"""The README's examples work as they stand there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import httpx2
import yaml

from partner_center_sandbox.faults import Kind as Fault
from partner_center_sandbox.switches import Switches, choices
from partner_center_sandbox.webhooks import Kind as Forgery

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8702"


def _blocks(language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL))


def _curl(words: list[str], url: str, token: str) -> httpx2.Response:
    """The request of a curl command with -X, -H, -d and an address."""
    method, headers, content, address = "GET", {}, None, ""
    rest = iter(words[1:])
    for word in rest:
        match word:
            case "-X":
                method = next(rest)
            case "-H":
                name, _, value = next(rest).partition(": ")
                headers[name] = value.replace("TOKEN", token)
            case "-d":
                content = next(rest)
                method = "POST" if method == "GET" else method
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            case _:
                address = word
    assert address.startswith(ADDRESS)
    return httpx2.request(method, address.replace(ADDRESS, url), headers=headers, content=content)


def test_every_example_answers_200(start: Callable[..., Any]) -> None:
    """With the README's seed every command of the README is answered with success, in its order."""
    url = start(yaml.safe_load(_blocks("yaml"))).url
    commands = [shlex.split(line) for line in _blocks("sh").splitlines() if line.startswith("curl")]
    assert len(commands) > 20
    token = ""
    for words in commands:
        answer = _curl(words, url, token)
        assert answer.status_code == 200, (words, answer.text)
        if "oauth2/token" in words[1]:
            token = answer.json()["access_token"]


def test_all_faults_forgeries_and_switches_are_described() -> None:
    """The README names every fault, every forgery and every switch with its values, default first."""
    for name in (*get_args(Fault), *get_args(Forgery)):
        assert f"| `{name}` |" in TEXT
    flat = " ".join(TEXT.split())
    for name in Switches.model_fields:
        assert f"`{name}` {', '.join(choices(name))}".strip() in flat

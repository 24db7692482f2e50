"""One test a fact, from the tables that docs/sandbox-partner-center.md is made of."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from partner_center_sandbox.facts import MARKS, Fact, areas, document, world

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[2] / "docs" / "sandbox-partner-center.md"
FACTS = [fact for area in areas() for fact in area.facts]
WITH_STEPS = [fact for fact in FACTS if fact.steps]
NAMED = [fact for fact in FACTS if fact.proved_by]
APPLICATION = {name: world()[name] for name in ("client_id", "client_secret")}
USER = {
    "grant_type": "refresh_token",
    "refresh_token": "consented",
    "resource": "https://api.partnercenter.microsoft.com",
}


def _matches(wanted: Any, found: Any) -> bool:
    """Objects by the named keys, lists by length and element, text as below."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_key_matches(key, value, found) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and _list_matches(wanted, found)
    if isinstance(wanted, str):
        return _text_matches(wanted, found)
    return bool(wanted == found)


def _key_matches(key: str, wanted: Any, found: dict[str, Any]) -> bool:
    """``<absent>``: the key is not there, which is not the same as null."""
    return key not in found if wanted == "<absent>" else key in found and _matches(wanted, found[key])


def _list_matches(wanted: list[Any], found: list[Any]) -> bool:
    """``<has>``: one element fits."""
    if wanted[:1] == ["<has>"]:
        return any(_matches(wanted[1], element) for element in found)
    return len(wanted) == len(found) and all(_matches(a, b) for a, b in zip(wanted, found, strict=True))


def _text_matches(wanted: str, found: Any) -> bool:
    """``<any>`` is anything, ``~text`` is contained, ``/text/`` is a pattern for the whole."""
    if wanted == "<any>":
        return True
    if wanted.startswith("~"):
        return isinstance(found, str) and wanted[1:].lower() in found.lower()
    if len(wanted) > 1 and wanted.startswith("/^") and wanted.endswith("$/"):
        return isinstance(found, str) and re.fullmatch(wanted[2:-2], found) is not None
    return bool(wanted == found)


async def _token(client: httpx2.AsyncClient) -> str:
    """A token of an application and a user."""
    answer = await client.post(f"/{world()['tenant']}/oauth2/token", data={**APPLICATION, **USER})
    return f"Bearer {answer.json()['access_token']}"


async def _call(client: httpx2.AsyncClient, step: dict[str, Any], kept: dict[str, Any]) -> httpx2.Response:
    method, _, path = step["do"].partition(" ")
    headers = {name: str(value).format(**kept) for name, value in step.get("headers", {}).items()}
    if step.get("as") == "user":
        headers["Authorization"] = await _token(client)
    address = path.format(**kept)
    if "filter" in step:
        address += ("&" if "?" in address else "?") + str(httpx2.QueryParams({"filter": json.dumps(step["filter"])}))
    body = {"data": step["form"]} if "form" in step else {"json": step["send"]} if "send" in step else {}
    return await client.request(method, f"http://sandbox.test{address}", headers=headers, **body)


def _keep(step: dict[str, Any], answer: httpx2.Response, kept: dict[str, Any]) -> None:
    for name, path in step.get("keep", {}).items():
        value = answer.json()
        for part in path.split("."):
            value = value[int(part) if part.isdigit() else part]
        kept[name] = value


@pytest.mark.parametrize("fact", WITH_STEPS, ids=lambda fact: f"{fact.mark}-{fact.id}")
async def test_fact(fact: Fact, sandbox: httpx2.AsyncClient) -> None:
    """The sandbox behaves as the table says."""
    kept: dict[str, Any] = {}
    for step in fact.steps:
        answer = await _call(sandbox, step, kept)
        assert answer.status_code == step.get("status", 200), (step["do"], answer.text)
        body = answer.json() if answer.content else None
        assert _matches(step.get("answer", "<any>"), body), (step["do"], body)
        for name, text in step.get("answer_headers", {}).items():
            assert _matches(text, answer.headers.get(name)), (step["do"], name, answer.headers)
        _keep(step, answer, kept)


@pytest.mark.parametrize("fact", NAMED, ids=lambda fact: f"{fact.mark}-{fact.id}")
def test_fact_is_proved_elsewhere(fact: Fact) -> None:
    """A fact that needs more than calls names a test that exists."""
    assert fact.proved_by is not None
    file, _, name = fact.proved_by.partition("::")
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name in functions


def test_every_fact_is_named_once_marked_and_proved() -> None:
    """The table has no doubles, no unknown marks and no fact without a proof."""
    names = [fact.id for fact in FACTS]
    assert len(names) == len(set(names))
    assert {fact.mark for fact in FACTS} == set(MARKS)
    assert all(bool(fact.steps) != bool(fact.proved_by) for fact in FACTS)


def test_document_is_up_to_date() -> None:
    """docs/sandbox-partner-center.md is what the table says."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()

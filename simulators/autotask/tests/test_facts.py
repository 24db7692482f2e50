"""One test a fact of the API reference, from the tables that docs/sandbox.md is made of."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from autotask_sandbox.facts import MARKS, Fact, areas, document

V1 = "/ATServicesRest/V1.0/"
HERE = Path(__file__).parent
DOCUMENT = HERE.parents[2] / "docs" / "sandbox.md"
FACTS = [fact for area in areas() for fact in area.facts]
WITH_STEPS = [fact for fact in FACTS if fact.steps]
NAMED = [fact for fact in FACTS if fact.proved_by]


def _matches(wanted: Any, found: Any) -> bool:
    """Objects by the named keys, lists by length and element, text and numbers as below."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_matches(value, found.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and _list_matches(wanted, found)
    if isinstance(wanted, str):
        return _text_matches(wanted, found)
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return isinstance(found, int | float) and abs(wanted - found) < 1e-9
    return bool(wanted == found)


def _list_matches(wanted: list[Any], found: list[Any]) -> bool:
    """``<has>``: one element fits; ``<exactly>``: the one row has these keys and no more."""
    if wanted[:1] == ["<has>"]:
        return any(_matches(wanted[1], element) for element in found)
    if wanted[:1] == ["<exactly>"]:
        return found == wanted[1:]
    return len(wanted) == len(found) and all(_matches(a, b) for a, b in zip(wanted, found, strict=True))


def _text_matches(wanted: str, found: Any) -> bool:
    """``~text`` is contained in any case; ``<any>`` and ``<number>`` are kinds."""
    if wanted == "<any>":
        return True
    if wanted == "<number>":
        return isinstance(found, int)
    if wanted.startswith("~"):
        return isinstance(found, str) and wanted[1:].lower() in found.lower()
    return bool(wanted == found)


def _address(text: str, kept: dict[str, Any]) -> str:
    path = text.format(**kept)
    return path if path.startswith(("/", "http")) else V1 + path


def _filled(value: Any, kept: dict[str, Any]) -> Any:
    """Texts that are one ``{name}`` become what an earlier step kept under that name."""
    if isinstance(value, dict):
        return {key: _filled(one, kept) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, kept) for one in value]
    if isinstance(value, str) and value.startswith("{") and value[1:-1] in kept:
        return kept[value[1:-1]]
    return value


def _sign_in(user: str | None) -> dict[str, str]:
    if user == "nobody":
        return {"UserName": "", "Secret": "", "ApiIntegrationCode": ""}
    return {} if user is None else {"UserName": user}


async def _call(client: httpx2.AsyncClient, step: dict[str, Any], kept: dict[str, Any]) -> httpx2.Response:
    method, _, path = step["do"].partition(" ")
    address = _address(path, kept)
    if "search" in step:
        address += "?" + str(httpx2.QueryParams({"search": json.dumps(step["search"])}))
    headers = {**_sign_in(step.get("as")), **step.get("headers", {})}
    content = step.get("raw", json.dumps(_filled(step["send"], kept)) if "send" in step else None)
    return await client.request(method, f"http://sandbox.test{address}" if address.startswith("/") else address,
                                headers=headers, content=content)  # fmt: skip


def _keep(step: dict[str, Any], body: Any, kept: dict[str, Any]) -> None:
    for name, path in step.get("keep", {}).items():
        value = body
        for part in path.split("."):
            value = value[int(part)] if part.isdigit() else value[part]
        kept[name] = value


@pytest.mark.parametrize("fact", WITH_STEPS, ids=lambda fact: f"{fact.mark}-{fact.id}")
async def test_fact(fact: Fact, sandbox: httpx2.AsyncClient) -> None:
    """The sandbox behaves as the reference says."""
    kept: dict[str, Any] = {}
    for step in fact.steps:
        answer = await _call(sandbox, step, kept)
        assert answer.status_code == step.get("status", 200), (step["do"], answer.text)
        body = answer.json()
        assert _matches(_filled(step.get("answer", "<any>"), kept), body), (step["do"], body)
        for key, one in step.get("has", {}).items():
            assert _matches(["<has>", one], body[key]), (step["do"], body)
        _keep(step, body, kept)


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
    """docs/sandbox.md is what the table says."""
    assert DOCUMENT.read_text(encoding="utf-8") == document()

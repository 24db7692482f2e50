"""Whatever a caller sends, the answer is one that the API knows, and nothing half done stays behind."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotask_sandbox.app import build_app
from autotask_sandbox.entities import ENTITIES, Entity, Field
from autotask_sandbox.facts import world
from autotask_sandbox.seedfile import seed_from

V1 = "/ATServicesRest/V1.0"
VERBS = {"POST": "create", "PATCH": "patch", "PUT": "put"}
HEADERS = {"UserName": "api@msp.example", "Secret": "s3cret", "ApiIntegrationCode": "MAINCODE"}
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
scalars |= st.sampled_from(
    ["2026-03-10", "0001-01-01", "9999-12-31", "2026-03-10T25:00", 8001, 501, 9001, 1e300, "1e400"]
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner)
)
ops = st.sampled_from(["eq", "noteq", "gt", "lte", "in", "notIn", "contains", "exist", "and", "or", "bogus"])
names = st.sampled_from(["id", "contractID", "startDate", "units", "price", "approveAndPostDate", "nope"])
leaves = st.fixed_dictionaries({}, optional={"op": ops | scalars, "field": names | scalars, "value": anything})
filters = st.recursive(leaves, lambda inner: st.fixed_dictionaries({"op": ops, "items": st.lists(inner, max_size=3)}))
queries = st.fixed_dictionaries(
    {}, optional={"filter": st.lists(filters, max_size=3) | anything, "maxRecords": scalars, "includeFields": anything}
)
adjustments = st.fixed_dictionaries(
    {},
    optional={
        "contractServiceID": st.just(8001) | scalars,
        "contractID": st.just(501) | scalars,
        "serviceID": st.just(9002) | scalars,
        "effectiveDate": st.just("2026-03-10") | scalars,
        "unitChange": st.integers(-30, 30) | scalars,
        "adjustedUnitPrice": scalars,
        "allowRepeatService": scalars,
    },
)
contracts = st.fixed_dictionaries(
    {"id": st.just(501)},
    optional={"endDate": scalars, "startDate": scalars, "status": scalars, "description": anything, "x": scalars},
)


FITTING: dict[str, st.SearchStrategy[Any]] = {
    "int32": st.sampled_from([1, 2, 5, 7, 101, 501, 8001, 9001, 9101]),
    "int64": st.sampled_from([1, 2, 501]),
    "decimal": st.sampled_from([0, 1, 2.5, "3", -4]),
    "string": st.sampled_from(["text", "Seats", ""]),
    "boolean": st.booleans(),
    "datetime": st.sampled_from(["2026-03-10", "2026-04-01T08:00:00Z", "2027-01-01"]),
}


IDS = {"Companies": 101, "Contracts": 501, "ContractServices": 8001, "Services": 9001, "ServiceBundles": 9101}
IDS |= {"Resources": 5, "BillingCodes": 1, "Currencies": 1, "CompanyCategories": 1, "BillingItems": 10001}


def _fitting(entity: Entity, field: Field) -> st.SearchStrategy[Any]:
    """Values that the field may well take."""
    if field.name == "id":
        return st.just(IDS.get(entity.name, 10001))
    if field.reference in IDS:
        return st.just(IDS[field.reference])
    if isinstance(field.picklist, dict):
        return st.sampled_from(list(field.picklist))
    return FITTING[field.type]


@st.composite
def writes(draw: st.DrawFn) -> tuple[str, str, Any]:
    """A verb, an address and a body for one of the entities; most values fit, some do not."""
    entity = draw(st.sampled_from([e for e in ENTITIES.values() if {"create", "patch"} & e.operations]))
    path = f"/{entity.parent}/{IDS.get(entity.parent, 1)}/{entity.segment}" if entity.parent else f"/{entity.name}"
    verb = draw(st.sampled_from([v for v in ("POST", "PATCH", "PUT") if VERBS[v] in entity.operations]))
    writable = [f for f in entity.fields.values() if not f.read_only or (f.create_only and verb == "POST")]
    names = [f for f in writable if f.required and verb != "PATCH"] + ([entity.field("id")] if verb != "POST" else [])
    names += draw(st.lists(st.sampled_from(writable), max_size=3))
    rarely = draw(st.integers(0, 4)) == 0
    body = {f.name: draw(scalars if rarely and draw(st.booleans()) else _fitting(entity, f)) for f in names}
    if draw(st.integers(0, 4)) == 0:
        pairs = st.lists(st.fixed_dictionaries({"name": st.just("Seats") | scalars, "value": scalars}), max_size=2)
        body["userDefinedFields"] = draw(pairs | scalars)
    return verb, path, body


async def _send(method: str, path: str, body: Any) -> tuple[httpx2.Response, list[Any]]:
    """The answer and the effects, from a sandbox of its own; an exception inside would come out here."""
    transport = httpx2.ASGITransport(app=build_app(seed_from(world())))
    async with httpx2.AsyncClient(transport=transport, base_url="http://sandbox.test", headers=HEADERS) as client:
        answer = await client.request(method, V1 + path, content=json.dumps(body))
        return answer, (await client.get("/_sandbox/effects?after=0")).json()


def _check(method: str, path: str, body: Any) -> None:
    answer, effects = asyncio.run(_send(method, path, body))
    assert answer.status_code in {200, 500}
    assert ("errors" in answer.json()) == (answer.status_code == 500)
    assert answer.status_code == 200 or effects == []


@given(queries | anything)
@settings(max_examples=150, deadline=None)
def test_any_query(body: Any) -> None:
    """A query of any shape is answered with rows or with errors."""
    _check("POST", "/ContractServiceUnits/query", body)


@given(adjustments | anything)
@settings(max_examples=150, deadline=None)
def test_any_adjustment(body: Any) -> None:
    """An adjustment of any shape takes effect or is refused, and a refused one leaves no effect."""
    _check("POST", "/ContractServiceAdjustments", body)


@given(writes())
@settings(max_examples=150, deadline=None)
def test_any_write(call: tuple[str, str, Any]) -> None:
    """A create or update of any entity with any values is done or refused."""
    _check(*call)


@given(contracts | anything)
@settings(max_examples=100, deadline=None)
def test_any_contract_patch(body: Any) -> None:
    """A contract patch of any shape is applied or refused."""
    _check("PATCH", "/Contracts", body)


@pytest.mark.parametrize("end", ["9999-12-31", "0001-01-01", "2025-12-31", "2500-01-01"])
async def test_impossible_end_dates(sandbox: httpx2.AsyncClient, end: str) -> None:
    """An end before the start or in another age is refused and the rows stay."""
    answer = await sandbox.patch(f"{V1}/Contracts", json={"id": 501, "endDate": end})
    assert answer.status_code == 500
    assert answer.json()["errors"]
    assert len((await sandbox.get(f"{V1}/Contracts/501/ServiceUnits")).json()["items"]) == 12


@pytest.mark.parametrize("paging", ["", "x", "[]", "{}", '{"pageSize": 0}', '{"pageSize": 5, "nextIds": ["a"]}'])
async def test_spoilt_links(sandbox: httpx2.AsyncClient, paging: str) -> None:
    """A next link that somebody changed is refused with errors."""
    answer = await sandbox.post(f"{V1}/Contracts/query/next", params={"paging": paging}, json={"filter": []})
    assert answer.status_code == 500
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    "path", ["/", "/ATServicesRest", "/ATServicesRest/V1.0", "/ATServicesRest/V1.0/Contracts/x/Services"]
)
async def test_addresses_to_nowhere(sandbox: httpx2.AsyncClient, path: str) -> None:
    """An address that is no route is 404 with a Message."""
    answer = await sandbox.get(path)
    assert answer.status_code == 404
    assert answer.json()["Message"]

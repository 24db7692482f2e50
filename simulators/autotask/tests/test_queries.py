"""Query rules that need many conditions, many rows or a long address."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2

V1 = "http://sandbox.test/ATServicesRest/V1.0"
Client = httpx2.AsyncClient
Open = Callable[[dict[str, Any]], Client]


async def test_more_than_500_conditions_are_refused(sandbox: Client) -> None:
    """OR-ed conditions and the values of in lists count together; 500 still pass."""
    wide = {"op": "in", "field": "id", "value": list(range(499))}
    one = {"op": "eq", "field": "id", "value": 1}
    passing = await sandbox.post(f"{V1}/Contracts/query", json={"filter": [{"op": "or", "items": [wide, one]}]})
    refused = await sandbox.post(f"{V1}/Contracts/query", json={"filter": [{"op": "or", "items": [wide, one, one]}]})
    assert passing.status_code == 200
    assert refused.status_code == 500
    assert refused.json()["errors"] == [
        "Invalid query syntax. Queries are limited to 500 or fewer 'OR' conditions."
    ]  # fmt: skip


async def test_a_long_url_is_404(sandbox: Client) -> None:
    """A search too long for the address answers 404 by GET and works by POST."""
    search = {"filter": [{"op": "in", "field": "id", "value": [100000 + n for n in range(300)]}]}
    by_get = await sandbox.get(f"{V1}/Contracts/query", params={"search": json.dumps(search)})
    by_post = await sandbox.post(f"{V1}/Contracts/query", json=search)
    assert (by_get.status_code, by_post.status_code) == (404, 200)


def _many(seed: dict[str, Any], lines: int) -> dict[str, Any]:
    contract = {"id": 601, "companyID": 101, "startDate": "2026-01-01", "endDate": "2028-12-31"}
    seed["contracts"] = [{**contract, "services": [{"serviceID": 9001, "units": 1} for _ in range(lines)]}]
    return seed


async def test_walk_by_id_and_by_link_agree(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """Both ways through 720 rows give every row once, in the order of ids."""
    sandbox = open_sandbox(_many(seed, 20))
    query: dict[str, Any] = {"filter": [{"op": "gt", "field": "id", "value": 0}], "maxRecords": 500}
    first = (await sandbox.post(f"{V1}/ContractServiceUnits/query", json=query)).json()
    link = first["pageDetails"]["nextPageUrl"]
    second = (await sandbox.post(link, json=query)).json()
    by_link = [row["id"] for row in first["items"] + second["items"]]
    query["filter"][0]["value"] = first["items"][-1]["id"]
    walked = (await sandbox.post(f"{V1}/ContractServiceUnits/query", json=query)).json()
    assert by_link == sorted(set(by_link))
    assert len(by_link) == 20 * 36
    assert walked["items"] == second["items"]
    assert second["pageDetails"]["nextPageUrl"] is None


async def test_projection_of_many_rows_needs_id(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """When more than 500 rows match, includeFields must contain id."""
    sandbox = open_sandbox(_many(seed, 20))
    query: dict[str, Any] = {"filter": [{"op": "exist", "field": "id"}], "includeFields": ["units"]}
    assert (await sandbox.post(f"{V1}/ContractServiceUnits/query", json=query)).status_code == 500
    query["includeFields"].append("ID")
    assert (await sandbox.post(f"{V1}/ContractServiceUnits/query", json=query)).status_code == 200


async def test_lookup_by_line_agrees_with_a_scan(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """The quick way for contractServiceID gives what the slow way by an equal condition gives."""
    sandbox = open_sandbox(_many(seed, 5))
    quick = {"filter": [{"op": "in", "field": "contractServiceID", "value": [10001, 10003]}]}
    slow = {
        "filter": [
            {"op": "or", "items": [{"op": "eq", "field": "contractServiceID", "value": n} for n in (10001, 10003)]}
        ]
    }
    answers = [(await sandbox.post(f"{V1}/ContractServiceUnits/query", json=q)).json()["items"] for q in (quick, slow)]
    assert answers[0] == answers[1]
    assert len(answers[0]) == 72

"""Metadata of every entity, and rows that keep to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx2
import pytest

from autotask_sandbox.entities import ENTITIES, Entity

V1 = "/ATServicesRest/V1.0"
Client = httpx2.AsyncClient
Open = Callable[[dict[str, Any]], Client]
TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "long": (int,),
    "decimal": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "datetime": (str,),
}


async def _get(client: Client, path: str) -> Any:
    answer = await client.get(f"{V1}/{path}")
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda entity: entity.name)
async def test_every_entity_describes_itself(sandbox: Client, entity: Entity) -> None:
    """The three calls answer at the root and below the parent, with the entity's own name and fields."""
    places = [entity.name] + ([f"{entity.parent}/1/{entity.segment}"] if entity.parent else [])
    for place in places:
        assert (await _get(sandbox, f"{place}/entityInformation"))["info"]["name"] == entity.name
        described = (await _get(sandbox, f"{place}/entityInformation/fields"))["fields"]
        assert [field["name"] for field in described] == [field.name for field in entity.fields.values()]
        assert "fields" in await _get(sandbox, f"{place}/entityInformation/userDefinedFields")


async def _fill(client: Client) -> None:
    """A row in every entity that has none by the seed."""
    post, body = client.post, {"contractID": 501}
    await post(f"{V1}/Contracts/501/Notes", json={"title": "a", "description": "b"})
    charge = {"name": "c", "chargeType": 1, "datePurchased": "2026-01-05", "unitQuantity": 1}
    await post(f"{V1}/Contracts/501/Charges", json=charge | body)
    rule: dict[str, Any] = {
        "createChargesAsBillable": True,
        "determineUnits": 1,
        "includeItemsInChargeDescription": True,
    }
    rule |= {"isActive": True, "isDailyProrationEnabled": False, "productID": 1, "startDate": "2026-01-01"}
    await post(f"{V1}/Contracts/501/BillingRules", json=rule)
    bundle = {"serviceBundleID": 9101, "unitChange": 1, "effectiveDate": "2026-01-01"}
    await post(f"{V1}/Contracts/501/ServiceBundleAdjustments", json=bundle)
    asset: dict[str, Any] = {
        "configurationItemID": 1,
        "subscriptionName": "s",
        "effectiveDate": "2026-01-01",
        "status": 1,
    }
    asset |= {"expirationDate": "2026-02-28", "periodType": 2, "periodPrice": 1, "materialCodeID": 1}
    await post(f"{V1}/Subscriptions", json=asset)
    await post("/_sandbox/post", json={"contractID": 501, "through": "2026-01-31"})
    await post("/_sandbox/invoice", json={"companyID": 101})


def _fault(field: dict[str, Any], value: Any) -> str | None:
    """How a value departs from its field's metadata: null, type, or a date without Z."""
    kinds = TYPES[field["dataType"]]
    if value is None:
        return "is null" if field["isRequired"] else None
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return f"is {value!r}"
    if field["dataType"] == "datetime" and not (str(value).endswith("Z") and datetime.fromisoformat(str(value))):
        return f"is no date: {value}"
    return None


def _faults(entity: Entity, described: list[dict[str, Any]], row: dict[str, Any]) -> list[str]:
    """Missing and extra keys of a row, and its values that do not fit."""
    differing = {field["name"] for field in described} ^ (row.keys() - {"userDefinedFields"})
    found = [f"{entity.name}: keys {differing}"] if differing else []
    faults = {field["name"]: _fault(field, row.get(field["name"])) for field in described}
    return found + [f"{entity.name}.{name} {fault}" for name, fault in faults.items() if fault]


async def test_rows_decode_strictly(sandbox: Client) -> None:
    """Every entity has a row, and every row fits its metadata by name, type and null."""
    await _fill(sandbox)
    found: list[str] = []
    for entity in ENTITIES.values():
        if "query" not in entity.operations or entity.name == "PriceListServices":
            continue
        described = (await _get(sandbox, f"{entity.name}/entityInformation/fields"))["fields"]
        answer = await sandbox.post(f"{V1}/{entity.name}/query", json={"filter": [{"op": "exist", "field": "id"}]})
        rows = answer.json()["items"]
        found += [] if rows else [f"{entity.name} has no row"]
        found += [fault for row in rows for fault in _faults(entity, described, row)]
    assert found == []


async def _list(client: Client, entity: str, name: str) -> dict[str, str]:
    described = (await _get(client, f"{entity}/entityInformation/fields"))["fields"]
    values = next(field["picklistValues"] for field in described if field["name"] == name)
    return {one["label"]: one["value"] for one in values}


async def test_tenants_differ_in_the_ids_of_their_picklists(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """Another tenant has the same labels under other ids, each time the same; 7, 1 and the periods stay."""
    first, other, again = open_sandbox(seed), open_sandbox({**seed, "tenant": 3}), open_sandbox({**seed, "tenant": 3})
    lists = [await _list(one, "Contracts", "contractCategory") for one in (first, other, again)]
    assert lists[0].keys() == lists[1].keys()
    assert not set(lists[0].values()) & set(lists[1].values())
    assert lists[1] == lists[2]
    for one in (first, other):
        assert (await _list(one, "Contracts", "contractType"))["Recurring Service"] == "7"
        assert (await _list(one, "Contracts", "status"))["In Effect"] == "1"
        assert (await _list(one, "Services", "periodType"))["Monthly"] == "2"


async def test_the_inactive_status_differs_by_tenant(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """Some tenants call it Inactive and number it 0, others Terminated and number it 3."""
    found = set()
    for tenant in range(6):
        statuses = await _list(open_sandbox({**seed, "tenant": tenant}), "Contracts", "status")
        found.add(tuple(sorted(statuses.items())))
    assert found == {(("In Effect", "1"), ("Inactive", "0")), (("In Effect", "1"), ("Terminated", "3"))}


async def test_a_seed_can_spell_a_picklist_out(open_sandbox: Open, seed: dict[str, Any]) -> None:
    """What the seed says about a list is the list, and what it does not hold is refused."""
    sandbox = open_sandbox({**seed, "picklists": {"Contracts.contractCategory": {"900": "Licences"}}})
    assert await _list(sandbox, "Contracts", "contractCategory") == {"Licences": "900"}
    codes = [
        (await sandbox.patch(f"{V1}/Contracts", json={"id": 501, "contractCategory": value})).status_code
        for value in (900, 12)
    ]
    assert codes == [200, 500]


async def test_no_more_user_fields_than_an_entity_has_room_for(sandbox: Client) -> None:
    """The fiftieth definition on contracts is the last one."""
    codes = []
    for number in range(48):
        body = {"name": f"Field {number}", "dataType": 1, "udfType": 2}
        codes.append((await sandbox.post(f"{V1}/UserDefinedFieldDefinitions", json=body)).status_code)
    assert codes == [200] * 47 + [500]

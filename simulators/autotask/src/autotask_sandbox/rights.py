"""What a user may see and do (reference sections 2, 11.2 and 15)."""

from __future__ import annotations

from typing import Literal

from autotask_sandbox.books import Books, Row
from autotask_sandbox.entities import ENTITIES
from autotask_sandbox.errors import NO_PERMISSION, RECORD_NOT_FOUND, ApiError, bad_reference
from autotask_sandbox.kinds import BY_LINES
from autotask_sandbox.seed import SeedUser
from autotask_sandbox.switches import Switches
from autotask_sandbox.values import fold_keys

CONTRACT_ENTITIES = frozenset(
    {"Contracts", *(e.name for e in ENTITIES.values() if e.parent == "Contracts" and e.name.startswith("Contract"))}
)
CATALOGUE_ENTITIES = frozenset({"Services", "ServiceBundles", "ServiceBundleServices", "PriceListServices"})
COST_FIELDS = frozenset(
    {"unitCost", "cost", "ourCost", "adjustedUnitCost", "extendedCost", "internalCost", "periodCost", "totalCost"}
)
LINE_OF_BUSINESS = "organizationalLevelAssociationID"


def access(user: SeedUser, entity: str, reading: bool) -> Literal["All", "Restricted", "None"]:
    """The user's right as entityInformation tells it."""
    if entity in CATALOGUE_ENTITIES and not reading and not user.rights.inventory:
        return "None"
    if entity not in CONTRACT_ENTITIES:
        return "All"
    if user.rights.contracts == "all":
        return "All" if user.rights.linesOfBusiness is None else "Restricted"
    return "Restricted" if user.rights.contracts == "limited" and reading else "None"


def sees_nothing(user: SeedUser, entity: str, switches: Switches) -> bool:
    """Whether a read finds an empty world; raises ApiError where the right is missing and that is said.

    Limited visibility gives empty lists, never an error (section 15). Without any right the answer is 403, 500 or
    an empty list: nobody knows which (section 18).
    """
    if entity not in CONTRACT_ENTITIES or user.rights.contracts == "all":
        return False
    if user.rights.contracts == "limited" or switches.permission == "empty":
        return True
    raise ApiError(NO_PERMISSION, status=int(switches.permission))


def check_write(user: SeedUser, entity: str, switches: Switches) -> None:
    """Limited visibility makes contract entities neither creatable nor changeable; the catalogue needs a right too."""
    if access(user, entity, reading=False) == "None":
        raise ApiError(NO_PERMISSION, status=500 if switches.permission == "500" else 403)


def hidden_contracts(books: Books, user: SeedUser) -> frozenset[int]:
    """Contracts of another line of business do not exist for a user who is limited to some (11.2)."""
    if user.rights.linesOfBusiness is None:
        return frozenset()
    seen = {None, *user.rights.linesOfBusiness}
    return frozenset(key for key, row in books.tables["Contracts"].items() if row.get(LINE_OF_BUSINESS) not in seen)


def check_target(books: Books, hidden: frozenset[int], entity: str, raw: object, parent_id: int | None) -> None:
    """A write to something of a hidden contract is answered as if the contract were not there."""
    sent = fold_keys(raw) if isinstance(raw, dict) else {}
    if entity == "Contracts" and any(sent.get("id") == key for key in hidden):
        raise ApiError(RECORD_NOT_FOUND)
    named = [sent.get("contractid"), parent_id if ENTITIES[entity].parent == "Contracts" else None]
    for kind in BY_LINES.values():
        line = books.lines_by[kind].get(number) if isinstance(number := sent.get(kind.line_id.lower()), int) else None
        named.append(None if line is None else line.contract_id)
    if any(isinstance(one, int) and one in hidden for one in named):
        raise bad_reference("contractID", "Contracts")


def is_visible(row: Row, entity: str, hidden: frozenset[int]) -> bool:
    return row.get("id" if entity == "Contracts" else "contractID") not in hidden


def without_cost(raw: object) -> object:
    """Costs are dropped without a word where the right is missing (section 16)."""
    if not isinstance(raw, dict):
        return raw
    hidden = {name.lower() for name in COST_FIELDS}
    return {key: value for key, value in raw.items() if key.lower() not in hidden}


def hidden_costs(entity: str) -> frozenset[str]:
    """The columns that are blank without the right; those that an entity always has stay (BillingCodes)."""
    return frozenset(f.name for f in ENTITIES[entity].fields.values() if f.name in COST_FIELDS and not f.required)

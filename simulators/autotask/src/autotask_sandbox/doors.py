"""What stands before the entities: zone, version, sign-in (reference sections 1 and 2)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Any

from autotask_sandbox.actors import Actor
from autotask_sandbox.books import Books
from autotask_sandbox.calls import Call, root_url
from autotask_sandbox.entities import Entity
from autotask_sandbox.errors import BAD_INTEGRATION_CODE, BAD_LOGIN, NO_IMPERSONATION, UNKNOWN_ZONE_USER, ApiError
from autotask_sandbox.seed import SeedUser

ONE_VERSION = {"apiVersions": ["V1.0"]}
VERSIONS = {"apiVersions": ["V1.0", "V2.0"]}
TENANT_ID = 12345
MODULES = ("CRM", "Contracts", "Finance", "Inventory", "Service Desk")


class Doors:
    """Knows the users of the seed."""

    def __init__(self, users: Iterable[SeedUser]) -> None:
        self._users = {user.username.lower(): user for user in users}

    def user_of(self, call: Call) -> SeedUser:
        """The signed-in user: 401 for a bad user or secret, 500 for a bad integration code."""
        user = self._users.get(call.headers.get("username", "").lower())
        secret = call.headers.get("secret", "")
        if user is None or not hmac.compare_digest(secret.encode(), user.secret.encode()):
            raise ApiError(BAD_LOGIN, status=401)
        if call.headers.get("apiintegrationcode", "") != user.integrationCode:
            raise ApiError(BAD_INTEGRATION_CODE)
        return user

    def zone(self, call: Call, number: int) -> dict[str, Any]:
        """Works without sign-in; a blank or unknown user is 500, not 404 (section 1, C): raises ApiError."""
        if call.query.get("user", "").lower() not in self._users:
            raise ApiError(UNKNOWN_ZONE_USER)
        name = f"Sandbox {number}" if number else "Sandbox"
        url = root_url(call.origin, number) + "/"
        return {"zoneName": name, "url": url, "webUrl": f"{call.origin}/", "ci": TENANT_ID}


def _name_of(books: Books, resource_id: int) -> str:
    resource = books.find("Resources", resource_id) or {}
    return f"{resource.get('firstName') or ''} {resource.get('lastName') or ''}".strip()


def actor_for(books: Books, entity: Entity, call: Call, user: SeedUser) -> Actor:
    """The user, or the resource for which he acts (section 2).

    Only entities that keep a trace of it can be written for somebody else; the user's level must permit it, and the
    resource must be an active one. Anything else is refused (U: the reference has no answer for it).
    """
    header = call.headers.get("impersonationresourceid", "").strip()
    if not header:
        return Actor("api", user.resourceID, _name_of(books, user.resourceID))
    resource = books.find("Resources", int(header)) if header.isdigit() and header.isascii() else None
    if "impersonatorcreatorresourceid" not in entity.fields or not user.rights.impersonate:
        raise ApiError(NO_IMPERSONATION)
    if resource is None or not resource.get("isActive"):
        raise ApiError(NO_IMPERSONATION)
    return Actor("api", int(resource["id"]), _name_of(books, int(resource["id"])), user.resourceID)


def root_answer(name: str, user: SeedUser) -> dict[str, Any] | None:
    """The calls below the version that concern no entity (section 1, S); their bodies are unrecorded (U)."""
    match name:
        case "version":
            return ONE_VERSION
        case "authenticate":
            return {"resourceID": user.resourceID, "userName": user.username}
        case "modules":
            return {"items": [{"name": name, "isActive": True} for name in MODULES]}
        case _:
            return None


def is_version_list(call: Call) -> bool:
    return [part.lower() for part in call.parts[1:]] == ["versioninformation"]


def below_version(call: Call) -> str:
    """The lower-case path below ``V1.0``, empty where the version is another."""
    parts = [part.lower() for part in call.parts[1:]]
    return "/".join(parts[1:]) if parts[:1] == ["v1.0"] else ""

"""Which calls exist (section 2.3); of the path's words the case does not matter."""

from __future__ import annotations

from dataclasses import dataclass

from partner_center_sandbox.errors import RefusalError, no_route

CUSTOMER = "v1/customers/{customer}"
HOOK = "webhooks/v1/registration"
SUBSCRIPTION = f"{CUSTOMER}/subscriptions/{{subscription}}"


@dataclass(frozen=True, slots=True)
class Route:
    """``limited``: counts against the calls a minute."""

    name: str
    pattern: tuple[str, ...]
    methods: tuple[str, ...] = ("GET",)
    limited: bool = True

    def match(self, parts: tuple[str, ...]) -> dict[str, str] | None:
        """The path's variables, None where the path is another's."""
        if len(parts) != len(self.pattern):
            return None
        found: dict[str, str] = {}
        for wanted, part in zip(self.pattern, parts, strict=True):
            if wanted.startswith("{"):
                found[wanted[1:-1]] = part
            elif wanted != part.lower():
                return None
        return found


def _route(name: str, path: str, *methods: str, limited: bool = True) -> Route:
    return Route(name, tuple(path.split("/")), methods or ("GET",), limited)


ROUTES = (
    _route("token", "{tenant}/oauth2/token", "POST", limited=False),
    _route("customers", "v1/customers"),
    _route("customer", CUSTOMER),
    _route("subscriptions", f"{CUSTOMER}/subscriptions"),
    _route("usagerecords", f"{CUSTOMER}/subscriptions/usagerecords"),
    _route("subscription", SUBSCRIPTION, "GET", "PATCH"),
    _route("addons", f"{SUBSCRIPTION}/addons"),
    _route("provisioningstatus", f"{SUBSCRIPTION}/provisioningstatus"),
    _route("azureentitlements", f"{SUBSCRIPTION}/azureentitlements"),
    _route("transitions", f"{SUBSCRIPTION}/transitions"),
    _route("orders", f"{CUSTOMER}/orders"),
    _route("order", f"{CUSTOMER}/orders/{{order}}"),
    _route("auditrecords", "v1/auditrecords", limited=False),
    _route("registration", HOOK, "GET", "POST", "PUT", limited=False),
    _route("events", f"{HOOK}/events", limited=False),
    _route("validationevents", f"{HOOK}/validationevents", "POST", limited=False),
    _route("validationevent", f"{HOOK}/validationevents/{{correlation}}", limited=False),
)


def resolve(method: str, parts: tuple[str, ...]) -> tuple[Route, dict[str, str]]:
    """The route of a call and the variables of its path; raises a RefusalError 404 or 405."""
    for route in ROUTES:
        found = route.match(parts)
        if found is None:
            continue
        if method not in route.methods:
            raise RefusalError(405, f"The method {method} is not allowed here.", shape="gateway")
        return route, found
    raise no_route()

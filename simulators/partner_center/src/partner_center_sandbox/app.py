"""The ASGI application: control below ``/_sandbox``, the API everywhere else."""

from __future__ import annotations

import trustme
from starlette.types import ASGIApp, Receive, Scope, Send

from partner_center_sandbox.control import control_app
from partner_center_sandbox.gateway import Gateway
from partner_center_sandbox.moments import Calendar
from partner_center_sandbox.seed import Seed
from partner_center_sandbox.tenant import Tenant
from partner_center_sandbox.tls import new_authority


def build_app(seed: Seed, calendar: Calendar | None = None, authority: trustme.CA | None = None) -> ASGIApp:
    """A sandbox of its own; nothing is shared between two of them."""
    authority = authority or new_authority()
    tenant = Tenant(seed, calendar or Calendar(), authority)
    gateway, control = Gateway(tenant), control_app(tenant, authority)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        inner: ASGIApp = control if scope["path"].lower().startswith("/_sandbox/") else gateway
        await inner(scope, receive, send)

    return app

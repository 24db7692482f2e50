"""The ASGI application: control below ``/_sandbox``, the API everywhere else."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from autotask_sandbox.control import control_app
from autotask_sandbox.gateway import Gateway
from autotask_sandbox.moments import Calendar
from autotask_sandbox.seed import Seed
from autotask_sandbox.tenant import Tenant


def build_app(seed: Seed, calendar: Calendar | None = None, authority: bytes | None = None) -> ASGIApp:
    """A sandbox of its own; nothing is shared between two of them. ``authority``: the PEM that control shows."""
    gateway = Gateway(Tenant(seed, calendar or Calendar()))
    control = control_app(gateway, authority)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        inner: ASGIApp = control if scope["path"].lower().startswith("/_sandbox/") else gateway
        await inner(scope, receive, send)

    return app

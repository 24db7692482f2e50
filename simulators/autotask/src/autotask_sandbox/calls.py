"""One call as it arrived: where it goes, and where its caller believes to have sent it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request

from autotask_sandbox.errors import unparsable

ROOT = "atservicesrest"
ZONE = re.compile(r"^zone(\d+)$", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """``parts`` is the path below ATServicesRest, without empty parts; case is kept as sent."""

    method: str
    path: str
    parts: tuple[str, ...]
    zone: int
    query: dict[str, str]
    headers: dict[str, str]
    origin: str
    target_length: int
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body, or None where there is none; a body that is no JSON is refused as Autotask's parser does."""
        text = self.body.decode("utf-8", errors="replace").strip().lstrip("\ufeff")
        if not text:
            return None
        try:
            return json.loads(text)
        except ValueError:
            raise unparsable(text, "") from None

    def url(self, *parts: str) -> str:
        """An address of this API with the caller's own scheme and host, and the zone he uses."""
        return "/".join((root_url(self.origin, self.zone), "V1.0", *parts))


def root_url(origin: str, zone: int) -> str:
    """The root that zoneInformation names, without the slash at the end."""
    return f"{origin}/ATServicesRest" if zone == 0 else f"{origin}/zone{zone}/ATServicesRest"


def _zone_and_parts(path: str) -> tuple[int, tuple[str, ...]]:
    """``//`` is read as ``/`` and a slash at the end does not matter (section 1, C)."""
    parts = [part for part in path.split("/") if part]
    found = ZONE.match(parts[0]) if parts else None
    zone = int(found.group(1)) if found else 0
    parts = parts[1:] if found else parts
    if not parts or parts[0].lower() != ROOT:
        return zone, ()
    return zone, tuple(parts)


async def read_call(request: Request) -> Call:
    """Reads the body to its end; the connection may be gone by then (raises ClientDisconnect)."""
    zone, parts = _zone_and_parts(request.url.path)
    raw_query = request.scope["query_string"].decode("latin-1")
    host = request.headers.get("host", "localhost")
    query = {key.lower(): values[0] for key, values in parse_qs(raw_query, keep_blank_values=True).items()}
    return Call(
        method=request.method,
        path=request.url.path,
        parts=parts,
        zone=zone,
        query=query,
        headers={key.lower(): value for key, value in request.headers.items()},
        origin=f"{request.scope['scheme']}://{host}",
        target_length=len(f"{request.scope['scheme']}://{host}{request.url.path}") + len(raw_query) + 1,
        body=await request.body(),
    )

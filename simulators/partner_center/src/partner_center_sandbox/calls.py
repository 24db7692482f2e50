"""One call as it arrived."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request

from partner_center_sandbox.errors import bad_request


@dataclass(frozen=True)
class Call:
    """``parts`` is the path without empty parts, case as sent; names of the query and of headers are lower case."""

    method: str
    parts: tuple[str, ...]
    target: str
    query: dict[str, str]
    headers: dict[str, str]
    origin: str
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body; one that is no JSON is refused."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise bad_request("The body is not valid JSON.") from None

    def form(self) -> dict[str, str] | None:
        """The fields of a form, None where the body is none."""
        if not self.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
            return None
        text = self.body.decode("utf-8", errors="replace")
        return {key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()}


async def read_call(request: Request) -> Call:
    """Reads the body to its end; raises ClientDisconnect where the caller has gone by then."""
    raw = request.scope["query_string"].decode("latin-1")
    query = {key.lower(): values[0] for key, values in parse_qs(raw, keep_blank_values=True).items()}
    return Call(
        method=request.method,
        parts=tuple(part for part in request.url.path.split("/") if part),
        target=request.url.path + (f"?{raw}" if raw else ""),
        query=query,
        headers={key.lower(): value for key, value in request.headers.items()},
        origin=f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}",
        body=await request.body(),
    )

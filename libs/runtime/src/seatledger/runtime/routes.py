"""A service's own routes on its HTTP server: the body's size is bounded, whatever a handler raises is an answer."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from seatledger.runtime.metrics import Metrics
from seatledger.runtime.service import Reply, Request, Route

if TYPE_CHECKING:
    from starlette.requests import Request as Received
    from starlette.responses import Response
    from structlog.typing import FilteringBoundLogger


def endpoint(
    route: Route, metrics: Metrics, log: "FilteringBoundLogger"
) -> Callable[["Received"], Awaitable["Response"]]:
    """The route as Starlette wants it."""
    from starlette.responses import PlainTextResponse

    async def answer(received: "Received") -> "Response":
        body = await _body(received, route.limit)
        reply = Reply(413, "the body is too large") if body is None else await _asked(received, body)
        metrics.requests.labels(route.path, str(reply.status)).inc()
        return PlainTextResponse(reply.text, status_code=reply.status)

    async def _asked(received: "Received", body: bytes) -> Reply:
        try:
            return await route.reply(Request(dict(received.headers), body))
        except Exception:
            log.warning("request failed", route=route.path, exc_info=True)
            return Reply(500, "try again")

    return answer


async def _body(received: "Received", limit: int) -> bytes | None:
    """The body, or None where it is larger than ``limit`` bytes; no more than that is ever held."""
    body = bytearray()
    async for chunk in received.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)

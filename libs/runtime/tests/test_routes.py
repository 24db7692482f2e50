"""Routes that a service adds to its HTTP server."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2
import pytest
import structlog

from seatledger.runtime.clock import SystemMachine
from seatledger.runtime.health import HealthServer, Readiness
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.service import Reply, Request, Route

METRICS = Metrics()


async def _echo(request: Request) -> Reply:
    return Reply(202, f"{request.headers['x-who']} {request.body.decode()}")


async def _broken(_request: Request) -> Reply:
    raise KeyError("s3cret")


@pytest.fixture
async def post() -> AsyncIterator[Callable[..., Awaitable[httpx2.Response]]]:
    """POST to a server with the routes /echo and /broken."""
    server = HealthServer(
        "127.0.0.1:0",
        service="toy",
        replica="toy-1",
        readiness=Readiness(SystemMachine(), METRICS),
        metrics=METRICS,
        log=structlog.get_logger(),
    )
    server.start()
    server.serve([Route("/echo", _echo, limit=10), Route("/broken", _broken)])
    async with httpx2.AsyncClient(base_url=f"http://{server.address}") as client:
        yield client.post
    await server.stop()


async def test_a_route_gets_headers_and_the_raw_body(post: Callable[..., Awaitable[httpx2.Response]]) -> None:
    """Header names in lower case, bytes as they came, the reply's status and text back."""
    answer = await post("/echo", headers={"X-Who": "me"}, content=b"{ }")
    assert (answer.status_code, answer.text) == (202, "me { }")


async def test_a_body_above_the_limit_is_not_read(post: Callable[..., Awaitable[httpx2.Response]]) -> None:
    """413, and the handler is not called."""
    assert (await post("/echo", headers={"X-Who": "me"}, content=b"x" * 11)).status_code == 413


async def test_what_a_handler_raises_is_an_answer_without_its_text(
    post: Callable[..., Awaitable[httpx2.Response]],
) -> None:
    """500, nothing of the error goes out, and the server goes on; each answer is counted by route and status."""
    answer = await post("/broken")
    assert (answer.status_code, "s3cret" in answer.text) == (500, False)
    assert (await post("/elsewhere")).status_code == 404
    assert 'seatledger_requests_total{route="/broken",status="500"} 1.0' in METRICS.text().decode()

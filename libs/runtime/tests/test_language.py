"""The published language over HTTP."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import structlog

from seatledger.runtime.clock import SystemMachine
from seatledger.runtime.health import HealthServer, Readiness
from seatledger.runtime.language import page
from seatledger.runtime.metrics import Metrics
from seatledger.schemas.flow import FLOW

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    metrics = Metrics()
    server = HealthServer(
        "127.0.0.1:0",
        service="toy",
        replica="toy-1",
        readiness=Readiness(SystemMachine(), metrics),
        metrics=metrics,
        log=structlog.get_logger(),
    )
    server.start()
    async with httpx2.AsyncClient(base_url=f"http://{server.address}") as client:
        yield client
    await server.stop()


async def test_a_service_answers_the_committed_document(client: httpx2.AsyncClient) -> None:
    """/asyncapi.json is docs/asyncapi.json without the examples."""
    committed = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
    for message in committed["components"]["messages"].values():
        del message["examples"]
    answer = await client.get("/asyncapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == committed


async def test_the_page_loads_nothing_from_anywhere(client: httpx2.AsyncClient) -> None:
    """No script, no style or picture of another host; the browser is told to refuse any."""
    answer = await client.get("/asyncapi")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["content-type"].startswith("text/html")
    assert not re.search(r"<(script|link|img|iframe)|https?://|@import|url\(", answer.text)


def test_the_page_has_every_topic_event_and_field() -> None:
    """What a stranger looks for is there, with what it means."""
    text = page()
    for topic, sayings in FLOW.items():
        assert f"<h2 id='{topic.name}'>" in text
        for saying in sayings:
            assert f"<h3>{saying.data.event_type}</h3>" in text
            assert all(f"<code>{field}</code>" in text for field in saying.data.model_fields)

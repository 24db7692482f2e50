"""https with a certificate of the sandbox's own."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from autotask_sandbox.facts import world

V1 = "/ATServicesRest/V1.0"
HEADERS = {"UserName": "api@msp.example", "Secret": "s3cret", "ApiIntegrationCode": "MAINCODE"}
BROKEN = (httpx2.RemoteProtocolError, httpx2.ReadError)


def test_https_by_its_own_authority(start: Callable[..., Any]) -> None:
    """Who trusts ca.pem is served over https, addresses in answers are https too, and faults break the connection."""
    url = start(world(), "--tls").url
    assert url.startswith("https://")
    authority = httpx2.get(f"{url}/_sandbox/ca.pem", verify=False).text
    trusting = ssl.create_default_context(cadata=authority)
    with httpx2.Client(base_url=url, headers=HEADERS, verify=trusting, timeout=20) as client:
        zone = client.get(f"{V1}/zoneInformation?user=api@msp.example").json()
        found = client.post(f"{zone['url']}V1.0/Contracts/query", json={"filter": [], "maxRecords": 1}).json()
        client.post("/_sandbox/faults", json={"do": "reset_mid", "times": 1})
        with pytest.raises(BROKEN):
            client.get(f"{V1}/Contracts/501")
        assert client.get(f"{V1}/Contracts/501").status_code == 200
    assert found["pageDetails"]["nextPageUrl"].startswith(url)
    with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx2.get(f"{url}/_sandbox/health")


async def test_no_certificate_without_tls(sandbox: httpx2.AsyncClient) -> None:
    """Over http there is no certificate to have."""
    assert (await sandbox.get("/_sandbox/ca.pem")).status_code == 404

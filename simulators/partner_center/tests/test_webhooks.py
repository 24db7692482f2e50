"""Webhooks on real sockets: what a receiver gets, and what it can be fooled with."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from .receiver import DEADLINE, Post, Receiver

Client = httpx2.AsyncClient
HASH: dict[str, hashes.HashAlgorithm] = {"rsa-sha256": hashes.SHA256(), "rsa-sha1": hashes.SHA1()}  # noqa: S303 - the older one
URI = "http://api.partnercenter.microsoft.com/webhooks/v1/customers/kestrel/subscriptions/premium"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    server = await asyncio.start_server(found, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks?from=pc"
    yield found
    server.close()


async def _register(client: Client, receiver: Receiver, **more: Any) -> None:
    body = {"WebhookUrl": receiver.url, "WebhookEvents": ["subscription-updated", "test-created"], **more}
    answer = await client.post("/webhooks/v1/registration", json=body)
    assert answer.status_code == 200, answer.text


async def _control(client: Client, method: str, path: str, body: Any = None) -> Any:
    answer = await client.request(method, f"/_sandbox/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _certificate(client: Client, url: str) -> x509.Certificate:
    answer = await client.get(url)
    assert answer.status_code == 200
    return x509.load_der_x509_certificate(answer.content)


def _is_signed(post: Post, certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    signature = base64.b64decode(post.headers["authorization"].removeprefix("Signature "))
    algorithm = HASH[post.headers["x-ms-signature-algorithm"]]
    try:
        key.verify(signature, post.body, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        return False
    return True


def _organisation(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)


async def _is_ours(client: Client, certificate: x509.Certificate) -> bool:
    """Whether the sandbox's own authority issued it."""
    authority = x509.load_pem_x509_certificate((await client.get("/_sandbox/ca.pem")).content)
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError):
        return False
    return True


async def test_a_change_is_told(sandbox: Client, receiver: Receiver) -> None:
    """Name, resource and instant of the change, and no state; a nickname is nothing to tell."""
    await _register(sandbox, receiver)
    await _control(sandbox, "PATCH", "customers/kestrel/subscriptions/premium", {"friendlyName": "Kiosk"})
    await _control(sandbox, "PATCH", "customers/kestrel/subscriptions/premium", {"quantity": 29})
    (post,) = await receiver.come(1)
    changed = post.event.pop("ResourceChangeUtcDate")
    assert changed.startswith("2026-03-15T10:00:00.")
    assert changed.endswith("+00:00")
    expected = {"EventName": "subscription-updated", "ResourceUri": URI, "ResourceName": "subscription"}
    assert {**post.event, "ResourceChangeUtcDate": ""} == {**expected, "AuditUri": None, "ResourceChangeUtcDate": ""}
    (delivery,) = (await _control(sandbox, "GET", "webhooks"))["deliveries"]
    assert (delivery["kind"], delivery["event"]) == ("genuine", "subscription-updated")


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "rsa-sha1"])
async def test_signature_and_certificate(sandbox: Client, receiver: Receiver, algorithm: str) -> None:
    """The body's bytes are signed under a certificate of Microsoft Corporation by the sandbox's authority."""
    await _control(sandbox, "PUT", "switches", {"signature_algorithm": algorithm})
    await _register(sandbox, receiver)
    await _control(sandbox, "POST", "webhooks", {})
    (post,) = await receiver.come(1)
    assert post.headers["x-ms-signature-algorithm"] == algorithm
    assert post.headers["x-ms-certificate-url"] == "http://sandbox.test/_sandbox/webhook-cert"
    certificate = await _certificate(sandbox, post.headers["x-ms-certificate-url"])
    assert (_is_signed(post, certificate), _organisation(certificate)) == (True, "Microsoft Corporation")
    assert await _is_ours(sandbox, certificate)
    assert (await _control(sandbox, "GET", "webhooks"))["certificates_fetched"] == {"official": 1}
    await _control(sandbox, "PUT", "switches", {"certificate": "pem"})
    pem = (await sandbox.get("/_sandbox/webhook-cert")).content
    assert x509.load_pem_x509_certificate(pem) == certificate


@pytest.mark.parametrize(
    ("registration", "switch", "names"),
    [
        ({}, "authorization", {"authorization"}),
        ({"SignatureTokenToMsSignatureHeader": True}, "authorization", {"x-ms-signature"}),
        ({}, "x_ms_signature", {"x-ms-signature"}),
        ({}, "both", {"authorization", "x-ms-signature"}),
    ],
)
async def test_header_variants(
    sandbox: Client, receiver: Receiver, registration: dict[str, Any], switch: str, names: set[str]
) -> None:
    """The signature stands where the registration or the switch wants it, and nowhere else."""
    await _control(sandbox, "PUT", "switches", {"signature_header": switch})
    await _register(sandbox, receiver, **registration)
    await _control(sandbox, "POST", "webhooks", {})
    (post,) = await receiver.come(1)
    assert {"authorization", "x-ms-signature"} & set(post.headers) == names


@pytest.mark.parametrize(("status", "code"), [(200, "OK"), (500, "InternalServerError")])
async def test_validation_event(sandbox: Client, receiver: Receiver, status: int, code: str) -> None:
    """The test event arrives, its result says what the receiver answered, and the third in a minute is 429."""
    receiver.status = status
    await _register(sandbox, receiver)
    answer = await sandbox.post("/webhooks/v1/registration/validationEvents")
    correlation = answer.json()["correlationId"]
    (post,) = await receiver.come(1)
    assert post.event["EventName"] == "test-created"
    until = time.monotonic() + DEADLINE
    while (found := await _validation(sandbox, correlation))["status"] != "completed":
        assert time.monotonic() < until
        await asyncio.sleep(0.01)
    assert [(one["responseCode"], one["systemError"]) for one in found["results"]] == [(code, False)]
    assert (found["callbackUrl"], found["correlationId"]) == (receiver.url, correlation)
    assert (await sandbox.post("/webhooks/v1/registration/validationEvents")).status_code == 200
    assert (await sandbox.post("/webhooks/v1/registration/validationEvents")).status_code == 429


async def _validation(client: Client, correlation: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/webhooks/v1/registration/validationEvents/{correlation}")).json()
    return found


async def test_late_and_doubled(sandbox: Client, receiver: Receiver) -> None:
    """Three times the same event, none before its delay."""
    await _register(sandbox, receiver)
    began = time.monotonic()
    body = {"customer": "kestrel", "subscription": "premium", "delay": 0.3, "times": 3, "gap": 0.1}
    assert await _control(sandbox, "POST", "webhooks", body) == [1, 2, 3]
    posts = await receiver.come(3)
    assert time.monotonic() - began >= 0.5
    assert {post.event["ResourceUri"] for post in posts} == {URI}
    assert len({post.body for post in posts}) == 1


async def test_reordered(sandbox: Client, receiver: Receiver) -> None:
    """What is held back leaves in the order that is asked for."""
    await _register(sandbox, receiver)
    await _control(sandbox, "POST", "webhooks/hold")
    for name in ("premium", "basic", "audio"):
        await _control(sandbox, "PATCH", f"customers/kestrel/subscriptions/{name}", {"quantity": 30})
    assert (await _control(sandbox, "GET", "webhooks"))["held"] == 3
    assert receiver.posts == []
    assert await _control(sandbox, "POST", "webhooks/release", {"order": "reversed"}) == {"released": 3}
    posts = await receiver.come(3)
    assert [post.event["ResourceUri"].rpartition("/")[2] for post in posts] == ["audio", "basic", "premium"]


async def _forged(client: Client, receiver: Receiver, kind: str) -> Post:
    await _control(client, "POST", "webhooks", {"kind": kind, "customer": "kestrel", "subscription": "premium"})
    return (await receiver.come(1))[0]


@pytest.mark.parametrize(
    ("kind", "signed", "organisation", "ours"),
    [
        ("bad_signature", False, "Microsoft Corporation", True),
        ("untrusted_certificate", True, "Microsoft Corporation", False),
        ("wrong_organisation", True, "Somebody Else Ltd", True),
        ("foreign_resource", True, "Microsoft Corporation", True),
        ("unknown_subscription", True, "Microsoft Corporation", True),
        ("garbage", True, "Microsoft Corporation", True),
    ],
)
async def test_forgeries(
    sandbox: Client, receiver: Receiver, kind: str, signed: bool, organisation: str, ours: bool
) -> None:
    """Each forgery is wrong in the one thing it is named after and right in all others."""
    await _register(sandbox, receiver)
    post = await _forged(sandbox, receiver, kind)
    certificate = await _certificate(sandbox, post.headers["x-ms-certificate-url"])
    found = (_is_signed(post, certificate), _organisation(certificate), await _is_ours(sandbox, certificate))
    assert found == (signed, organisation, ours)
    if kind == "garbage":
        with pytest.raises(ValueError, match=r"JSON|decode"):
            post.event  # noqa: B018 - reading it is the test
    elif kind == "foreign_resource":
        await sandbox.get(post.event["ResourceUri"])
        trapped = ["GET /_sandbox/trap/webhooks/v1/customers/kestrel/subscriptions/premium"]
        assert (await _control(sandbox, "GET", "webhooks"))["trapped"] == trapped
    else:
        assert post.event["ResourceUri"].startswith("http://api.partnercenter.microsoft.com/webhooks/v1/customers/")
        assert (kind == "unknown_subscription") == ("kestrel" not in post.event["ResourceUri"])


async def test_no_signature_at_all(sandbox: Client, receiver: Receiver) -> None:
    """A delivery without any of the headers that a receiver checks."""
    await _register(sandbox, receiver)
    post = await _forged(sandbox, receiver, "no_signature")
    assert not [name for name in post.headers if name == "authorization" or name.startswith("x-ms")]


async def test_certificate_on_another_host(live: Client, receiver: Receiver) -> None:
    """All is genuine but the host of the certificate; whoever fetches it is counted."""
    await _register(live, receiver)
    post = await _forged(live, receiver, "foreign_certificate_host")
    url = httpx2.URL(post.headers["x-ms-certificate-url"])
    assert (url.host, url.port) == ("localhost", live.base_url.port)
    answer = await live.get(str(url).replace("localhost", "127.0.0.1"))
    assert _is_signed(post, x509.load_der_x509_certificate(answer.content))
    assert (await _control(live, "GET", "webhooks"))["certificates_fetched"] == {"foreign": 1}


async def test_never_told(sandbox: Client, receiver: Receiver) -> None:
    """By the switch a change is kept quiet; what is sent on command still comes."""
    await _control(sandbox, "PUT", "switches", {"webhooks": "on_command", "resource_uri": "plain"})
    await _register(sandbox, receiver)
    await _control(sandbox, "PATCH", "customers/kestrel/subscriptions/premium", {"quantity": 29})
    await _control(sandbox, "POST", "webhooks", {"customer": "harbour", "subscription": "leaving"})
    (post,) = await receiver.come(1)
    assert post.event["ResourceUri"].endswith(".com/v1/customers/harbour/subscriptions/leaving")
    assert len((await _control(sandbox, "GET", "webhooks"))["deliveries"]) == 1


async def test_a_renewal_is_told_when_its_day_comes(sandbox: Client, receiver: Receiver) -> None:
    """With renewal by the calendar, moving the clock is enough: what Microsoft does is told too."""
    await _control(sandbox, "PUT", "switches", {"renewal": "calendar"})
    await _register(sandbox, receiver)
    await _control(sandbox, "PUT", "clock", {"now": "2026-03-17T00:00:00Z"})
    posts = await receiver.come(2)
    assert {post.event["ResourceUri"].rpartition("/")[2] for post in posts} == {"leaving", "silent"}


async def test_nobody_answers(sandbox: Client, receiver: Receiver) -> None:
    """A receiver that is not there is an error of the delivery, and nothing else."""
    await _register(sandbox, receiver, WebhookUrl="http://127.0.0.1:9/nobody")
    await _control(sandbox, "POST", "webhooks", {})
    until = time.monotonic() + DEADLINE
    while (found := (await _control(sandbox, "GET", "webhooks"))["deliveries"][0])["error"] is None:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)
    assert found["status"] is None


async def test_reset_forgets_what_is_on_its_way(sandbox: Client, receiver: Receiver) -> None:
    """A late delivery never reaches the receiver of the next test."""
    await _register(sandbox, receiver)
    await _control(sandbox, "POST", "webhooks", {"delay": 0.2})
    await _control(sandbox, "POST", "reset")
    assert await _control(sandbox, "GET", "webhooks") == {
        "registration": None,
        "held": None,
        "deliveries": [],
        "certificates_fetched": {},
        "trapped": [],
    }
    await asyncio.sleep(0.3)
    assert receiver.posts == []


@pytest.mark.parametrize(
    ("body", "status"),
    [({"event": "nothing-happened"}, 400), ({"kind": "odd"}, 400), ({"customer": "nobody"}, 404)],
)
async def test_commands_that_cannot_be_done(
    sandbox: Client, receiver: Receiver, body: dict[str, Any], status: int
) -> None:
    """Without a registration 409; a bad command says what is wrong with it."""
    assert (await sandbox.post("/_sandbox/webhooks", json={})).status_code == 409
    await _register(sandbox, receiver)
    answer = await sandbox.post("/_sandbox/webhooks", json=body)
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)

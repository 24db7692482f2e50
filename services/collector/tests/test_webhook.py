"""Messages of Partner Center: who is believed, and what a message may bring about."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2
import pytest
import structlog
import trustme
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from seatledger.collector.adapters.partner_center import chain
from seatledger.collector.adapters.partner_center.certificates import KEPT_SECONDS, Certificates, Trust
from seatledger.collector.adapters.partner_center.http import Http
from seatledger.collector.adapters.partner_center.webhook import Webhook
from seatledger.collector.handlers.webhook import TakeWebhook
from seatledger.runtime.clock import FixedCalendar
from seatledger.runtime.service import Request
from services.collector.tests.collector_samples import NOW, row
from services.collector.tests.collector_world import FakeMachine, GivenLease, World
from services.collector.tests.test_rereads import world

HOST = "certificates.example"
URL = f"https://{HOST}/cert/dispatch.cer"
MICROSOFT = "Microsoft Corporation"
AUTHORITY = trustme.CA(key_type=trustme.KeyType.RSA)
GOOD = AUTHORITY.issue_cert("dispatch.example", organization_name=MICROSOFT, key_type=trustme.KeyType.RSA)
SUBSCRIPTION = "/v1/customers/c1/subscriptions/S1"


def pem(leaf: trustme.LeafCert) -> bytes:
    return b"".join(blob.bytes() for blob in leaf.cert_chain_pems)


def der(authority: trustme.CA) -> bytes:
    (found,) = chain.parse(authority.cert_pem.bytes())
    return found.public_bytes(serialization.Encoding.DER)


def signed(body: bytes, leaf: trustme.LeafCert = GOOD, algorithm: hashes.HashAlgorithm | None = None) -> str:
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return base64.b64encode(key.sign(body, padding.PKCS1v15(), algorithm or hashes.SHA256())).decode()


def message(uri: str = SUBSCRIPTION, event: str = "subscription-updated") -> bytes:
    when = "2026-03-10T07:59:58.1234567Z"
    said = {
        "EventName": event,
        "ResourceUri": uri,
        "ResourceName": "x",
        "AuditUri": None,
        "ResourceChangeUtcDate": when,
    }
    return json.dumps(said).encode()


def headers(body: bytes, **changes: str | None) -> dict[str, str]:
    all_ = {
        "authorization": f"Signature {signed(body)}",
        "x-ms-certificate-url": URL,
        "x-ms-signature-algorithm": "rsa-sha256",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return {name: value for name, value in all_.items() if value is not None}


@dataclass
class Post:
    """A receiver of an account that holds S1 with 10 seats, and the places from which certificates are had."""

    files: dict[str, bytes] = field(default_factory=lambda: {URL: pem(GOOD)})
    sandbox: str | None = None
    allow_sha1: bool = False
    fetched: list[str] = field(default_factory=list)
    machine: FakeMachine = field(default_factory=FakeMachine)
    world: World = field(default_factory=lambda: world(row(10)))

    def __post_init__(self) -> None:
        self.machine.started = datetime.now(NOW.tzinfo)  # the certificates of this test live from today on
        http = Http(httpx2.MockTransport(self._file))
        authorities = None if self.sandbox else lambda: chain.roots_of([der(AUTHORITY)])
        trust = Trust(frozenset({HOST}), self.sandbox, authorities)
        webhook = Webhook(Certificates(trust, http, self.machine), FixedCalendar(NOW), self.allow_sha1)
        self.take = TakeWebhook(webhook, self.world.rereads(GivenLease()), structlog.get_logger())

    def _file(self, request: httpx2.Request) -> httpx2.Response:
        self.fetched.append(str(request.url))
        found = self.files.get(str(request.url))
        return httpx2.Response(404) if found is None else httpx2.Response(200, content=found)

    async def __call__(self, body: bytes, **changes: str | None) -> int:
        return (await self.take(Request(headers(body, **changes), body))).status

    @property
    def hints(self) -> list[tuple[str, str | None]]:
        return [(document["customer"], document["subscription"]) for document in self.world.documents("hints")]


async def test_a_message_of_microsoft_leads_to_a_read() -> None:
    """Signed over the raw body with the key of Microsoft's certificate: the subscription that it names is hinted at."""
    post = Post()
    assert (await post(message()), post.hints) == (200, [("c1", "S1")])
    await post.take.rereads.turn()
    assert post.world.last().quantity == 10


async def test_the_signature_may_stand_in_a_header_of_its_own() -> None:
    """``x-ms-signature`` instead of ``Authorization``."""
    body = message()
    assert await Post()(body, authorization=None, x_ms_signature=signed(body)) == 200


@pytest.mark.parametrize(
    ("uri", "hints"),
    [
        ("http://localhost:16722/webhooks/v1/customers/c1/subscriptions/S1", [("c1", "S1")]),
        ("/v1/customers/c1/subscriptions/S1/usagerecords?x=1", [("c1", "S1")]),
        ("https://api.partnercenter.microsoft.com/v1/customers/c1", [("c1", None)]),
        ("/v1/customers/c1/usagesummary", [("c1", None)]),
        ("/v1/invoices/G000024711", []),
        ("/v1/customers/../../etc/subscriptions/S1", []),
        ("/v1/customers/c1/subscriptions/%2e%2e", [("c1", None)]),
        ("", []),
    ],
)
async def test_only_ids_are_taken_out_of_an_address(uri: str, hints: list[tuple[str, str | None]]) -> None:
    """Customer and subscription, whatever host and path stand around them; the address itself is never called."""
    post = Post()
    assert (await post(message(uri)), post.hints, post.fetched) == (200, hints, [URL])


@pytest.mark.parametrize(
    "body", [message("/v1/webhooks/registration/test", "test-created"), b"[]", b"{", b"\xff", b'{"ResourceUri": 7}']
)
async def test_an_authentic_message_without_interest_is_answered(body: bytes) -> None:
    """The test event, and whatever cannot be read: 200, no hint."""
    post = Post()
    assert (await post(body), post.hints) == (200, [])


async def test_doubled_late_and_reordered_messages_are_harmless() -> None:
    """Three messages about two states, in any order, are one hint and no second event."""
    post = Post()
    for _ in range(3):
        assert await post(message()) == 200
    await post.take.rereads.turn()
    assert await post(message()) == 200
    await post.take.rereads.turn()
    assert len(post.world.events()) == 1


FORGERIES: dict[str, dict[str, str | None]] = {
    "no signature": {"authorization": None},
    "another scheme": {"authorization": "Bearer abc"},
    "no text that could be one": {"authorization": "Signature !!!"},
    "the signature of another body": {"authorization": f"Signature {signed(b'other')}"},
    "no algorithm": {"x_ms_signature_algorithm": None},
    "an unknown algorithm": {"x_ms_signature_algorithm": "none"},
    "a legacy algorithm": {"x_ms_signature_algorithm": "rsa-sha1"},
    "no certificate": {"x_ms_certificate_url": None},
    "another host": {"x_ms_certificate_url": "https://evil.example/cert.cer"},
    "a host that only looks alike": {"x_ms_certificate_url": f"https://{HOST}.evil.example/cert.cer"},
    "credentials in the address": {"x_ms_certificate_url": f"https://{HOST}@evil.example/cert.cer"},
    "clear text": {"x_ms_certificate_url": URL.replace("https", "http")},
    "another port": {"x_ms_certificate_url": f"https://{HOST}:8443/cert.cer"},
    "this machine": {"x_ms_certificate_url": "http://127.0.0.1:9/cert.cer"},
    "a file": {"x_ms_certificate_url": "file:///etc/passwd"},
    "no address": {"x_ms_certificate_url": "https://[::1"},
}


@pytest.mark.parametrize("changes", FORGERIES.values(), ids=FORGERIES.keys())
async def test_forged_messages_bring_nothing_about(changes: dict[str, str | None]) -> None:
    """401, no hint, and no address other than Microsoft's is called."""
    post = Post()
    assert (await post(message(), **changes), post.hints) == (401, [])
    assert set(post.fetched) <= {URL}


def _leaf(**more: Any) -> trustme.LeafCert:
    return AUTHORITY.issue_cert(
        "x.example", **{"organization_name": MICROSOFT, "key_type": trustme.KeyType.RSA, **more}
    )


STRANGE: dict[str, Callable[[], trustme.LeafCert]] = {
    "another organisation": lambda: _leaf(organization_name="Microsoft Corporation Ltd"),
    "an authority that nobody trusts": lambda: trustme.CA().issue_cert(
        "x.example", organization_name=MICROSOFT, key_type=trustme.KeyType.RSA
    ),
    "over since long": lambda: _leaf(not_before=datetime(2020, 1, 1), not_after=datetime(2020, 2, 1)),  # noqa: DTZ001
    "no RSA key": lambda: _leaf(key_type=trustme.KeyType.ECDSA),
}


@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE.keys())
async def test_a_certificate_must_be_microsofts(make: Callable[[], trustme.LeafCert]) -> None:
    """A right signature of somebody else is a forgery; its certificate is asked for once a minute, no oftener."""
    leaf, body = make(), message()
    post = Post(files={URL: pem(leaf)})
    signature = signed(body) if leaf.private_key_pem.bytes().startswith(b"-----BEGIN EC") else signed(body, leaf)
    for _ in range(2):
        assert await post(body, authorization=f"Signature {signature}") == 401
    assert (post.hints, post.fetched) == ([], [URL])


async def test_what_is_no_certificate_is_none() -> None:
    """A page instead of a certificate: 401."""
    assert await Post(files={URL: b"<html>"})(message()) == 401


async def test_a_certificate_that_cannot_be_had_now_asks_for_another_try() -> None:
    """503, so that the source sends the message again; nothing is remembered of it."""
    post = Post(files={})
    assert await post(message()) == 503
    post.files[URL] = pem(GOOD)
    assert await post(message()) == 200


async def test_a_certificate_too_large_is_not_read() -> None:
    """Nobody makes us hold more than a certificate's size."""
    assert await Post(files={URL: b"x" * 70_000})(message()) == 503


async def test_a_certificate_is_kept_for_an_hour() -> None:
    """A thousand messages are not a thousand calls."""
    post = Post()
    for _ in range(3):
        await post(message())
    post.machine.at += KEPT_SECONDS
    await post(message())
    assert post.fetched == [URL, URL]


async def test_sha1_is_taken_where_it_is_allowed() -> None:
    """Off by default; a tenant that still gets such messages may switch it on."""
    body = message()
    sha1 = {
        "authorization": f"Signature {signed(body, algorithm=hashes.SHA1())}",  # noqa: S303 - the legacy one
        "x_ms_signature_algorithm": "RSA-SHA1",
    }
    assert (await Post()(body, **sha1), await Post(allow_sha1=True)(body, **sha1)) == (401, 200)


async def test_a_sandbox_on_this_machine_is_its_own_authority() -> None:
    """Only the very address of the source, where it is loopback: its certificates lead to its own authority, and must
    say Microsoft all the same."""
    here, body = "http://127.0.0.1:4711", message()
    alien = trustme.CA().issue_cert("x.example", organization_name=MICROSOFT, key_type=trustme.KeyType.RSA)
    nobody = _leaf(organization_name="Nobody")
    for leaf, where, status in (
        (GOOD, here, 200),
        (alien, here, 401),
        (nobody, here, 401),
        (GOOD, "http://localhost:4711", 401),
        (GOOD, "http://127.0.0.1:4712", 401),
    ):
        authority = {f"{here}/_sandbox/ca.pem": AUTHORITY.cert_pem.bytes()}
        post = Post(files={f"{where}/cert": pem(leaf), **authority}, sandbox=here)
        signature = f"Signature {signed(body, leaf)}"
        assert await post(body, authorization=signature, x_ms_certificate_url=f"{where}/cert") == status


async def test_an_intermediate_certificate_may_be_missing_from_the_file() -> None:
    """The leaf alone does not lead to the root: refused; with the one between them it is taken."""
    between = AUTHORITY.create_child_ca(key_type=trustme.KeyType.RSA)
    leaf = between.issue_cert("x.example", organization_name=MICROSOFT, key_type=trustme.KeyType.RSA)
    body, alone = message(), leaf.cert_chain_pems[0].bytes()
    signature = f"Signature {signed(body, leaf)}"
    assert await Post(files={URL: alone})(body, authorization=signature) == 401
    assert await Post(files={URL: alone + between.cert_pem.bytes()})(body, authorization=signature) == 200


async def test_customers_that_are_not_collected_are_not_read() -> None:
    """`exclude` holds for hints too."""
    post = Post(world=world(row(10), exclude=("c1",)))
    assert (await post(message()), post.hints) == (200, [])

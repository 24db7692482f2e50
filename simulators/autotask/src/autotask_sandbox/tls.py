"""A certificate for callers that insist on https, made at the start and kept in memory."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

import trustme

HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Tls:
    """What the server shows and the authority by which callers check it."""

    authority: bytes
    context: ssl.SSLContext = field(repr=False)


def own_certificate(host: str) -> Tls:
    """An authority that nobody else has, and a certificate by it for this machine's own names and ``host``."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*dict.fromkeys((*HERE, host))).configure_cert(context)
    return Tls(authority.cert_pem.bytes(), context)

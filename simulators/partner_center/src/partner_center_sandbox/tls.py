"""An authority of the sandbox's own: for https, and for the certificate under which webhooks are signed."""

from __future__ import annotations

import ssl

import trustme

HERE = ("localhost", "127.0.0.1", "::1")


def new_authority() -> trustme.CA:
    """Made at each start, kept in memory only."""
    return trustme.CA()


def server_context(authority: trustme.CA, host: str) -> ssl.SSLContext:
    """A certificate for this machine's own names and the address on which the sandbox listens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*dict.fromkeys((*HERE, host))).configure_cert(context)
    return context

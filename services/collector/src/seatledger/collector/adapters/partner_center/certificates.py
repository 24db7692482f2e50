"""Certificates that messages name: had from pinned hosts alone, checked, and kept for a while."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.verification import Store

from seatledger.collector.adapters.partner_center import chain
from seatledger.collector.adapters.partner_center.http import Http, NoAnswerError
from seatledger.collector.ports import ForgedError, SourceUnreachableError
from seatledger.runtime.clock import MachineClock

LARGEST: Final = 64 * 1024
KEPT_SECONDS: Final = 3600.0
REFUSED_SECONDS: Final = 60.0
"""How long a certificate that was not taken is not asked for again, whoever names it."""
MOST_KEPT: Final = 16
MOST_ISSUERS: Final = 3
ISSUER_HOSTS: Final = frozenset({"www.microsoft.com", "caissuers.microsoft.com", "cacerts.digicert.com"})
"""Where intermediate certificates may be had over http too: the chain itself proves them."""


SANDBOX_AUTHORITY: Final = "/_sandbox/ca.pem"
"""Where a sandbox has the certificate of its authority (interface.md, sandboxes)."""


@dataclass(frozen=True)
class Trust:
    """``hosts`` may give certificates, over https. ``sandbox``: scheme, host and port of a source on this machine,
    which may give its own and is its own authority. ``authorities``: to trust instead of the machine's (and its)."""

    hosts: frozenset[str]
    sandbox: str | None = None
    authorities: Callable[[], Store] | None = None


@dataclass
class Certificates:
    """The keys behind addresses."""

    trust: Trust
    http: Http
    machine: MachineClock
    _known: dict[str, tuple[float, RSAPublicKey | ForgedError]] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def key(self, url: str) -> RSAPublicKey:
        """The key of Microsoft's certificate at ``url``. Raises :class:`ForgedError` where address or certificate is
        not Microsoft's, :class:`SourceUnreachableError` where it cannot be had now. One is fetched at a time."""
        self._check(url)
        async with self._lock:
            until, known = self._known.get(url, (0.0, None))
            if known is None or self.machine.seconds() >= until:
                known = await self._fetched(url)
        if isinstance(known, ForgedError):
            raise known
        return known

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ForgedError("the certificate's address is none") from None
        if parts.username is not None or parts.password is not None:
            raise ForgedError("the certificate's address carries credentials")
        if _origin(url) == self.trust.sandbox:
            return
        if parts.scheme != "https" or port not in {None, 443} or parts.hostname not in self.trust.hosts:
            raise ForgedError("the certificate lies at a place that is not Microsoft's")

    async def _fetched(self, url: str) -> RSAPublicKey | ForgedError:
        found: RSAPublicKey | ForgedError
        try:
            found, kept = await self._checked(url), KEPT_SECONDS
        except ForgedError as error:
            found, kept = error, REFUSED_SECONDS
        while len(self._known) >= MOST_KEPT:
            del self._known[next(iter(self._known))]
        self._known[url] = (self.machine.seconds() + kept, found)
        return found

    async def _checked(self, url: str) -> RSAPublicKey:
        leaf, *others = await self._file(url)
        key = chain.microsofts_key(leaf)
        if not await self._is_trusted(leaf, others, await self._roots(url)):
            raise ForgedError("no valid chain leads from the certificate to an authority that is trusted here")
        return key

    async def _file(self, url: str) -> list[x509.Certificate]:
        try:
            return chain.parse(await self.http.download(url, LARGEST))
        except NoAnswerError as error:
            why = f"the certificate of a message cannot be had: {error}"
            raise SourceUnreachableError(why, "Nothing: the source sends the message again.") from error

    async def _roots(self, url: str) -> Store:
        if self.trust.authorities is not None:
            return self.trust.authorities()
        if self.trust.sandbox is not None and _origin(url) == self.trust.sandbox:
            return Store(await self._file(self.trust.sandbox + SANDBOX_AUTHORITY))
        return chain.system_roots()

    async def _is_trusted(self, leaf: x509.Certificate, others: list[x509.Certificate], roots: Store) -> bool:
        """Fetches what is missing between the leaf and a root, from known places alone."""
        last = leaf
        for _ in range(MOST_ISSUERS + 1):
            if chain.is_trusted(leaf, others, roots, self.machine.now()):
                return True
            issuer = await self._issuer(last)
            if issuer is None:
                return False
            others, last = [*others, issuer], issuer
        return False

    async def _issuer(self, certificate: x509.Certificate) -> x509.Certificate | None:
        for url in chain.issuers(certificate):
            parts = urlsplit(url)
            if parts.scheme in {"http", "https"} and parts.hostname in ISSUER_HOSTS | self.trust.hosts:
                try:
                    return chain.parse(await self.http.download(url, LARGEST))[0]
                except (NoAnswerError, ForgedError):
                    continue
        return None


def _origin(url: str) -> str:
    """Scheme, host and port, as they stand in the address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

"""Partner Center's messages (reference section 2.5): signed by Microsoft, and without any state.

What a message says is never believed beyond two ids: they say whom to read again. Its addresses are never called.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from seatledger.collector.adapters.partner_center import values
from seatledger.collector.adapters.partner_center.certificates import Certificates
from seatledger.collector.ports import ForgedError, Signal
from seatledger.runtime.clock import BusinessClock

SCHEME: Final = "signature "
ALGORITHMS: Final[Mapping[str, type[hashes.HashAlgorithm]]] = {"rsa-sha256": hashes.SHA256}
LEGACY: Final[Mapping[str, type[hashes.HashAlgorithm]]] = {"rsa-sha1": hashes.SHA1, "sha1": hashes.SHA1}
"""Taken only where the configuration says so: SHA-1 can be forged by whoever pays for it."""

_CUSTOMER = re.compile(r"/customers/([0-9A-Za-z_-]{1,64})(?:/|$)")
_SUBSCRIPTION = re.compile(r"/subscriptions/([0-9A-Za-z_-]{1,64})(?:/|$)")


@dataclass(frozen=True)
class Webhook:
    """The receiver of one account. ``allow_sha1``: old messages signed with RSA-SHA1 are taken too."""

    certificates: Certificates
    calendar: BusinessClock
    allow_sha1: bool = False

    async def signals(self, headers: Mapping[str, str], body: bytes) -> Sequence[Signal]:
        """See :class:`~seatledger.collector.ports.Receiver`."""
        signature = _signature(headers)
        algorithm = self._algorithm(headers)
        url = headers.get("x-ms-certificate-url", "").strip()
        if not url:
            raise ForgedError("the header x-ms-certificate-url is missing")
        key = await self.certificates.key(url)
        try:
            key.verify(signature, body, padding.PKCS1v15(), algorithm)
        except InvalidSignature:
            raise ForgedError("the signature is not of this body") from None
        return self._pointed_at(body)

    def _algorithm(self, headers: Mapping[str, str]) -> hashes.HashAlgorithm:
        name = headers.get("x-ms-signature-algorithm", "").strip().casefold()
        if not name:
            raise ForgedError("the header x-ms-signature-algorithm is missing")
        found = ALGORITHMS.get(name) or (LEGACY.get(name) if self.allow_sha1 else None)
        if found is None:
            raise ForgedError("the signature's algorithm is not taken")
        return found()

    def _pointed_at(self, body: bytes) -> list[Signal]:
        try:
            message = json.loads(body)
        except ValueError:
            return []
        uri = message.get("ResourceUri") if isinstance(message, dict) else None
        customer = _CUSTOMER.search(uri) if isinstance(uri, str) else None
        if customer is None or not isinstance(uri, str):
            return []
        subscription = _SUBSCRIPTION.search(uri, customer.end(1))
        return [Signal(customer[1], subscription[1] if subscription else None, self._at(message))]

    def _at(self, message: dict[str, Any]) -> Any:
        try:
            return values.instant(str(message.get("ResourceChangeUtcDate")))
        except ValueError:
            return self.calendar.now()


def _signature(headers: Mapping[str, str]) -> bytes:
    """In a header of its own, or in ``Authorization`` under the scheme *Signature*."""
    text = headers.get("x-ms-signature", "").strip()
    authorization = headers.get("authorization", "").strip()
    if not text and authorization.casefold().startswith(SCHEME):
        text = authorization[len(SCHEME) :].strip()
    if not text:
        raise ForgedError("the signature is missing")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ForgedError("the signature cannot be read") from None

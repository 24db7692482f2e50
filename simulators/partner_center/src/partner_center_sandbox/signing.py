"""Who signs a webhook, and under which certificate (section 2.5)."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import trustme
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

VENDOR = "Microsoft Corporation"
Algorithm = Literal["rsa-sha256", "rsa-sha1"]
Who = Literal["official", "stranger", "wrong_organisation"]
HASHES: dict[Algorithm, type[hashes.HashAlgorithm]] = {"rsa-sha256": hashes.SHA256, "rsa-sha1": hashes.SHA1}


@dataclass(frozen=True)
class Signer:
    """A key with its certificate."""

    leaf: trustme.LeafCert

    @property
    def pem(self) -> bytes:
        return self.leaf.cert_chain_pems[0].bytes()

    @property
    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.pem.decode())

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        key = serialization.load_pem_private_key(self.leaf.private_key_pem.bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101 - asked for when the certificate was issued
        return key

    def sign(self, body: bytes, algorithm: Algorithm) -> str:
        """base64 of the RSA signature over the raw bytes of a body."""
        return base64.b64encode(self._key.sign(body, padding.PKCS1v15(), HASHES[algorithm]())).decode()


class Signers:
    """The vendor, somebody with a certificate of his own making, and a customer of the same authority."""

    def __init__(self, authority: trustme.CA) -> None:
        self._authority = authority

    def get(self, who: Who) -> Signer:
        match who:
            case "official":
                return self.official
            case "stranger":
                return self.stranger
            case "wrong_organisation":
                return self.wrong_organisation

    @cached_property
    def official(self) -> Signer:
        return _issued(self._authority, VENDOR)

    @cached_property
    def stranger(self) -> Signer:
        """Says to be the vendor, under an authority that nobody knows."""
        return _issued(trustme.CA(), VENDOR)

    @cached_property
    def wrong_organisation(self) -> Signer:
        return _issued(self._authority, "Somebody Else Ltd")


def _issued(authority: trustme.CA, organisation: str) -> Signer:
    name = "pcnotifications.sandbox.test"
    return Signer(authority.issue_cert(name, organization_name=organisation, key_type=trustme.KeyType.RSA))

"""Whose certificate it is: a chain up to an authority that we trust, and its subject's organisation. Pure."""

import contextlib
import ssl
import warnings
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from seatledger.collector.ports import ForgedError

ORGANISATION: Final = "Microsoft Corporation"
SMALLEST_KEY: Final = 2048


def parse(content: bytes) -> list[x509.Certificate]:
    """The certificates of a file, leaf first: DER, PEM, or PKCS #7 in either. :class:`ForgedError` if there is none."""
    readers = (
        x509.load_pem_x509_certificates,
        lambda data: [x509.load_der_x509_certificate(data)],
        pkcs7.load_der_pkcs7_certificates,
        pkcs7.load_pem_pkcs7_certificates,
    )
    for read in readers:
        try:
            if found := read(content):
                return list(found)
        except (ValueError, TypeError):
            continue
    raise ForgedError("the certificate cannot be read")


def issuers(certificate: x509.Certificate) -> list[str]:
    """Where a certificate says that its issuer's may be had."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [
        one.access_location.value
        for one in access
        if one.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(one.access_location, x509.UniformResourceIdentifier)
    ]


def is_trusted(leaf: x509.Certificate, others: Sequence[x509.Certificate], roots: Store, now: datetime) -> bool:
    """Whether a chain of valid certificates leads from ``leaf`` over ``others`` to a root. What the leaf may be used
    for is not asked: Microsoft signs messages with a certificate made for a server."""
    policy = PolicyBuilder().store(roots).time(now)
    policy = policy.extension_policies(
        ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
    )
    try:
        policy.build_client_verifier().verify(leaf, list(others))
    except (VerificationError, ValueError):
        return False
    return True


def microsofts_key(certificate: x509.Certificate) -> RSAPublicKey:
    """Its key; :class:`ForgedError` where the certificate is another organisation's, or the key too weak."""
    names = [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    if names != [ORGANISATION]:
        raise ForgedError("the certificate is of another organisation")
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < SMALLEST_KEY:
        raise ForgedError(f"the certificate has no RSA key of at least {SMALLEST_KEY} bits")
    return key


@cache
def roots_in(path: Path) -> Store:
    """The authorities in a file, PEM or DER. OSError where it cannot be read."""
    return Store(parse(path.read_bytes()))


@cache
def system_roots() -> Store:
    """What this machine trusts. :class:`ForgedError` where it trusts nobody: then nobody can be known."""
    return roots_of(ssl.create_default_context().get_ca_certs(binary_form=True))


def roots_of(certificates: Iterable[bytes]) -> Store:
    """A store of DER certificates; one that cannot be read is left out."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # old roots number themselves 0
        for certificate in certificates:
            with contextlib.suppress(ValueError):
                found.append(x509.load_der_x509_certificate(certificate))
    if not found:
        raise ForgedError("this machine trusts no certificate authority; name a file in webhook.authorities")
    return Store(found)

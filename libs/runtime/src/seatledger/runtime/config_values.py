"""What single values of ``seatledger.yaml`` have to be. A ValueError reads ``what is wrong; what to write instead``."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, SecretStr, ValidationInfo

from seatledger.runtime.addresses import is_loopback


def _beside_the_file(path: Path, info: ValidationInfo) -> Path:
    base: Path = (info.context or {}).get("base", Path())
    return (base / path.expanduser()).absolute()


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("this time zone is not known; use an IANA name such as Europe/Amsterdam") from None
    return name


def _safe_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("this is no web address; write https://HOST")
    if parts.username or parts.password:
        raise ValueError("credentials do not belong into an address; use the keys for them")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("http:// would send secrets in clear text to another host; use https://")
    return url.rstrip("/")


def _before_the_api(url: str) -> str:
    if "atservicesrest" in url.lower():
        raise ValueError("the address goes too far; write the part before /ATServicesRest")
    return url


def _one_line(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value():
        raise ValueError("it is empty; put the secret into the variable or file that the reference names")
    if not secret.get_secret_value().isprintable():
        raise ValueError("it has more than one line, or letters that cannot be printed; a secret is one line of text")
    return secret


def _for_a_header(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().isascii():
        raise ValueError("it has a letter that Autotask cannot have given; copy it again as plain ASCII text")
    return secret


def _servers(servers: str) -> str:
    if "@" in servers or "://" in servers:
        raise ValueError("this is no list of brokers; write HOST:PORT,HOST:PORT, and a user under broker.sasl_username")
    return servers


def _host_and_port(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("this is no address to listen on; write HOST:PORT, port 0 for any free one")
    return address


FilePath = Annotated[Path, AfterValidator(_beside_the_file)]
"""A path that starts at the configuration file."""
WebUrl = Annotated[str, AfterValidator(_safe_url)]
Listen = Annotated[str, AfterValidator(_host_and_port)]
Secret = Annotated[SecretStr, AfterValidator(_one_line)]
"""A secret as it stands in its variable or file, without the white space around it."""
HeaderSecret = Annotated[Secret, AfterValidator(_for_a_header)]
"""A secret that goes into an HTTP header."""
TimeZone = Annotated[str, AfterValidator(_known_zone)]
Servers = Annotated[str, AfterValidator(_servers)]
AutotaskUrl = Annotated[WebUrl, AfterValidator(_before_the_api)]

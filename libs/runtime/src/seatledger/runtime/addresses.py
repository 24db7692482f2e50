"""Which hosts are this machine."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a host name or address without port is this machine's loopback. Names are not resolved: a name that
    somebody's DNS points at 127.0.0.1 today may point elsewhere tomorrow."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """The same for the host of a web address."""
    return is_loopback(urlsplit(url).hostname or "")

"""Which hosts the writer may talk to (interface.md: ``allow_embedded``, ``unknown_wait_seconds``)."""

from seatledger.runtime.addresses import is_loopback_url
from seatledger.runtime.config import LEAST_REMOTE_WAIT, AutotaskConfig, Config
from seatledger.runtime.embedded import refused_embedded


def why_not(config: Config, psa: AutotaskConfig, url: str) -> tuple[str, str] | None:
    """What is wrong with an address and what to do, or None. Asked of the configured host and of the zone's."""
    if is_loopback_url(url):
        return None
    embedded = refused_embedded(config, psa, url)
    if embedded is not None:
        return embedded
    if psa.unknown_wait_seconds < LEAST_REMOTE_WAIT:
        return (
            f"unknown_wait_seconds is {psa.unknown_wait_seconds:g} and {url} is not this machine",
            f"Set it to at least {LEAST_REMOTE_WAIT}: Autotask may carry a request out for five minutes",
        )
    if url.startswith("http://"):
        return f"{url} would carry the secret in clear text", "Use https://"
    return None

"""What the embedded broker and store are not for (interface.md: ``allow_embedded``)."""

from seatledger.runtime.addresses import is_loopback_url
from seatledger.runtime.config import AutotaskConfig, Config


def refused_embedded(config: Config, psa: AutotaskConfig, url: str) -> tuple[str, str] | None:
    """What is wrong with writing to this address on the embedded stack, and what to do; None where nothing is."""
    embedded = config.broker.url is None or config.store.url is None
    if not embedded or psa.allow_embedded or is_loopback_url(url):
        return None
    return (
        f"on the embedded stack {url} is refused: its broker forgets, and is for demo, tests and trial",
        "Name a broker and a store, or set allow_embedded: true",
    )

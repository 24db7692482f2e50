"""What of a source's payload is kept and shown: nothing secret, and nothing that names or reaches a person.

One rule for the collector, which stores payloads, and for ``explain``, which shows them and rows of files.
"""

import re
from decimal import Decimal
from typing import Any

from seatledger.schemas.base import Json

_LEFT_OUT = re.compile(
    r"token|secret|password|authorization|^links$|email|phone|first_?name|last_?name|friendly_?name|address|contact"
    r"|attention|userprincipalname",
    re.IGNORECASE,
)
"""Some links carry keys; a friendly name is a nickname that somebody gave."""
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def without_people(content: Json) -> Json:
    """The same without what is secret or personal, at any depth. Exact decimals become text, as JSON has none."""
    return {str(key): _clean(value) for key, value in content.items() if not _LEFT_OUT.search(str(key))}


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return without_people(value)
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    if isinstance(value, Decimal):
        return str(value)
    return _ADDRESS.sub("[address]", value) if isinstance(value, str) else value

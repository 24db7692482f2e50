"""Takes the secrets of this process out of texts that leave it: logs, errors, reasons, answers, dead letters.

The last line of defence (docs/decisions/0025-secrets-by-value.md): a vendor's error may quote what we sent, and an
exception of a library the header that it could not encode. Keys that look like secrets are hidden by
:mod:`seatledger.runtime.logs` besides.
"""

import base64
import json
import resource
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "[hidden]"
SHORTEST: Final = 6
"""Characters; a shorter secret is part of so many words that texts without it could not be read."""


class Redactor:
    """Secret values by name, with all their spellings. One that is renewed takes the place of the older one."""

    def __init__(self) -> None:
        self.spellings: dict[str, tuple[str, ...]] = {}

    def know(self, name: str, secret: str) -> None:
        """Hide this value from now on, however it is spelled."""
        if len(secret) >= SHORTEST:
            # The longest first: one spelling may be a part of another.
            self.spellings[name] = tuple(sorted(set(_spellings(secret)), key=len, reverse=True))

    def clean(self, text: str) -> str:
        """The text with ``[hidden]`` for each secret in it."""
        for spellings in self.spellings.values():
            for spelling in spellings:
                if spelling in text:
                    text = text.replace(spelling, HIDDEN)
        return text


REDACTOR: Final = Redactor()
"""The one of this process. Its entry points tell it the configured secrets, adapters what they are given later."""


def _spellings(secret: str) -> Iterator[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield ascii(secret.encode())[2:-1]
    yield quote(secret)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    for before in range(3):
        text = _inside_base64(secret.encode(), before)
        yield text
        yield text.translate(str.maketrans("+/", "-_"))


def _inside_base64(secret: bytes, before: int) -> str:
    """The letters of a base64 text that are the secret's alone where ``before`` bytes (modulo 3) stand before it."""
    whole = base64.b64encode(b"\0" * before + secret).decode()
    start = (0, 2, 3)[before]
    end = (before + len(secret)) * 8 // 6
    return whole[start:end]


def tell_traceback(error: BaseException) -> None:
    """Write it to stderr, without secrets."""
    sys.stderr.write(REDACTOR.clean("".join(traceback.format_exception(error))))


def guard_crashes() -> None:
    """Whatever ends this process, or a thread of it, with a traceback tells it without secrets; no core is written, for
    it would hold them all."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.excepthook = lambda _kind, error, _trace: tell_traceback(error)
    threading.excepthook = sys.unraisablehook = _tell_of


def _tell_of(happened: Any) -> None:
    if happened.exc_value is not None:
        tell_traceback(happened.exc_value)

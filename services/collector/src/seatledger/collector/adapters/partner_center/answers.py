"""What an answer that is no success means: three error envelopes, and how long the source wants to be left alone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from seatledger.collector.adapters.partner_center.http import Answer
from seatledger.runtime.redaction import REDACTOR

LONGEST_TEXT: Final = 200
WRONG_MODE: Final = "900329"
"""A call that wants App+User made with an App-only token (or the other way round)."""
WRONG_AUDIENCE: Final = "900420"
SEND_AGAIN: Final = frozenset({408, 425, 500, 502, 503, 504})

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")


@dataclass(frozen=True)
class Fault:
    """Code and words of an error, whichever envelope they came in. ``retryable`` None: it did not say."""

    status: int
    code: str = ""
    text: str = ""
    retryable: bool | None = None

    def __str__(self) -> str:
        code = f" (code {self.code})" if self.code else ""
        return f"it answers {self.status}{code}" + (f": {self.text}" if self.text else "")


def fault_of(answer: Answer) -> Fault:
    """``{code, description}``, ``{code, message, errorName, isRetryable}``, ``{statusCode, message}``, and what the
    token endpoint says (``{error, error_description}``). Addresses of people are taken out, and
    our own secrets: an error may quote the request."""
    body = answer.body if isinstance(answer.body, dict) else {}
    code = body.get("code", body.get("errorName", body.get("error", "")))
    words = next((body[key] for key in ("description", "message", "error_description") if body.get(key)), "")
    retryable = body.get("isRetryable")
    return Fault(
        answer.status,
        "" if isinstance(code, dict | list) or code is None else REDACTOR.clean(str(code))[:LONGEST_TEXT],
        _plain(words),
        retryable if isinstance(retryable, bool) else None,
    )


def _plain(words: Any) -> str:
    line = REDACTOR.clean(" ".join(str(words).split()))
    return _ADDRESS.sub("[address]", line)[:LONGEST_TEXT]


def may_be_sent_again(fault: Fault) -> bool:
    """Whether the same call may succeed a little later: the server's own trouble, never a refusal."""
    return fault.status in SEND_AGAIN or fault.retryable is True


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds for which the source wants no call (``Retry-After``: seconds or a date); None where it does not say."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text, re.ASCII):
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now.timestamp())

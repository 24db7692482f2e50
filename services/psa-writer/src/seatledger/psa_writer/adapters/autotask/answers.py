"""Autotask's errors, classified by text (reference section 5): status 500 is a refusal as often as a fault."""

from typing import Any, Final

from seatledger.psa_writer.adapters.autotask.http import Answer
from seatledger.psa_writer.domain.verdict import DUPLICATE
from seatledger.psa_writer.ports import (
    Posted200,
    PostOutcome,
    PsaCredentialsError,
    PsaError,
    PsaPermissionError,
    PsaUnreachableError,
    Refused,
    ThreadLimit,
    Unauthorized,
    Unknown,
)
from seatledger.runtime.redaction import REDACTOR
from seatledger.schemas.intents import Refusal

REFUSALS: Final[tuple[tuple[str, Refusal], ...]] = (
    ("effectivedate must be between the start date and end date", Refusal.CONTRACT_ENDED),
    ("already approved and posted contract period", Refusal.PERIOD_POSTED),
    ("negative", Refusal.BELOW_ZERO),
    ("reference value on field:", Refusal.BY_PSA),
    ("unexpected character encountered while parsing value", Refusal.BY_PSA),
    ("unable to find", Refusal.BY_PSA),
    ("adequate permissions", Refusal.BY_PSA),
)
"""Texts that say for certain that nothing was done, by a part of them in lower case."""
THREADS: Final = "api thread threshold"
BAD_CODE: Final = "integrationcode is invalid"
PERMISSION: Final = "permissions"
LONGEST_TEXT: Final = 300


def errors_of(answer: Answer) -> str | None:
    """The texts of the ``errors`` array; None where the body has none, "" where it is empty. Our own secrets are taken
    out: an error may quote the request."""
    body = _lower_keys(answer.body)
    errors = body.get("errors")
    if errors is None:
        return None
    texts = errors if isinstance(errors, list) else [errors]
    return REDACTOR.clean("; ".join(str(text) for text in texts))[:LONGEST_TEXT]


def posted(answer: Answer) -> PostOutcome:
    """What a POST of an adjustment came to. A 200 without errors is success, whatever ``itemId`` is."""
    text = errors_of(answer)
    if answer.status == 401:
        return Unauthorized("401: user name or secret refused")
    return _without_errors(answer) if text is None else _with_errors(text, answer.status)


def _with_errors(text: str, status: int) -> PostOutcome:
    lowered = text.lower()
    if THREADS in lowered:
        return ThreadLimit()
    if BAD_CODE in lowered:
        return Unauthorized(text)
    kind = next((kind for part, kind in REFUSALS if part in lowered), None)
    if kind is not None and DUPLICATE not in lowered:
        return Refused(kind, text, status, permission=PERMISSION in lowered)
    return Unknown(text or "an empty list of errors", status, permission=status == 403)


def _without_errors(answer: Answer) -> PostOutcome:
    if answer.status == 200 and isinstance(answer.body, dict):
        return Posted200()
    why = "an answer that is not Autotask's" if answer.status == 200 else f"status {answer.status}"
    return Unknown(why, answer.status, permission=answer.status == 403)


def failed_read(answer: Answer, entity: str) -> PsaError | None:
    """The error that a read's answer stands for; None where it is one. HTTP 200 with errors is a failure."""
    text = errors_of(answer)
    if answer.status == 200 and text is None and isinstance(answer.body, dict):
        return None
    lowered = (text or "").lower()
    if answer.status == 401 or BAD_CODE in lowered:
        return PsaCredentialsError("the sign-in was refused")
    if answer.status == 403 or PERMISSION in lowered:
        return PsaPermissionError(entity, text or f"status {answer.status}")
    return PsaUnreachableError(f"{entity}: status {answer.status}: {text or 'no errors text'}")


def _lower_keys(body: Any) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in body.items()} if isinstance(body, dict) else {}

"""Logs: a JSON object a line on stderr (text for people on a terminal), stamped with machine time, without secrets."""

import contextlib
import logging
import re
import sys
import time
from collections.abc import MutableMapping
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from seatledger.runtime.redaction import HIDDEN, REDACTOR

_SECRET_KEY: Final = re.compile(
    r"secret|password|passwd|token|authorization|integration_?code|api_?key|credential|cookie", re.IGNORECASE
)
_PASSWORD_IN_URL: Final = re.compile(r"(://[^/\s:@]*):[^/\s@]*@")
_QUIET_SECONDS: Final = 30.0
"""A library's message of one kind is written once in this time: aiokafka writes 100 lines a second without a broker."""


def configure_logs(service: str, replica: str, *, level: int = logging.INFO) -> FilteringBoundLogger:
    """Set up logging for this process and return its logger, bound to service and replica."""
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", Forgiving(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    log = cast("FilteringBoundLogger", structlog.get_logger().bind(service=service, replica=replica))
    _adopt_libraries(log)
    return log


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide values under keys that look like secrets, passwords in addresses, and this process's secrets anywhere."""
    return {key: HIDDEN if _SECRET_KEY.search(key) else _clean(value) for key, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, int | float | None):
        return value
    if isinstance(value, dict):
        return {key: HIDDEN if _SECRET_KEY.search(str(key)) else _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    text = REDACTOR.clean(value if isinstance(value, str) else repr(value))
    return _PASSWORD_IN_URL.sub(r"\1:" + HIDDEN + "@", text) if "://" in text else text


class Forgiving:
    """A stream that never raises: a full disk below the log must not end the task that has something to say."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


class LibraryHandler(logging.Handler):
    """Hands warnings of libraries to our log, each kind at most once in 30 s with the number left out."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._last: dict[tuple[str, str], float] = {}
        self._left_out: dict[tuple[str, str], int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        kind = (record.name, str(record.msg)[:80])
        now = time.monotonic()
        if now - self._last.get(kind, -_QUIET_SECONDS) < _QUIET_SECONDS:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return
        self._last[kind] = now
        self._log.log(
            min(record.levelno, logging.ERROR),
            record.getMessage(),
            library=record.name,
            left_out=self._left_out.pop(kind, 0),
            **({"exc_info": record.exc_info} if record.exc_info else {}),
        )


def _adopt_libraries(log: FilteringBoundLogger) -> None:
    root = logging.getLogger()
    for handler in [*root.handlers]:
        if isinstance(handler, LibraryHandler):
            root.removeHandler(handler)
    root.addHandler(LibraryHandler(log))
    root.setLevel(logging.WARNING)

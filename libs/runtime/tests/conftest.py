"""Fixtures of the runtime's tests."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from seatledger.runtime.redaction import REDACTOR, Redactor


@pytest.fixture
def own_logging() -> Iterator[None]:
    """For tests that set up logging: it is as before afterwards."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def redactor() -> Iterator[Redactor]:
    """This process's own; it knows nothing more afterwards than before."""
    before = dict(REDACTOR.spellings)
    yield REDACTOR
    REDACTOR.spellings = before

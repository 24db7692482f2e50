"""One running installation for each module that asks for it."""

from collections.abc import Iterator

import pytest

from tests.integration.hands import Stack, new_folder, remove


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Mapped, read once and idle; its folder stays where a test of the session failed."""
    failed_before = request.session.testsfailed
    running = Stack(new_folder())
    try:
        running.begin()
        yield running
    finally:
        running.close()
        if request.session.testsfailed == failed_before:
            remove(running.folder)

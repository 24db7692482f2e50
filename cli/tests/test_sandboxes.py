"""``seatledger sandbox``: what it starts in its own place."""

import os
import sys
from pathlib import Path

import pytest

from seatledger.cli.commands.sandboxes import autotask


@pytest.mark.parametrize(("tls", "more"), [(False, []), (True, ["--tls"])])
def test_autotask_becomes_the_sandbox(monkeypatch: pytest.MonkeyPatch, tls: bool, more: list[str]) -> None:
    """The command hands its options to the sandbox's own module and becomes its process."""
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _program, argv: started.append(argv))
    autotask(seed=Path("at.yaml"), port=0, tls=tls)
    own = ["--seed", "at.yaml", "--port", "0", "--host", "127.0.0.1"]
    assert started == [[sys.executable, "-m", "autotask_sandbox", *own, *more]]

"""Where the answer cannot be written: nobody reads it any more, or the disk under it is full."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def carried_out(*words: str, out: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "seatledger.cli", *words],
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", [("--help",), ("completion", "bash"), ("completion", "bash", "--json")])
def test_a_reader_that_has_gone_is_no_fault(words: tuple[str, ...]) -> None:
    """As with ``| head``: nothing on stderr, and the pipeline does not fail."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = carried_out(*words, out=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [("completion", "bash"), ("completion", "bash", "--json")])
def test_a_full_disk_under_the_answer_is_one_line(words: tuple[str, ...]) -> None:
    """It says what happened and what to do, without a traceback."""
    with Path("/dev/full").open("w") as full:
        done = carried_out(*words, out=full.fileno())
    assert done.returncode == 4
    assert done.stderr == "error: stdout: the disk is full. Make room there, then repeat the command\n"

"""What `make test-kafka` says at its end."""

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.product import ROOT

MODULE = "libs/devstack/tests/test_kafka.py"
"""One of its tests is skipped where no Apache Kafka is, and marked all the same."""


def run(*words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "SEATLEDGER_KAFKA"}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout


def test_what_needs_a_broker_and_was_left_out_is_counted(tmp_path: Path) -> None:
    """A run on Apache Kafka of a part alone does not look like one of all: pytest's own reports are compared."""
    embedded, kafka = str(tmp_path / "embedded.xml"), str(tmp_path / "kafka.xml")
    pytest = ("-m", "pytest", "-q", "-p", "no:cacheprovider", MODULE)
    run(*pytest, f"--junitxml={embedded}")
    run(*pytest, f"--junitxml={kafka}", "-m", "not broker")
    assert run(".ci/side_by_side.py", embedded, embedded).splitlines()[3:] == [
        "skipped              1               1",
        "of the tests that need a broker, 0 did not run on Apache Kafka",
    ]
    said = run(".ci/side_by_side.py", embedded, kafka).splitlines()
    assert said[3:] == [
        "skipped              0               0",
        "of the tests that need a broker, 1 did not run on Apache Kafka",
    ]

"""Secrets are taken out of texts by their values, in every spelling in which something may quote them."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from libs.runtime.tests.samples import CALENDAR, LOG, Told, record
from seatledger.runtime.bus import MemorySink, Received, Subscription
from seatledger.runtime.config_file import keep_secrets, load_config
from seatledger.runtime.dead_letters import DeadLetterSink
from seatledger.runtime.delivery import Delivery
from seatledger.runtime.logs import configure_logs
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.redaction import HIDDEN, Redactor
from seatledger.runtime.testing import JumpingMachine
from seatledger.schemas.commands import CommandIssued
from seatledger.schemas.topics import COMMANDS

SECRET = "k\"7\\q/+ä &='%~x"
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False),
    "Python": repr,
    "Python's bytes": lambda text: repr(text.encode()),
    "an address": quote,
    "a part of an address": lambda text: quote(text, safe=""),
    "a form": quote_plus,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 after one byte": lambda text: base64.b64encode(b":" + text.encode()).decode(),
    "base64 after two bytes": lambda text: base64.b64encode(b"u:" + text.encode() + b"\n").decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(b"user:" + text.encode()).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_hidden_however_it_is_spelled(spelling: str) -> None:
    """Whoever quotes what we sent may have escaped or encoded it before."""
    redactor = Redactor()
    redactor.know("it", SECRET)
    quoted = SPELLINGS[spelling](SECRET)
    told = redactor.clean(f"refused: <{quoted}> in the header")
    assert told.startswith("refused: <")
    assert told.endswith("> in the header")
    assert HIDDEN in told
    # base64 cannot be cut between bytes: two letters at an end hold less than one byte of the secret
    assert len(told.replace(HIDDEN, "")) <= len("refused: <> in the header") + 10


def test_a_renewed_secret_takes_the_place_of_the_older_one() -> None:
    """A token a hour would else fill the memory of a process that runs for years."""
    redactor = Redactor()
    redactor.know("token", "first-token")
    redactor.know("token", "second-token")
    assert redactor.clean("first-token second-token") == f"first-token {HIDDEN}"


def test_what_is_too_short_is_left_alone() -> None:
    """A secret of some letters would be found in half of all words."""
    redactor = Redactor()
    redactor.know("it", "auto")
    assert redactor.clean("automatic") == "automatic"


def test_each_secret_of_the_configuration_is_known(redactor: Redactor, tmp_path: Path) -> None:
    """Those of the PSA and of sources, broker and store, the password inside the store's address alone."""
    words = {name: f"canary-{name}" for name in ("secret", "code", "client", "sasl")}
    for name, word in words.items():
        (tmp_path / name).write_text(word)
    (tmp_path / "url").write_text("mongodb://reader:canary%2Fstore@db.example:27017/")
    main = {
        "kind": "autotask", "url": "https://psa.example", "username": "canary-user", "secret": "${file:secret}",
        "integration_code": "${file:code}", "timezone": "UTC", "currency": "EUR",
    }  # fmt: skip
    cloud = {
        "kind": "partner-center", "psa": "main", "url": "https://pc.example", "authority_url": "https://login.example",
        "tenant": "t", "client_id": "c", "client_secret": "${file:client}",
    }  # fmt: skip
    whole = {
        "psa": {"main": main},
        "sources": {"cloud": cloud},
        "broker": {"url": "b:9092", "sasl_mechanism": "PLAIN", "sasl_username": "u", "sasl_password": "${file:sasl}"},
        "store": {"url": "${file:url}"},
    }
    path = tmp_path / "seatledger.yaml"
    path.write_text(json.dumps(whole))
    keep_secrets(load_config(path))
    for word in (*words.values(), "canary-user", "canary/store", "canary%2Fstore"):
        assert redactor.clean(f"<{word}>") == f"<{HIDDEN}>"
    assert redactor.clean("db.example:27017") == "db.example:27017"


def test_logs_hide_a_secret_in_any_value(
    redactor: Redactor, capsys: pytest.CaptureFixture[str], own_logging: None
) -> None:
    """In the words, in lists, in what is no text at all, and in a traceback with its causes."""
    redactor.know("it", SECRET)
    log = configure_logs("mapper", "mapper-1")
    try:
        try:
            raise ValueError(SECRET)
        except ValueError as error:
            raise RuntimeError("later") from error
    except RuntimeError:
        log.warning(f"words {SECRET}", listed=[SECRET], thing=Path(SECRET), mapped={"a": {"b": SECRET}}, exc_info=True)
    written = capsys.readouterr().err
    assert "RuntimeError: later" in written
    assert written.count(HIDDEN) >= 5
    assert not [name for name, spell in SPELLINGS.items() if spell(SECRET).strip("\"'") in written]


async def test_a_handlers_failure_is_buried_without_secrets(redactor: Redactor) -> None:
    """What a dead letter and its finding say of a failure is kept for good, and read by others."""
    redactor.know("it", SECRET)
    sink, told = MemorySink(), Told()

    async def fail(_batch: Sequence[Received]) -> None:
        raise ValueError(f"no header {SECRET}")

    dead_letters = DeadLetterSink("psa-writer", "psa-writer.commands.v1", 3, sink, told, CALENDAR)
    subscription = Subscription(COMMANDS, fail, accepts=(CommandIssued,))
    await Delivery(subscription, dead_letters.send, JumpingMachine(), Metrics(), LOG).take([record(1)])
    (letter,), (finding,) = sink.published, told.drafts
    assert letter.event.data["why"] == f"the handler failed: ValueError: no header {HIDDEN}"
    assert HIDDEN in finding.message
    assert SECRET not in finding.message


@pytest.mark.parametrize(
    "crash",
    ["raise ValueError(WORD)", "threading.Thread(target=lambda: 1 / 0 if not WORD else int(WORD)).start()"],
    ids=["the process", "a thread"],
)
def test_a_crash_tells_no_secret(crash: str) -> None:
    """A traceback on stderr, which lands in a log file, keeps its words and loses the secret."""
    program = (
        "import threading\n"
        "from seatledger.runtime.redaction import REDACTOR, guard_crashes\n"
        "WORD = 'canary-of-a-crash'\n"
        "REDACTOR.know('it', WORD)\n"
        "guard_crashes()\n"
        f"{crash}\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "ValueError" in done.stderr
    assert HIDDEN in done.stderr
    assert "canary-of-a-crash" not in done.stderr


def test_a_crash_leaves_no_core() -> None:
    """A core file is the memory of the process, secrets included."""
    program = (
        "import os, resource\n"
        "from seatledger.runtime.redaction import guard_crashes\n"
        "guard_crashes()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "(0, 0)\n"

"""Options, exit codes, errors and help of every command."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App
from rich.console import Console

from seatledger.cli.app import build_app, run

PROGRAM = Path(sys.executable).with_name("seatledger")


def commands(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command and group by its words."""
    yield path, app
    for name in app:
        if not name.startswith("-"):
            yield from commands(app[name], (*path, name))


def help_text(words: tuple[str, ...]) -> str:
    app = build_app()
    console = Console(width=240, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123  # swallowed
    try:
        app.help_print(list(words), console=console)
        return console.export_text()
    finally:
        console.file.close()


def examples(words: tuple[str, ...]) -> list[str]:
    return re.findall(r"Example: (seatledger .*?)\s*$", help_text(words), re.MULTILINE)


ALL = sorted(path for path, _ in commands(build_app()))
RELEASED = {
    "up", "run", "topics apply", "collect", "mirror", "drain", "status", "check", "findings", "map import",
    "map export",
    "map list", "map company", "map offer", "map contract", "map ignore", "map unset", "map reset", "plan list",
    "plan show", "plan approve", "plan reject", "resolve", "explain", "tail", "resync", "sandbox autotask",
    "conformance", "dead list", "dead show", "dead retry", "ledger export", "completion",
}  # fmt: skip


def test_every_command_of_the_interface_is_there() -> None:
    """The commands that interface.md marks for this release exist under their names."""
    assert {" ".join(path) for path in ALL} >= RELEASED


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_help_has_an_example_that_parses(path: tuple[str, ...]) -> None:
    """Each help shows an example, and the command line accepts that example as it stands."""
    found = examples(path)
    assert found
    for example in found:
        words = shlex.split(example.split(" > ")[0])[1:]
        tokens = _without_global_options(words)
        command, _, _ = build_app().parse_args(tokens, exit_on_error=False, print_error=False)
        assert command.__name__ != "help_print", f"{example} is no complete command"


def _without_global_options(words: list[str]) -> list[str]:
    kept = [word for word in words if word not in {"--json", "--debug"}]
    if "--config" in kept:
        at = kept.index("--config")
        del kept[at : at + 2]
    return kept


def test_global_options_may_stand_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--config and --json before, behind and in the middle of a command mean the same."""
    missing = str(tmp_path / "none.yaml")
    lines = (
        ["--config", missing, "--json", "plan", "list"],
        ["plan", "list", "--config", missing, "--json"],
        ["plan", "--json", "list", f"--config={missing}"],
    )
    for words in lines:
        assert run(build_app(), words) == 2
        said = json.loads(capsys.readouterr().out)
        assert said["error"]["where"] == missing


@pytest.mark.parametrize(
    "words",
    [
        ["colect"],
        ["collect", "--bogus"],
        ["collect", "a", "b"],
        ["map", "company", "drop", "C-1", "not-a-number"],
        ["resolve", "held-1", "restore"],
        ["plan", "approve", "p"],
        ["drain", "--timeout", "soon"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_ends_with_2_and_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be parsed exits 2, on stderr as WHERE: WHAT. WHAT TO DO, and as JSON on stdout."""
    assert run(build_app(), [*words, "--json"]) == 2
    taken = capsys.readouterr()
    assert re.match(r"error: command line: .+\. See `seatledger[a-z ]* --help`", taken.err)
    error = json.loads(taken.out)["error"]
    assert set(error) == {"code", "where", "message", "do"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sttus"], 'Unknown command "sttus"; did you mean "status". See `seatledger --help`'),
        (["map", "frob"], 'Unknown command "frob". See `seatledger map --help`'),
        (["drain", "--timeot", "3"], "Unknown option: --timeot; did you mean --timeout. See `seatledger drain --help`"),
        (
            ["plan", "show"],
            'Command "plan show" parameter PLAN requires an argument. See `seatledger plan show --help`',
        ),
    ],
    ids=["command", "subcommand", "option", "argument"],
)
def test_a_typing_error_is_one_plain_sentence(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest word is offered with the help of that very command, and no cut-off list stands in the line."""
    assert run(build_app(), words) == 2
    assert capsys.readouterr().err == f"error: command line: {told}\n"


def test_help_shows_no_default_that_says_nothing() -> None:
    """A flag that is off, an empty list and an empty text are no defaults that a person wants to read."""
    for path in ALL:
        assert not re.search(r'\[default: (False|\(\)|"")\]', help_text(path)), path


def write(folder: Path, **changes: object) -> Path:
    """A configuration without broker and store, on an empty state folder."""
    main = {
        "kind": "autotask", "url": "http://127.0.0.1:1", "username": "u", "secret": "${env:CLI_SECRET}",
        "integration_code": "${env:CLI_SECRET}", "timezone": "UTC", "currency": "EUR",
    }  # fmt: skip
    whole = {"psa": {"main": main}, "sources": {"north": {"kind": "file-drop", "psa": "main", "folder": "n"}}}
    path = folder / "seatledger.yaml"
    path.write_text(json.dumps({**whole, **changes}))
    return path


def test_a_misspelt_key_is_named_with_the_nearest_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A configuration with an unknown key exits 2 with its path, its line and the nearest valid key."""
    monkeypatch.setenv("CLI_SECRET", "s")
    path = write(tmp_path, topcis={"prefix": "x"})
    assert run(build_app(), ["findings", "--config", str(path), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "configuration"
    assert "topcis" in error["where"]
    assert ":1" in error["where"]
    assert "topics" in error["do"]


def test_without_a_running_stack_the_exit_code_is_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where neither `up` runs nor addresses are configured, a command says so at once and exits 4."""
    monkeypatch.setenv("CLI_SECRET", "s")
    monkeypatch.delenv("SEATLEDGER_BROKER", raising=False)
    path = write(tmp_path)
    for words in (["findings"], ["collect"], ["tail"], ["run", "mapper"], ["topics", "apply"]):
        assert run(build_app(), [*words, "--config", str(path)]) == 4
        assert "seatledger up" in capsys.readouterr().err


def test_a_run_file_of_a_dead_up_is_no_running_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a kill -9 of `up` its run.json stays; commands do not wait for addresses behind which nobody is."""
    monkeypatch.setenv("CLI_SECRET", "s")
    path = write(tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / "st").mkdir()
    document = {"ready": True, "pid": dead.pid, "broker": "127.0.0.1:1", "store": "mongodb://127.0.0.1:1"}
    (tmp_path / "st" / "run.json").write_text(json.dumps({**document, "services": {}}))
    assert run(build_app(), ["findings", "--config", str(path)]) == 4
    assert "no broker and store run" in capsys.readouterr().err


def test_a_traceback_needs_debug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --debug people get one line; with it the traceback of the error behind it too."""
    path = str(tmp_path / "none.yaml")
    run(build_app(), ["findings", "--config", path])
    assert "Traceback" not in capsys.readouterr().err
    run(build_app(), ["findings", "--config", path, "--debug"])
    assert "Traceback" in capsys.readouterr().err


def test_the_program_starts_fast_enough_to_be_called_in_a_loop() -> None:
    """Help costs well under a second of CPU: services' libraries are not loaded for it."""
    code = (
        "import sys; from seatledger.cli.app import build_app, run; run(build_app(), ['--help']);"
        "heavy={'faststream','pymongo','aiokafka','seatledger.runtime.mongo','seatledger.devstack'}&set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_program_is_installed_beside_python() -> None:
    """The console script exists and says its version."""
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", done.stdout)


def test_the_readme_shows_every_command_as_it_is_typed() -> None:
    """Each example of the README parses, and no command is missing from it."""
    text = (Path(__file__).parents[1] / "README.md").read_text()
    shown = set()
    for example in re.findall(r"\| `seatledger (.*?)` \|", text):
        words = _without_global_options(shlex.split(example.split(" > ")[0]))
        build_app().parse_args(words, exit_on_error=False, print_error=False)
        shown |= {command for command in RELEASED if " ".join(words).startswith(command)}
    assert shown == RELEASED

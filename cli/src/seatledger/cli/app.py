"""The command line: every command by name, the options that all share, and how commands end.

Commands live in :mod:`seatledger.cli.commands`, one file a subject. Whatever is heavy is imported inside a command, so
that a look at the findings costs a fraction of a second.
"""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, Parameter

from seatledger.cli.commands import (
    checking,
    collecting,
    completing,
    dead,
    draining,
    explaining,
    exporting,
    finding,
    mapping,
    mirroring,
    planning,
    proving,
    resyncing,
    running,
    sandboxes,
    statuses,
    tailing,
    topics,
)
from seatledger.cli.context import Context
from seatledger.cli.errors import CliError, Exit
from seatledger.runtime.redaction import REDACTOR, tell_traceback

_HELP = """Keeps the licence seats that distributors bill equal to the units on Autotask contracts.

Example: seatledger drain --timeout 60 --json"""


def build_app() -> App:
    """All commands."""
    app = App(
        name="seatledger",
        help=_HELP,
        version=_version,
        help_format="plaintext",
        default_parameter=Parameter(negative=(), show_default=_default),
    )
    app.meta.group_parameters = Group("Everywhere, before or behind the command")
    for name, command in (
        ("up", running.up),
        ("run", running.run),
        ("collect", collecting.collect),
        ("mirror", mirroring.mirror),
        ("drain", draining.drain),
        ("status", statuses.status),
        ("check", checking.check),
        ("findings", finding.findings),
        ("resolve", finding.resolve),
        ("explain", explaining.explain),
        ("tail", tailing.tail),
        ("resync", resyncing.resync),
        ("conformance", proving.conformance),
        ("completion", completing.completion_of(app)),
    ):
        app.command(command, name=name)
    app.command(topics.app)
    app.command(mapping.app)
    app.command(planning.app)
    app.command(dead.app)
    app.command(exporting.app)
    app.command(sandboxes.app)
    app.meta.default(_launcher(app))
    return app


def _default(value: object) -> str | None:
    """A default as help shows it; none for what is simply left out: a flag, a list, an empty text."""
    return None if value is None or value is False or value in ((), "") else str(value)


def run(app: App, words: list[str]) -> int:
    """Carry out one command line; the exit code. Never raises but with ``--debug``."""
    context = Context(json="--json" in words, debug="--debug" in words)
    try:
        code = app.meta(words, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CliError as error:
        return _fail(context, error)
    except CycloptsError as error:
        command = " ".join(("seatledger", *(error.command_chain or ())))
        return _fail(context, CliError("usage", "command line", _plainly(error), f"See `{command} --help`"))
    except KeyboardInterrupt:
        return 130
    except (BrokenPipeError, SystemExit):  # the reader of our output has gone, as with `| head`; rich exits for that
        _close_output()
        return 0
    except Exception as error:
        if context.debug:
            raise
        return _fail(context, _unforeseen(error))
    return int(code or 0)


def _unforeseen(error: Exception) -> CliError:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        if error.filename is None:
            _close_output()
        where, do = str(error.filename or "stdout"), "Make room there, then repeat the command"
        return CliError("disk", where, "the disk is full", do, exit_code=Exit.UNREACHABLE)
    text = f"{type(error).__name__}: {error}".strip().rstrip(".")
    do = "Repeat with --debug for the traceback, and report it"
    return CliError("internal", "seatledger", text, do, exit_code=Exit.UNREACHABLE)


def _plainly(error: CycloptsError) -> str:
    """What the parser found wrong, without its cut-off list of commands, which --help has whole."""
    text = str(error).partition(" Available commands:")[0].strip()
    text = text.replace(". Did you mean ", "; did you mean ")
    return text.rstrip(".?")


def _launcher(app: App) -> Any:
    def launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        config: Path = Path("seatledger.yaml"),
        json: bool = False,
        debug: bool = False,
    ) -> int:
        """Take the options that all commands share, then carry out the rest.

        Parameters
        ----------
        config
            The configuration file (JSON is YAML too).
        json
            One JSON document on stdout; all else on stderr.
        debug
            A traceback where a command fails.
        """
        command, bound, ignored = app.parse_args(tokens, exit_on_error=False, print_error=False)
        context = Context(config, json, debug)
        code: int | None = command(*bound.args, **bound.kwargs, **dict.fromkeys(ignored, context))
        return code or 0

    return launch


def _fail(context: Context, error: CliError) -> int:
    if context.debug and error.__cause__ is not None:
        tell_traceback(error)
    context.note(REDACTOR.clean(f"error: {error}"))
    if context.json:
        told = {key: REDACTOR.clean(text) for key, text in error.document["error"].items()}
        context.document({"error": told})
    return int(error.exit_code)


def _close_output() -> None:
    """Nothing can be written to stdout any more; nor may the last flush complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _version() -> str:
    from importlib.metadata import version

    return version("seatledger-cli")

"""The examples in the help of the commands, as people read them there."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from cyclopts import App
from rich.console import Console

from seatledger.cli.app import build_app

STARTS_A_PROCESS = ("up", "run", "sandbox", "conformance")
"""Commands that become or start processes."""


def examples(wanted: Callable[[str], bool]) -> list[str]:
    """What stands behind *Example:* in the help of every command and group whose first word is wanted, each once."""
    app = build_app()
    return sorted({one for path in _paths(app) if wanted(path[0]) for one in _told(app, path)})


def _paths(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in app:
        if not name.startswith("-"):
            yield (*path, name)
            yield from _paths(app[name], (*path, name))


def _told(app: App, path: tuple[str, ...]) -> list[str]:
    with Path("/dev/null").open("w") as nowhere:
        console = Console(width=240, record=True, file=nowhere)
        app.help_print(list(path), console=console)
        return re.findall(r"Example: seatledger (.*?)\s*$", console.export_text(), re.MULTILINE)

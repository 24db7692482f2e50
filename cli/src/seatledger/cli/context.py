"""What holds for every command, wherever its options stood on the line, and where its answer goes."""

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Row = dict[str, Any]

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z")
UNFOLDED = 1000
"""Columns where the answer goes into a file or a pipe: nothing is folded there, so that it can be searched."""
WHOLE = ("id", "hash", "name", "source", "state")
"""Columns that are never folded, because people copy what stands in them."""
NARROWEST = 16
"""Columns that a folded one keeps at least, where it holds that much: one word a line is no sentence."""


@dataclass(frozen=True)
class Context:
    """The global options. ``json``: stdout is one JSON document, everything else goes to stderr."""

    config: Path = Path("seatledger.yaml")
    json: bool = False
    debug: bool = False

    @cached_property
    def console(self) -> "Console":
        """For answers to people, on stdout."""
        from rich.console import Console

        width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else UNFOLDED
        return Console(soft_wrap=False, highlight=False, emoji=False, markup=False, width=width)

    @cached_property
    def notes(self) -> "Console":
        """For progress and remarks, on stderr."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, emoji=False, markup=False)

    def document(self, value: Any) -> None:
        """The one JSON document of a command (or one line of JSON Lines)."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """An answer for people; nothing with ``--json``."""
        if not self.json:
            self.console.print(text, soft_wrap=True)

    def note(self, text: str) -> None:
        """A remark on stderr, which never belongs to the answer."""
        self.notes.print(text, soft_wrap=True)

    def table(self, title: str, rows: Sequence[Row], columns: Sequence[str], *, empty: str) -> None:
        """Rows for people below their title; columns that hold nothing are left out, so that the rest fits. Where it
        still does not fit the terminal, each row is a paragraph: nothing that people copy is folded or cut off."""
        if not rows:
            self.say(empty)
            return
        filled = [column for column in columns if any(row.get(column) not in (None, "") for row in rows)]
        if title:
            self.say(f"{title}:")
        table = _table(rows, filled)
        if self._fits(table):
            self.console.print(table)
        else:
            self.say("\n\n".join(_paragraph(row, filled) for row in rows))

    def _fits(self, table: "Table") -> bool:
        """Whether the columns that are folded keep :data:`NARROWEST` columns beside those that are not."""
        from rich.measure import Measurement

        unbounded = self.console.options.update(max_width=UNFOLDED)
        return Measurement.get(self.console, unbounded, table).minimum <= self.console.width

    @contextmanager
    def progress(self, text: str) -> Iterator["Progress"]:
        """A line that moves while work goes on; none where stderr is not a terminal."""
        if not self.notes.is_terminal:
            yield Progress()
            return
        with self.notes.status(text) as status:
            yield Progress(status.update)


class Progress:
    """Says how far the work is, where there is somebody to see it."""

    def __init__(self, show: Any = None) -> None:
        self._show = show

    @property
    def is_seen(self) -> bool:
        return self._show is not None

    def say(self, text: str) -> None:
        if self._show is not None:
            self._show(text)


Ctx = Annotated[Context, Parameter(parse=False)]
"""How a command asks for the :class:`Context`; it is no option of its own."""


ServiceName = Literal["collector", "mapper", "contract-planner", "psa-writer"]
"""A service as people name it, where a shell completes it."""


def cell(value: Any) -> str:
    """A value of an answer as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict) and set(value) == {"amount", "currency"}:
        return f"{Decimal(value['amount']):.2f} {value['currency']}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {number}" for key, number in value.items())
    text = str(value)
    instant = _INSTANT.fullmatch(text)
    return f"{instant[1]} {instant[2]}Z" if instant else text


def _table(rows: Sequence[Row], columns: Sequence[str]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        shown = [cell(row.get(column)) for row in rows]
        numeric = all(isinstance(row.get(column), int | None) for row in rows)
        justify: Literal["left", "right"] = "right" if numeric else "left"
        whole = numeric or column in WHOLE
        widest = max(len(text) for text in (*shown, *column.split("_")))
        least = None if whole else min(NARROWEST, widest)
        name = column.replace("_", " ")
        table.add_column(name, justify=justify, overflow="fold", no_wrap=whole, min_width=least)
    for row in rows:
        table.add_row(*(cell(row.get(column)) for column in columns))
    return table


def _paragraph(row: Row, columns: Sequence[str]) -> str:
    """One fact a line, the first one as its heading."""
    told = [(column.replace("_", " "), cell(row.get(column))) for column in columns]
    (_, heading), *rest = told
    return "\n".join([heading, *(f"  {name}: {text}" for name, text in rest if text)])

"""What people call a source, and the account that it is everywhere else (docs/decisions/0016-renamed-sources.md).

Stored documents, events and commands bear the name under which an account was first collected. Here, at the command
line's edge, that name and the one in the configuration are exchanged, both ways.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from seatledger.cli.context import Row
from seatledger.cli.session import known

if TYPE_CHECKING:
    from seatledger.runtime.config import Config
    from seatledger.schemas.ids import SourceName


def account(config: "Config", typed: str) -> "SourceName":
    """The account of a source that somebody typed; exit 2 with the nearest name where there is none.

    An account's first name is understood too: it stands in files and sentences that were written before.
    """
    from seatledger.schemas.ids import SourceName

    first = SourceName(typed)
    if first in config.accounts:
        return first
    name = SourceName(known("source", typed, list(config.sources)))
    return config.sources[name].renamed_from or name


def account_or_same(config: "Config", typed: "SourceName") -> "SourceName":
    """Like :func:`account` for rows of a file: what is no source goes as it stands, for its owner to refuse."""
    source = config.sources.get(typed)
    return (source.renamed_from if source else None) or typed


def renamed(config: "Config") -> dict[str, str]:
    """The accounts that have another name than their first: first name to today's."""
    return {source.renamed_from: name for name, source in config.sources.items() if source.renamed_from}


def shown(config: "Config", row: Row) -> Row:
    """An answer's row with its source, and the sentences that name one, as people call it now."""
    names = renamed(config)
    source = row.get("source")
    if not names or source is None:
        return row
    said = {name: in_text(names, row[name]) for name in ("message", "do", "error") if isinstance(row.get(name), str)}
    return {**row, **said, "source": names.get(source, source)}


def in_text(names: Mapping[str, str], text: str) -> str:
    """A sentence of a service with today's names: whole words alone, no part of a path or of a longer name."""
    for first, now in names.items():
        text = re.sub(rf"(?<![\w./-]){re.escape(first)}(?![\w-]|\.\w)", now, text)
    return text

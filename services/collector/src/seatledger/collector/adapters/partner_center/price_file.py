"""The price list's file: read again when it changed, and never a reason to stop."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final

from seatledger.collector.adapters.partner_center.prices import Parsed, PriceList, parse, unpriced, unreadable
from seatledger.collector.domain.reading import Problem, Row
from seatledger.schemas.ids import OfferKey
from seatledger.schemas.subscriptions import Status

LARGEST: Final = 50_000_000
"""Bytes; a longer file is no price list."""
BILLED: Final = frozenset({Status.ACTIVE, Status.SUSPENDED})


@dataclass
class PriceFile:
    """``path`` None: no prices are wanted, and none is missed; so too where it is ``optional`` and not there."""

    path: Path | None
    optional: bool = False
    _parsed: Parsed = field(default_factory=Parsed)
    _seen: tuple[int, int] | None = None

    async def load(self) -> PriceList:
        """The list as the file has it now. What is wrong with it is in :meth:`problems`."""
        if self.path is not None:
            await asyncio.to_thread(self._load, self.path)
        return self._parsed.prices

    def problems(self) -> tuple[Problem, ...]:
        return self._parsed.problems

    def _load(self, path: Path) -> None:
        try:
            if self.optional and not path.exists():
                self._parsed, self._seen = Parsed(), None
                return
            stat = path.stat()
            if (stat.st_mtime_ns, stat.st_size) == self._seen:
                return
            if stat.st_size > LARGEST:
                raise OSError(f"it is longer than {LARGEST} bytes")
            parsed = parse(path.name, path.read_bytes())
        except OSError as error:
            self._seen = None
            parsed = Parsed(problems=(unreadable(path.name, error.strerror or str(error)),), readable=False)
        else:
            self._seen = (stat.st_mtime_ns, stat.st_size)
        self._parsed = parsed if parsed.readable else replace(parsed, prices=self._parsed.prices)

    def priced(self, rows: Iterable[Row], today: date) -> tuple[Row, ...]:
        """The rows with price and cost."""
        return tuple(self._priced(row, today) for row in rows)

    def _priced(self, row: Row, today: date) -> Row:
        found = self._parsed.prices.find(row.offer, row.term_start, today)
        return row if found is None else replace(row, unit_price=found.price, unit_cost=found.cost)

    def missed(self, rows: Sequence[Row]) -> list[Problem]:
        """What is billed and has no price, a finding a plan."""
        if self.path is None or (self.optional and self._seen is None):
            return []
        name = self.path.name
        without: dict[OfferKey, list[Row]] = {}
        for row in rows:
            if row.status in BILLED and row.unit_price is None:
                without.setdefault(row.offer, []).append(row)
        return [unpriced(name, offer, some[0].offer_name, len(some)) for offer, some in without.items()]

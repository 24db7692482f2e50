"""Somebody who copies what a guide says into a folder and a terminal."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scenarios import world

ROOT = Path(__file__).parents[2]
ANYTHING = "…"
TARGETS = {"company": "101", "offer": "9001"}
"""Of docs/getting-started.md's customer and offer."""
FOREIGN, KAFKA = "SEATLEDGER_", "SEATLEDGER_KAFKA"
"""A reader has none of the tests' own variables, save the one by which ``up`` starts Apache Kafka."""


def blocks(guide: Path, language: str) -> list[str]:
    """The fenced blocks of one language in a guide, indented ones (in a list) too."""
    fenced = re.findall(rf"^( *)```{language}\n(.*?)^\1```", guide.read_text(), re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in fenced]


def steps(block: str) -> list[tuple[str, list[str]]]:
    """Each command of a block with the lines that it should show."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def missing(shown: list[str], said: str) -> str | None:
    """The first line that a guide shows and the command did not say, in its order; None where all are there."""
    lines = iter([" ".join(line.split()) for line in said.splitlines()])
    for wanted in shown:
        parts = [re.escape(" ".join(part.split())) for part in wanted.split(ANYTHING)]
        pattern = re.compile(".*".join(parts))
        if any(parts) and not any(pattern.search(line) for line in lines):
            return wanted
    return None


class Reader:
    """One terminal in one folder; ``PLAN`` and ``HASH`` in a command are the only plan's, once they are known."""

    def __init__(self, folder: Path, programs: Path = Path(sys.executable).parent) -> None:
        self.folder = folder
        self.port = str(world.free_port())
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN) or name == KAFKA},
            "PATH": f"{programs}:{os.environ['PATH']}",
            "AT_SECRET": "a-secret-for-trial",
            "AT_CODE": "TRIALCODE",
            "COLUMNS": "200",
        }
        self.names: dict[str, str] = {}
        """What the guide calls PLAN and HASH."""

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text.replace("8701", self.port))

    def fill_in(self, name: str) -> None:
        """The column ``target`` of a table of mappings, as a person does in a spreadsheet."""
        with (self.folder / name).open() as file:
            rows = list(csv.DictReader(file))
        with (self.folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({**row, "target": TARGETS[row["kind"]]} for row in rows)

    def set(self, **values: str) -> None:
        """Other values for keys that stand in ``seatledger.yaml``."""
        file = self.folder / "seatledger.yaml"
        text = file.read_text()
        for key, value in values.items():
            text = re.sub(rf"\b{key}: \w+", f"{key}: {value}", text)
        file.write_text(text)

    def run(self, commands: str) -> str:
        """All that the commands of one block say."""
        return "".join(self.one(line) for line in commands.strip().splitlines())

    def one(self, line: str) -> str:
        """What one command says; it ends with 0, or with 1 where something needs a person."""
        text = line.replace("8701", self.port)
        for name, value in self.names.items():
            text = re.sub(rf"\b{name}\b", value, text)
        done = subprocess.run(
            ["sh", "-c", text], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1), f"{text}: {done.stderr}"
        return done.stdout

    def compare(self, guide: Path) -> list[str]:
        """Every command of the guide's ``console`` blocks says what the guide shows below it; the commands."""
        found = [step for block in blocks(guide, "console") for step in steps(block)]
        assert found, guide
        for command, shown in found:
            said = self.one(command)
            assert missing(shown, said) is None, f"{command}\n{missing(shown, said)}\nit said:\n{said}"
        return [command for command, _ in found]

    def remember_the_plan(self) -> None:
        [plan] = json.loads(self.one("seatledger plan list --json"))
        self.names = {"PLAN": plan["id"], "HASH": plan["hash"]}

    @contextmanager
    def running(self, command: str, until: str) -> Iterator[None]:
        """A terminal of its own, until Ctrl-C."""
        words = command.replace("8701", self.port).split()
        process = subprocess.Popen(
            words, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if until in line:
                    break
            else:
                pytest.fail("".join(said))
            yield
        finally:
            process.terminate()
            process.communicate(timeout=30)

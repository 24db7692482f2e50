"""Documents say what the code does: topics, findings, snippets, headings."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from scenarios import world
from seatledger.runtime.config_file import load_config
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.topics import TOPICS
from tests.architecture.product import ROOT, SERVICES

HEADINGS = ("owns", "does not own", "topics", "time", "failure")
PLANNED = ("design.md", "interface.md", "kernel.md")
"""Documents that also say what later releases will have."""
GUIDES = sorted(
    path
    for pattern in ("README.md", "docs/*.md", "cli/README.md", "libs/*/README.md", "services/*/README.md")
    for path in ROOT.glob(pattern)
    if path.name not in PLANNED
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SUBCOMMANDS = ("map", "plan", "topics", "sandbox")
"""Commands that are groups of commands."""


def guide(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(path.read_text()) if kind == language]


def test_documents_name_the_topics_that_exist() -> None:
    """The README's picture has every declared topic, and no document names one that is not declared."""
    declared = {topic.name for topic in TOPICS}
    pattern = re.compile(r"\b(?:subscriptions|adjustments|findings|commands|dead)(?:\.[a-z]+)*\.v\d+\b")
    assert set(pattern.findall((ROOT / "README.md").read_text())) == declared
    for path in (*ROOT.glob("docs/**/*.md"), *ROOT.glob("*/*/README.md")):
        assert set(pattern.findall(path.read_text())) <= declared, guide(path)


def test_every_finding_of_the_interface_exists() -> None:
    """The codes that docs/interface.md promises for this release are those of the schemas, no more and no fewer."""
    text = (ROOT / "docs" / "interface.md").read_text()
    listed = re.search(r"Codes: (.+?)\. In file drop", text, re.DOTALL)
    assert listed
    this_release = listed.group(1).partition("(4)")[0]
    assert set(re.findall(r"[a-z_]+", this_release)) == {code.value for code in FindingCode}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_says_what_it_is_for(service: str) -> None:
    """Its README says what it owns and does not own, its topics, its time and its failure, each as a heading."""
    text = (ROOT / "services" / service / "README.md").read_text()
    spoken = [first or second for first, second in re.findall(r"^#+ (.+)$|\*\*(.+?)\*\*", text, re.MULTILINE)]
    spoken += re.findall(r"^\| ([a-z ]+?) \|", text, re.MULTILINE)
    said = [each.lower() for each in spoken]
    for heading in HEADINGS:
        assert any(each.startswith(heading) for each in said), f"nothing on {heading!r}"


def test_no_text_names_a_machine_or_a_registry() -> None:
    """A clone works anywhere: no path of one machine, no host of one registry, in any file under version control."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout here")
    told = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/\w|/opt/wheels|pythonhosted\.org|pypi\.org/simple")
    guilty = [
        f"{path}: {hit.group()}"
        for path in listed.stdout.split("\0")
        if path and path != "tests/architecture/test_documents.py" and (ROOT / path).is_file()
        for hit in told.finditer((ROOT / path).read_text(errors="replace"))
    ]
    assert guilty == []


@pytest.mark.parametrize("path", GUIDES, ids=guide)
def test_yaml_in_guides_is_yaml(path: Path) -> None:
    """What a reader copies can be read."""
    for text in blocks(path, "yaml"):
        assert yaml.safe_load(text)


@pytest.mark.parametrize("path", ["README.md", "docs/configuration.md", "docs/partner-center.md"])
def test_configurations_in_guides_are_accepted(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ``seatledger.yaml`` from a guide loads as it stands, once the secrets that it names are there."""
    for name in ("AT_SECRET", "PC_SECRET"):
        monkeypatch.setenv(name, "s")
    (tmp_path / "at_code").write_text("c")
    found = blocks(ROOT / path, "yaml")
    assert found
    for text in found:
        (tmp_path / "seatledger.yaml").write_text(text)
        assert load_config(tmp_path / "seatledger.yaml").psa


def test_the_configuration_guide_shows_every_default() -> None:
    """docs/configuration.md says what holds where a key is left out: each value that it shows is the default."""
    shown = yaml.safe_load(blocks(ROOT / "docs" / "configuration.md", "yaml")[0])
    promised = (ROOT / "docs" / "interface.md").read_text()
    block = yaml.safe_load(re.sub(r"…", "x", blocks_of(promised)[0]))
    for key, value in shown["psa"]["main"].items():
        if key not in {"url", "username", "secret", "integration_code"}:
            assert block["psa"]["main"][key] == value, key


def blocks_of(text: str) -> list[str]:
    return [found for kind, found in FENCE.findall(text) if kind == "yaml"]


def commands(path: Path) -> set[tuple[str, ...]]:
    """Commands of ours in a guide's code: the subcommand, with its own subcommand where it has some."""
    text = path.read_text()
    code = "\n".join([found for _, found in FENCE.findall(text)] + re.findall(r"`([^`\n]+)`", FENCE.sub("", text)))
    found: set[tuple[str, ...]] = set()
    for first, second in re.findall(
        r"(?:^|[\s/&(])seatledger ([a-z]+)(?:[ \t]+([a-z]+(?:-[a-z]+)*))?", code, re.MULTILINE
    ):
        found.add((first, second) if first in SUBCOMMANDS and second else (first,))
    return found


@cache
def helped(words: tuple[str, ...]) -> str:
    done = subprocess.run([world.PROGRAM, *words, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"seatledger {' '.join(words)}: {done.stderr}"
    return done.stdout


def test_guides_use_commands_that_exist() -> None:
    """Every ``seatledger …`` in a guide's code is a command whose help answers, with an example."""
    named = sorted(set().union(*(commands(path) for path in GUIDES)))
    assert ("up",) in named
    for words in named:
        assert "Example: seatledger" in helped(words), words


def test_guides_use_make_targets_that_exist() -> None:
    """Every ``make …`` in a guide's code is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in GUIDES:
        text = path.read_text()
        code = "\n".join([found for _, found in FENCE.findall(text)] + re.findall(r"`([^`\n]+)`", text))
        assert set(re.findall(r"(?:^|\s)make ([a-z]+)", code, re.MULTILINE)) <= targets, guide(path)

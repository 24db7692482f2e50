"""The pages for those who run it name every finding, only commands that can be given, and what the repository has."""

import configparser
import re
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from cyclopts import App

from seatledger.cli.app import build_app
from seatledger.runtime.config_file import load_config
from seatledger.schemas.findings import FindingCode
from tests.architecture.product import ROOT, SERVICES
from tests.architecture.test_documents import FENCE, GUIDES, blocks, guide

DOCS = ROOT / "docs"
UNITS = ROOT / "deploy" / "systemd"
NUMBERS = {"COMPANY": "101", "SERVICE": "9001", "CONTRACT": "5001"}
"""What a guide leaves open and the command line reads as a number."""
SHELL = re.compile(r"\s#.*$|\s(?:>|\||&&).*$|[;)].*$")
"""What ends a command of ours in a line of shell."""


def rows(page: str) -> list[list[str]]:
    """The cells of each row of a page's tables."""
    lines = [line for line in (DOCS / page).read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_every_finding_is_explained_once() -> None:
    """docs/when-held.md has one row for each code that any service can raise, with what it means and what to do."""
    told = [row for row in rows("when-held.md") if row[0].startswith("`")]
    assert sorted(row[0].strip("`") for row in told) == sorted(code.value for code in FindingCode)
    assert [row[0] for row in told if len(row) != 3 or not all(row)] == []


@cache
def program() -> App:
    return build_app()


def given(path: Path) -> list[str]:
    """Commands of ours in a guide: the lines of its code, and what stands in its sentences with an argument."""
    text = path.read_text()
    found = []
    for _, code in FENCE.findall(text):
        for line in code.replace("\\\n", " ").splitlines():
            found += re.findall(r"^(?:\$ )?(?:.*?&& )?(seatledger .*)$", line.strip())
    for span in re.findall(r"`(seatledger [^`\n]+)`", FENCE.sub("", text)):
        found += [span] if re.search(r"[A-Z0-9]|--", span) and "…" not in span else []
    return [SHELL.sub("", command).strip() for command in found]


def parsed(command: str) -> None:
    """Read it as the command line does; raises where it is none."""
    words = [NUMBERS.get(word, word) for word in shlex.split(command)[1:]]
    if "--config" in words:
        place = words.index("--config")
        del words[place : place + 2]
    words = [word for word in words if word not in ("--json", "--debug")]
    if words not in (["--help"], ["--version"]):
        program().parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("path", GUIDES, ids=guide)
def test_commands_in_guides_can_be_given(path: Path) -> None:
    """Each command of ours in a guide is accepted by the command line's own parser, arguments and options included."""
    for command in given(path):
        try:
            parsed(command)
        except Exception as error:  # whatever the parser says, with the command that it is about
            pytest.fail(f"{command}: {error}")


def test_the_parser_refuses_what_is_no_command() -> None:
    """The test above can fail: a misspelt command, a missing argument and an option that is none are refused."""
    for wrong in ("seatledger drian", "seatledger plan approve PLAN", "seatledger drain --timeuot 5"):
        with pytest.raises(Exception, match=r"."):
            parsed(wrong)


def anchors(path: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text()), re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", sorted({*GUIDES, *ROOT.glob("*/*/README.md"), *DOCS.glob("**/*.md")}), ids=guide)
def test_links_lead_to_headings_that_exist(path: Path) -> None:
    """A relative link leads to a file, and its anchor to a heading of that file."""
    for place, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)", FENCE.sub("", path.read_text())):
        target = (path.parent / place) if place else path
        assert target.exists(), place
        assert not anchor or anchor in anchors(target), f"{place}#{anchor}"


def test_the_index_has_every_page() -> None:
    """docs/README.md leads to each page of docs/, and the README to the index."""
    linked = set(re.findall(r"\]\(([\w-]+\.md)", (DOCS / "README.md").read_text()))
    assert linked == {path.name for path in DOCS.glob("*.md")} - {"README.md"}
    assert "(docs/README.md)" in (ROOT / "README.md").read_text()


def test_the_installed_configuration_is_accepted(tmp_path: Path) -> None:
    """docs/install.md's ``seatledger.yaml`` loads as it stands, and gives each service a port that stays."""
    (text,) = blocks(DOCS / "install.md", "yaml")
    (tmp_path / "secrets").mkdir()
    for name in ("store_url", "at_secret", "at_code"):
        (tmp_path / "secrets" / name).write_text("mongodb://127.0.0.1:1/?replicaSet=rs0")
    (tmp_path / "seatledger.yaml").write_text(text)
    config = load_config(tmp_path / "seatledger.yaml")
    ports = {config.services[service].http for service in SERVICES}
    assert len(ports) == len(SERVICES)
    assert not [port for port in ports if port.endswith(":0")]


def test_the_installed_wheels_are_those_that_run() -> None:
    """docs/install.md builds each wheel that a service or the command line needs, and no sandbox, out of locks that are
    there."""
    (install,) = [block for block in blocks(DOCS / "install.md", "sh") if "pip wheel" in block]
    built = {path for pattern in re.findall(r"\s\./(\S+)", install) for path in ROOT.glob(pattern)}
    ours = {path.parents[1] for pattern in ("*", "*/*") for path in ROOT.glob(f"{pattern}/src/seatledger")}
    assert {path for path in built if (path / "pyproject.toml").is_file()} == ours
    for lock in re.findall(r"-r (\S+)", install):
        assert (ROOT / lock).is_file(), lock


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment]  # systemd's names have capitals
    found.read(UNITS / name)
    return found


def test_the_units_run_every_service_where_the_guide_puts_it() -> None:
    """The target wants all four; each runs the installed program with the guide's configuration, and stays down where
    that is wrong."""
    wanted = unit("seatledger.target")["Unit"]["Wants"].split()
    assert wanted == [f"seatledger@{service}.service" for service in SERVICES]
    service = unit("seatledger@.service")["Service"]
    command = service["ExecStart"].replace("%i", SERVICES[0])
    parsed(command)
    text = (DOCS / "install.md").read_text()
    for part in (command.split()[0], command.split()[-1], service["User"], f"/var/lib/{service['StateDirectory']}"):
        assert part in text, part
    assert service["RestartPreventExitStatus"] == "2"
    for path in UNITS.iterdir():
        assert f"deploy/systemd/{path.name}" in text, path.name


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here to verify its units with")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """``systemd-analyze verify`` has nothing to say, the program's path apart."""
    for path in UNITS.glob("seatledger*[et]"):
        text = path.read_text().replace("/opt/seatledger/bin/seatledger", "/bin/true")
        (tmp_path / path.name.replace("@.", "@mapper.")).write_text(text)
    names = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run(["systemd-analyze", "verify", *names], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if str(tmp_path) in line]) == (0, [])

"""README.md, followed word for word in a clone and an environment of its own: a minute, hence a part of ``.ci/run``."""

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.integration.reader import ROOT, Reader, blocks

README = ROOT / "README.md"


def clean() -> dict[str, str]:
    """The environment of somebody who has never been here: nothing of this checkout's, nothing of its Python."""
    foreign = ("SEATLEDGER_", "PYTHON", "VIRTUAL_ENV", "MAKE", "AT_", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    path = [part for part in kept["PATH"].split(":") if not part.startswith(str(ROOT))]
    return {**kept, "PATH": ":".join(path), "COLUMNS": "200"}


def after(script: str, folder: Path) -> dict[str, str]:
    """The environment of a terminal in which these lines were typed; its ``PWD`` is where they led."""
    done = subprocess.run(["sh", "-ec", f"{script}\nenv -0"], cwd=folder, env=clean(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return dict(pair.split("=", 1) for pair in done.stdout.decode().split("\0") if pair)


def autotask() -> str:
    """The tenant of docs/getting-started.md, with the credentials that the README makes up."""
    seed = yaml.safe_load(blocks(ROOT / "docs" / "getting-started.md", "yaml")[0])
    user = {"username": "api@example.com", "secret": "the API user's secret", "integrationCode": "the integration code"}
    return yaml.safe_dump({**seed, "users": [user]})


@pytest.mark.newcomer
def test_the_readme_leads_from_a_clone_to_a_plan(tmp_path: Path) -> None:
    """Cloned, installed, configured, mapped, and in the end a plan is there, by the commands of the README alone."""
    clone = tmp_path / "seatledger"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    prepare, up, look, collect, decide = blocks(README, "sh")
    environment = after(prepare, clone)
    reader = Reader(Path(environment["PWD"]))
    reader.environment = environment
    reader.write("autotask.yaml", autotask())
    (configuration,) = blocks(README, "yaml")
    reader.write("seatledger.yaml", configuration.replace("https://webservices.autotask.net", "http://127.0.0.1:8701"))
    with ExitStack() as stack:
        sandbox = "seatledger sandbox autotask --seed autotask.yaml --port 8701"
        stack.enter_context(reader.running(f"{environment['PATH'].split(':')[0]}/{sandbox}", '"url"'))
        stack.enter_context(reader.running(f"{environment['PATH'].split(':')[0]}/{up.strip()}", "ready: 4 services"))
        assert "right to add ContractServiceAdjustments" in reader.run(look)
        reader.write("drop/export.csv", blocks(ROOT / "docs" / "file-drop.md", "csv")[0])
        reader.run(collect)
        reader.fill_in("mappings.csv")
        assert "proposed" in reader.run(decide)
        reader.remember_the_plan()
        reader.compare(README)
    assert clone in Path(reader.one("command -v seatledger").strip()).parents

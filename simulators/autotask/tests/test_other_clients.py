"""Clients that know nothing of this sandbox, run against it without a change."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from autotask_sandbox.facts import world

PACKAGE = "@apigrate/autotask-restapi@2.0.1"
SCRIPT = Path(__file__).with_name("node_client.js")
SECONDS = 120


def _run(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"npm_config_update_notifier": "false"} | more
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client installed by npm; skips with the reason where that is not possible."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node and npm are not installed")
    folder = tmp_path_factory.mktemp("node")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--fetch-retries=0"]
    try:
        done = _run([npm, "install", *quiet, PACKAGE], folder)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm had not fetched {PACKAGE} after {SECONDS} s")
    if done.returncode:
        pytest.skip(f"npm could not fetch {PACKAGE}: {done.stderr.strip()[-200:]}")
    shutil.copy(SCRIPT, folder / SCRIPT.name)
    return folder


def test_the_node_client(node_folder: Path, start: Callable[..., Any]) -> None:
    """It finds the zone, reads, writes, deletes and adjusts over https, and hears refusals as it expects them."""
    url = start(world(), "--tls").url
    authority = node_folder / "ca.pem"
    authority.write_bytes(httpx2.get(f"{url}/_sandbox/ca.pem", verify=False).content)
    done = _run(["node", SCRIPT.name, f"{url}/ATServicesRest/"], node_folder, NODE_EXTRA_CA_CERTS=str(authority))
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    status, text = seen.pop("refused")
    assert (status, "negative" in text) == (500, True)
    assert seen == {
        "company": "Fabrikam",
        "missing": None,
        "contracts": [501, 502, 503],
        "count": 12,
        "patched": 501,
        "description": "by node",
        "replaced": None,
        "line": {"serviceID": 9002, "unitPrice": 30, "units": 4},
        "adjusted": None,
        "note": 2999,
        "deleted": True,
        "picklist": "Recurring Service",
        "modules": True,
        "noRoute": None,
        "badSecret": 401,
        "noZone": True,
    }

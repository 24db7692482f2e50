"""The script that makes MongoDB a replica set of one with a user, run by Node on a server that is played."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.containers.container_files import COMPOSE_FOLDER, ENGINE, ROLES

NODE = shutil.which("node")


def asked(**state: Any) -> list[dict[str, Any]]:
    """What the script asks of a server in this state."""
    if NODE is None:
        pytest.skip("needs Node, which is not on the PATH")
    play = Path(__file__).with_name("mongosh.js")
    given = {"refusals": 0, "elections": 0, "initiated": False, "role": None, "user": None} | state
    done = subprocess.run(
        [NODE, play, COMPOSE_FOLDER / "init-mongodb.js", json.dumps(given)], capture_output=True, text=True, check=True
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_a_new_server_gets_its_set_and_its_user() -> None:
    """It is waited for, becomes a replica set of one, and has a primary before role and user are made."""
    connected, initiated, role, made = asked(refusals=3, elections=2)
    assert unquote(connected["url"]).startswith("mongodb://root:the mongodb_root_password@mongodb:27017/admin")
    assert initiated == {"replSetInitiate": {"_id": "rs0", "members": [{"_id": 0, "host": "mongodb:27017"}]}}
    assert role == {"createRole": {"role": "seatledgerEngine", **ENGINE}}
    assert made == {"createUser": {"user": "seatledger", "pwd": "the mongodb_password", "roles": ROLES}}


def test_a_second_run_changes_the_password_alone() -> None:
    """On a server that has both nothing is made twice; a new secret becomes the user's password."""
    given = {"role": {"role": "seatledgerEngine"}, "user": {"user": "seatledger"}}
    _, _, role, changed = asked(initiated=True, **given)
    assert role == {"updateRole": "seatledgerEngine", **ENGINE}
    assert changed == {"updateUser": "seatledger", "pwd": "the mongodb_password", "roles": ROLES}

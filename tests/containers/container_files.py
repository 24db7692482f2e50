"""Dockerfile and docker-compose.yml as values: the tests run what stands in the files, not a copy of it."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FOLDER = ROOT / "deploy" / "compose"
CONFIGURATIONS = {name: COMPOSE_FOLDER / f"{name}.yaml" for name in ("seatledger", "sandbox")}
SERVICES = ("collector", "mapper", "contract-planner", "psa-writer")
SANDBOXES = ("autotask-sandbox", "partner-center-sandbox")
JOBS = ("mongodb-init", "topics")
ROLES = [{"role": "readWrite", "db": "seatledger"}, {"role": "seatledgerEngine", "db": "admin"}]
"""What the user that mongodb-init makes may do; ``ENGINE`` is the second of them."""
ENGINE: dict[str, Any] = {"privileges": [{"resource": {"cluster": True}, "actions": ["serverStatus"]}], "roles": []}


def compose() -> dict[str, Any]:
    """docker-compose.yml, with variables at their defaults."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / "docker-compose.yml").read_text())
    whole: dict[str, Any] = yaml.safe_load(text)
    return whole


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"][name]
    return found


@dataclass(frozen=True)
class Instruction:
    """A line of the Dockerfile; ``words`` is what follows its name."""

    name: str
    words: str


def stages() -> list[list[Instruction]]:
    """The stages, each from its FROM on."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    found: list[list[Instruction]] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, words = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, words.strip()))
    return found


def image_health() -> list[str]:
    """The command of the image's HEALTHCHECK."""
    (check,) = (each for each in stages()[-1] if each.name == "HEALTHCHECK")
    command: list[str] = json.loads(check.words.partition("CMD ")[2])
    return command


def health_of(name: str) -> list[str]:
    """The command by which a container of compose is found healthy."""
    own = service(name).get("healthcheck")
    if own is None:
        return image_health()
    assert own["test"][0] == "CMD"
    command: list[str] = own["test"][1:]
    return command


def runs(stage: list[Instruction]) -> list[str]:
    """The shell lines that build a stage."""
    return [each.words for each in stage if each.name == "RUN"]


def copied(stage: list[Instruction]) -> list[tuple[list[str], str]]:
    """From the checkout: what is copied, and whereto."""
    words = [shlex.split(each.words) for each in stage if each.name == "COPY" and "--from=" not in each.words]
    return [(each[:-1], each[-1]) for each in words]

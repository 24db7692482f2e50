"""Puts Apache Kafka into .kafka: its artefacts by Maven, its settings out of docker-compose.yml. Run by make."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".kafka"
POM = Path(__file__).with_name("pom.xml")


def main() -> None:
    """Exits 1 with one line where Java or Maven is missing, or Maven fails."""
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if missing:
        sys.exit(f"seatledger: Apache Kafka needs Java 17 and Maven; not on the PATH: {', '.join(missing)}")
    HOME.mkdir(exist_ok=True)
    _copy_artefacts()
    (HOME / "environment.json").write_text(json.dumps(broker_environment(), indent=2) + "\n")


def broker_environment() -> dict[str, str]:
    """What docker-compose.yml gives to the broker's container."""
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["kafka"]
    return {name: str(value) for name, value in service["environment"].items()}


def _copy_artefacts() -> None:
    shutil.rmtree(HOME / "libs", ignore_errors=True)
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    log = HOME / "maven.log"
    with log.open("wb") as out:
        options = [f"-DoutputDirectory={HOME / 'libs'}", "-DincludeScope=runtime"]
        done = subprocess.run([*command, *options], stdout=out, stderr=subprocess.STDOUT, check=False)  # noqa: S603  # fixed argument list
    if done.returncode:
        sys.exit(f"seatledger: Maven could not fetch Apache Kafka; all of it is in {log}")


if __name__ == "__main__":
    main()

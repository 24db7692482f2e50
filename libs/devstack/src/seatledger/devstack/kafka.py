"""Apache Kafka in the place of the embedded broker: one KRaft node, for `make test-kafka` and nothing else.

``$SEATLEDGER_KAFKA`` names a folder with Kafka's own artefacts (``libs/*.jar``) and the settings it is to run with
(``environment.json``, from docker-compose.yml). It starts as its image does, by the image's own wrapper; only addresses
and the place of its data are ours. Unlike the embedded broker it keeps its records over a restart.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from seatledger.devstack.child import ChildSpec, base_env
from seatledger.devstack.errors import DevstackError
from seatledger.devstack.ports import LOOPBACK
from seatledger.devstack.probes import broker_answers

HOME_ENV = "SEATLEDGER_KAFKA"
_QUICK_JVM = "-Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A broker that lives for minutes spends more on starting than on anything else."""
_START = """
[ -e server.properties ] && [ -e data/meta.properties ] ||
"$JAVA" $JVM -cp "$JARS" kafka.docker.KafkaDockerWrapper setup \\
    --default-configs-dir . --mounted-configs-dir none --final-configs-dir . ||
[ -e data/meta.properties ] || exit
exec "$JAVA" $JVM -cp "$JARS" kafka.Kafka server.properties
"""
"""The wrapper writes server.properties from the environment and formats the data folder; one that is formatted already
it refuses, and that is well."""


def kafka_home(env: Mapping[str, str] = os.environ) -> Path | None:
    """Where Apache Kafka lies; None where the embedded broker is to run. DevstackError where nothing lies there."""
    if not (named := env.get(HOME_ENV)):
        return None
    home = Path(named).absolute()
    if not (home / "environment.json").is_file() or not any((home / "libs").glob("kafka_*.jar")):
        raise DevstackError(f"${HOME_ENV} names {home}, where no Apache Kafka lies; run `make .kafka`, or unset it")
    return home


def kafka_spec(home: Path, state_dir: Path, port: int, controller_port: int) -> ChildSpec:
    """How Apache Kafka runs on this port. Answers some 3 s after its start. Raises DevstackError without a Java."""
    java = shutil.which("java")
    if java is None:
        raise DevstackError("Apache Kafka needs Java, and there is no `java` on the PATH; install version 17 or later")
    settings = json.loads((home / "environment.json").read_text())
    folder = state_dir / "broker"
    folder.mkdir(exist_ok=True)
    (folder / "server.properties").unlink(missing_ok=True)  # of a stack before, with other ports
    return ChildSpec(
        name="broker",
        argv=["/bin/sh", "-c", _START],
        log=state_dir / "logs" / "broker.log",
        env=base_env()
        | {"JAVA": java, "JVM": _QUICK_JVM, "JARS": f"{home}/libs/*"}
        | _placed(settings, folder, port, controller_port),
        cwd=folder,
        ready=lambda: broker_answers(f"{LOOPBACK}:{port}"),
        ready_within=120.0,
        stop_within=0,  # what it acknowledged is kept all the same
    )


def _placed(settings: dict[str, str], folder: Path, port: int, controller_port: int) -> dict[str, str]:
    """The settings with one listener for clients and one for the controller, both on loopback."""
    controller, clients = settings["KAFKA_CONTROLLER_LISTENER_NAMES"], settings["KAFKA_INTER_BROKER_LISTENER_NAME"]
    return settings | {
        "KAFKA_LISTENERS": f"{clients}://{LOOPBACK}:{port},{controller}://{LOOPBACK}:{controller_port}",
        "KAFKA_ADVERTISED_LISTENERS": f"{clients}://{LOOPBACK}:{port}",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": f"{settings['KAFKA_NODE_ID']}@{LOOPBACK}:{controller_port}",
        "KAFKA_LOG_DIRS": str(folder / "data"),
    }

"""docker-compose.yml: each reference leads somewhere, what is declared is used, nothing is open to other machines."""

import re
import shutil
import stat
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from autotask_sandbox.seedfile import load_seed as load_autotask
from partner_center_sandbox.seedfile import load_seed as load_partner_center
from seatledger.cli.up.plan import MODULES
from seatledger.runtime.config_file import load_config
from tests.containers.container_files import (
    COMPOSE_FOLDER,
    CONFIGURATIONS,
    JOBS,
    ROOT,
    SANDBOXES,
    SERVICES,
    compose,
    health_of,
    service,
    stages,
)

WHOLE = compose()
CONTAINERS = WHOLE["services"]
OURS = (*SERVICES, "topics")
"""The containers of our image that have a configuration."""


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The secrets as make-secrets makes them, in a folder of the test's own."""
    script = tmp_path / "make-secrets"
    shutil.copy(COMPOSE_FOLDER / "make-secrets", script)
    subprocess.run(["sh", script], check=True, capture_output=True, env={"PATH": "/usr/bin:/bin"})
    return tmp_path / "secrets"


@pytest.mark.parametrize("kind", ["volumes", "secrets", "configs"])
def test_what_is_declared_is_used_and_what_is_used_is_declared(kind: str) -> None:
    """A volume, secret or config that nobody mounts is a leftover; one that is not declared stops compose."""
    used = set()
    for container in CONTAINERS.values():
        for each in container.get(kind, ()):
            used.add(each["source"] if isinstance(each, dict) else each.partition(":")[0])
    assert used == set(WHOLE[kind])


def test_files_that_are_named_exist(secrets: Path) -> None:
    """Each config is in the repository, each secret is made by make-secrets, and neither makes one too many."""
    for each in WHOLE["configs"].values():
        assert (ROOT / each["file"]).is_file()
    assert {Path(each["file"]).parent for each in WHOLE["secrets"].values()} == {Path("deploy/compose/secrets")}
    assert {path.name for path in secrets.iterdir()} == {Path(each["file"]).name for each in WHOLE["secrets"].values()}
    ignored = subprocess.run(["git", "check-ignore", "-q", "deploy/compose/secrets/any"], cwd=ROOT, check=False)
    assert ignored.returncode in (0, 128)  # 128: an unpacked release without git


def test_secrets_are_kept_apart_and_made_once(secrets: Path) -> None:
    """Random ones differ, a second call keeps all, given ones are taken, and the folder is its owner's alone."""
    made = {path.name: path.read_text().strip() for path in secrets.iterdir()}
    assert len({made[name] for name in ("mongodb_key", "mongodb_password", "mongodb_root_password")}) == 3
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o444}
    (secrets / "at_secret").unlink()
    env = {"PATH": "/usr/bin:/bin", "AT_SECRET": "given"}
    subprocess.run(["sh", secrets.parent / "make-secrets"], check=True, capture_output=True, env=env)
    assert {path.name: path.read_text().strip() for path in secrets.iterdir()} == made | {"at_secret": "given"}


def test_images_have_a_version() -> None:
    """A tag without a full version would be another program tomorrow; Kafka's is the one of `make test-kafka`."""
    tags = {name: container["image"].rpartition(":")[2] for name, container in CONTAINERS.items()}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", tag) for tag in tags.values()), tags
    pom = (ROOT / "deploy/kafka/pom.xml").read_text()
    assert f"<kafka.version>{tags['kafka']}</kafka.version>" in pom
    assert tags["mongodb"] == tags["mongodb-init"]


def test_one_container_builds_the_image_that_all_use() -> None:
    """Services, job and sandboxes are one image, built once."""
    assert [name for name, container in CONTAINERS.items() if "build" in container] == ["topics"]
    assert len({CONTAINERS[name]["image"] for name in (*OURS, *SANDBOXES)}) == 1


def test_only_this_machine_reaches_a_port() -> None:
    """Each published port is bound to the loopback address."""
    published = [port for container in CONTAINERS.values() for port in container.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_writer_can_be_scaled() -> None:
    """Neither a name nor a port of this machine keeps a second psa-writer from starting."""
    assert not {"container_name", "ports", "volumes", "hostname"} & CONTAINERS["psa-writer"].keys()


def test_every_container_waits_for_what_it_needs() -> None:
    """A dependency exists, is found healthy by a check of its own, or ends by itself."""
    for name, container in CONTAINERS.items():
        for other, how in container.get("depends_on", {}).items():
            match how["condition"]:
                case "service_healthy":
                    assert health_of(other), (name, other)
                case "service_completed_successfully":
                    assert other in JOBS
                case _:
                    assert how["condition"] == "service_started"
                    assert container["network_mode"] == f"service:{other}"
    assert all("topics" in CONTAINERS[name]["depends_on"] for name in SERVICES)


def test_jobs_end_and_services_come_back() -> None:
    """What is to run is started again by the engine after a crash and a reboot; a job that failed says so."""
    for name, container in CONTAINERS.items():
        assert container["restart"] == ("no" if name in JOBS else "unless-stopped"), name


def test_our_containers_can_do_little() -> None:
    """Read-only, no capability, no new privilege, whichever command they run."""
    for name in (*OURS, *SANDBOXES):
        container = CONTAINERS[name]
        assert container["read_only"] is True
        assert container["cap_drop"] == ["ALL"]
        assert container["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_runs_the_service_whose_name_it_bears(name: str) -> None:
    """`run` with a service that there is."""
    assert CONTAINERS[name]["command"] == ["run", name]
    assert name in MODULES


def test_volumes_are_the_users_own() -> None:
    """A named volume takes its owner from the image: the folder is made there for the user that the services run as."""
    made = next(each.words for each in stages()[-1] if each.name == "RUN")
    mounted = {each.partition(":")[2] for name in (*OURS, *SANDBOXES) for each in CONTAINERS[name].get("volumes", ())}
    assert mounted
    for path in mounted:
        assert f"install --directory --owner seatledger --group seatledger --mode 750 {path}" in made


@pytest.mark.parametrize("which", CONFIGURATIONS)
def test_the_configuration_fits_the_containers(which: str, secrets: Path, tmp_path: Path) -> None:
    """It can be read, names no secret that is not mounted, and each address and folder in it is a container's."""
    text = CONFIGURATIONS[which].read_text()
    named = set(re.findall(r"/run/secrets/(\w+)", text))
    for name in OURS:
        assert named <= set(CONTAINERS[name]["secrets"]), name
    (tmp_path / "seatledger.yaml").write_text(text.replace("/run/secrets", str(secrets)))
    config = load_config(tmp_path / "seatledger.yaml")

    kafka = CONTAINERS["kafka"]["environment"]
    assert f"INTERNAL://{config.broker.url}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert config.store.url is not None
    url = urlsplit(config.store.url.get_secret_value())
    assert url.netloc == "mongodb:27017"
    command = CONTAINERS["mongodb"]["command"]
    assert parse_qs(url.query)["replicaSet"] == [command[command.index("--replSet") + 1]]
    for name in SERVICES:
        assert config.services[name].http == "0.0.0.0:8080"
        assert config.services[name].reached_at == f"{name}:8080"
    folders = {str(source.folder) for source in config.sources.values() if source.kind == "file-drop"}
    assert folders == {each.partition(":")[2] for each in CONTAINERS["collector"]["volumes"]}


def test_every_secret_of_ours_is_named_by_a_configuration() -> None:
    """A container gets no secret that it does not read."""
    named = {name for path in CONFIGURATIONS.values() for name in re.findall(r"/run/secrets/(\w+)", path.read_text())}
    assert set(CONTAINERS["mapper"]["secrets"]) == named
    assert not CONTAINERS["autotask-sandbox"]["secrets"]


def test_mongodb_uses_the_files_that_are_mounted() -> None:
    """Key file, root password and the script's passwords are mounted where they are read."""
    mongodb, init = CONTAINERS["mongodb"], CONTAINERS["mongodb-init"]
    start = " ".join(mongodb["entrypoint"])
    command = mongodb["command"]
    key = command[command.index("--keyFile") + 1]
    assert f"/run/secrets/mongodb_key {key} " in start
    assert start.endswith('exec docker-entrypoint.sh "$$@" start-mongodb')
    assert mongodb["environment"]["MONGO_INITDB_ROOT_PASSWORD_FILE"] == "/run/secrets/mongodb_root_password"
    assert set(mongodb["secrets"]) == {"mongodb_key", "mongodb_root_password"}
    script = (COMPOSE_FOLDER / "init-mongodb.js").read_text()
    assert set(re.findall(r'secret\("(\w+)"\)', script)) == set(init["secrets"])
    assert init["entrypoint"][-1] == init["configs"][0]["target"]


def test_the_brokers_listeners_agree() -> None:
    """Each listener has a protocol; clients, controller and the published port meet the one that is meant for them."""
    settings = CONTAINERS["kafka"]["environment"]
    listeners = dict(each.split("://:") for each in settings["KAFKA_LISTENERS"].split(","))
    advertised = dict(each.split("://") for each in settings["KAFKA_ADVERTISED_LISTENERS"].split(","))
    protocols = dict(each.split(":") for each in settings["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    controller = settings["KAFKA_CONTROLLER_LISTENER_NAMES"]
    assert listeners.keys() == protocols.keys() == advertised.keys() | {controller}
    assert settings["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"1@kafka:{listeners[controller]}"
    assert all(address.endswith(f":{listeners[name]}") for name, address in advertised.items())
    assert CONTAINERS["kafka"]["ports"] == [f"{advertised['HOST']}:{listeners['HOST']}"]
    assert health_of("kafka")[-1] == advertised["HOST"]
    assert settings["KAFKA_LOG_DIRS"] == CONTAINERS["kafka"]["volumes"][0].partition(":")[2]


@pytest.mark.parametrize("name", SANDBOXES)
def test_a_sandbox_stands_beside_the_service_that_calls_it(name: str) -> None:
    """Its port is the one in the configuration and in its health check, its credentials are those of the secrets, and
    it shares the network of its one caller, for whom it is on the loopback address."""
    container = service(name)
    kind, seed = container["command"][1], COMPOSE_FOLDER / Path(WHOLE["configs"][name]["file"]).name
    command = container["command"]
    assert command[command.index("--seed") + 1] == container["configs"][0]["target"]
    whole = yaml.safe_load(CONFIGURATIONS["sandbox"].read_text())
    called, caller = {
        "autotask": (whole["psa"]["main"]["url"], "psa-writer"),
        "partner-center": (whole["sources"]["pc"]["url"], "collector"),
    }[kind]
    assert called == f"http://127.0.0.1:{command[command.index('--port') + 1]}"
    assert f"{called}/_sandbox/health" in health_of(name)[-1]
    assert container["network_mode"] == f"service:{caller}"
    assert container["profiles"] == ["sandbox"]
    (load_autotask if kind == "autotask" else load_partner_center)(seed)


def test_without_given_secrets_the_sandboxes_let_us_in(secrets: Path) -> None:
    """make-secrets writes what the seeds expect where nothing is given."""
    autotask = yaml.safe_load((COMPOSE_FOLDER / "autotask-sandbox.yaml").read_text())["users"][0]
    partner = yaml.safe_load((COMPOSE_FOLDER / "partner-center-sandbox.yaml").read_text())
    whole = yaml.safe_load(CONFIGURATIONS["sandbox"].read_text())
    assert (secrets / "at_secret").read_text().strip() == autotask["secret"]
    assert (secrets / "at_integration_code").read_text().strip() == autotask["integrationCode"]
    assert (secrets / "pc_client_secret").read_text().strip() == partner["client_secret"]
    assert whole["psa"]["main"]["username"] == autotask["username"]
    pc = whole["sources"]["pc"]
    assert (pc["tenant"], pc["client_id"]) == (partner["tenant"], partner["client_id"])

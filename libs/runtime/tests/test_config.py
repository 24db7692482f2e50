"""seatledger.yaml: defaults, and for each kind of fault the key, the line, and what to do."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatledger.runtime.clock import FileCalendar, SystemCalendar
from seatledger.runtime.config import Config, FileDropConfig, PartnerCenterConfig
from seatledger.runtime.config_file import load_config
from seatledger.runtime.runfile import ENV_BROKER, ENV_STORE, RunFile, ServiceRun, endpoints
from seatledger.runtime.settings_file import ConfigError
from seatledger.schemas.ids import CompanyId, ConnectionName, SourceName

MAIN = """\
psa:
  main:
    kind: autotask
    url: https://webservices.autotask.net
    username: api@example.com
    secret: "${env:AT_SECRET}"
    integration_code: "${file:at_code}"
    timezone: Europe/Amsterdam
    currency: EUR
"""
SOURCES = """\
sources:
  drop:
    kind: file-drop
    psa: main
    rank: 1
    folder: drop
"""
VALID = MAIN + SOURCES
CLOUD = """\
sources:
  pc:
    kind: partner-center
    psa: main
    url: https://api.partnercenter.microsoft.com/
    authority_url: https://login.microsoftonline.com
    tenant: contoso.onmicrosoft.com
    client_id: 8d4c3a8e-0f3a-4a5e-9a53-5c2d9b6e1f77
    client_secret: "${env:AT_SECRET}"
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a configuration beside the file and the variable that it refers to."""
    monkeypatch.setenv("AT_SECRET", "hunter2")
    monkeypatch.delenv(ENV_BROKER, raising=False)
    monkeypatch.delenv(ENV_STORE, raising=False)
    (tmp_path / "at_code").write_text("CODE42\n")

    def to(text: str) -> Path:
        path = tmp_path / "seatledger.yaml"
        path.write_text(text)
        return path

    return to


def test_defaults(write: Any, tmp_path: Path) -> None:
    """Every default of interface.md holds, and relative paths start at the file."""
    config = load_config(write(VALID))
    psa, drop = config.psa[ConnectionName("main")], config.sources[SourceName("drop")]
    assert config.state_dir == tmp_path / "st"
    assert (config.broker.url, config.store.url, config.store.database) == (None, None, "seatledger")
    assert (config.topics.prefix, config.topics.partitions, config.clock.file) == ("", 12, None)
    assert config.services["psa-writer"].http == "127.0.0.1:0"
    assert (psa.mode, psa.company_modes, psa.automatic_mapping, psa.first_link) == ("observe", {}, "none", "ask")
    assert (psa.settle_for_seconds, psa.release_days_ahead, psa.mirror_seconds) == (60, 0, 300)
    assert (psa.unknown_wait_seconds, psa.resend, psa.budget_per_hour, psa.allow_embedded) == (900, "ask", 5000, False)
    assert (psa.secret.get_secret_value(), psa.integration_code.get_secret_value()) == ("hunter2", "CODE42")
    assert isinstance(drop, FileDropConfig)
    assert (drop.folder, drop.poll_seconds, drop.complete) == (tmp_path / "drop", 60, False)
    assert (drop.dates, drop.decimal, drop.suspension, drop.mass_decrease_percent) == ("iso", ".", "zero_units", 10)
    assert (drop.required, drop.include, drop.exclude, drop.retired) == (True, (), (), False)
    assert str(psa.zone) == "Europe/Amsterdam"
    assert isinstance(config.calendar(), SystemCalendar)


def test_a_renamed_source_keeps_its_account(write: Any) -> None:
    """An account is known by its first name, with what its entry of today says; others by the name they have."""
    depot = "  depot: {kind: file-drop, psa: main, rank: 3, folder: d, renamed_from: old, suspension: keep_billing}\n"
    config = load_config(write(VALID + depot))
    assert list(config.sources) == ["drop", "depot"]
    assert list(config.accounts) == ["drop", "old"]
    account = config.accounts[SourceName("old")]
    assert (account, account.rank) == (config.sources[SourceName("depot")], 3)


def test_defaults_of_partner_center(write: Any, tmp_path: Path) -> None:
    """Every default of interface.md holds; prices.csv lies beside the file."""
    config = load_config(write(MAIN + CLOUD))
    source = config.sources[SourceName("pc")]
    assert isinstance(source, PartnerCenterConfig)
    assert (source.url, source.resource) == ("https://api.partnercenter.microsoft.com",) * 2
    assert (source.poll_seconds, source.suspension, source.calls_per_minute) == (300, "keep_billing", 490)
    assert (source.prices, source.mass_decrease_percent, source.required) == (tmp_path / "prices.csv", 10, True)
    assert source.client_secret.get_secret_value() == "hunter2"
    assert (source.webhook, source.audit_seconds) == (None, 60)
    assert "hunter2" not in f"{config!r} {config.model_dump_json()}"


def test_json_is_yaml_too(write: Any) -> None:
    """The same settings as JSON are read, keys of numbers included; who has no mode of its own has the common one."""
    data = yaml.safe_load(VALID)
    data["psa"]["main"]["company_modes"] = {"101": "auto"}
    config = load_config(write(json.dumps(data)))
    psa = config.psa[ConnectionName("main")]
    assert (psa.mode_of(CompanyId(101)), psa.mode_of(CompanyId(102))) == ("auto", "observe")


def test_secrets_are_not_shown(write: Any) -> None:
    """A configuration in a log or a dump shows no secret."""
    config = load_config(write(VALID))
    shown = f"{config!r} {config} {config.model_dump_json()} {config.model_dump()}"
    assert "hunter2" not in shown
    assert "CODE42" not in shown


def test_clock_of_a_test(write: Any, tmp_path: Path) -> None:
    """A clock file sets the business calendar where the PSA is on this machine."""
    text = "clock: {file: clock}\n" + VALID.replace("https://webservices.autotask.net", "http://localhost:8080/")
    config = load_config(write(text))
    (tmp_path / "clock").write_text("2026-03-01T23:30:00Z\n")
    calendar = config.calendar()
    assert isinstance(calendar, FileCalendar)
    psa = config.psa[ConnectionName("main")]
    assert (calendar.today(psa.zone).isoformat(), psa.url) == ("2026-03-02", "http://localhost:8080")


def in_main(line: str) -> str:
    return MAIN + f"    {line}\n" + SOURCES


FAULTS: list[tuple[str, str, list[str]]] = [
    ("unknown key", in_main("settle_seconds: 3"), [":10: psa.main.settle_seconds", "'settle_for_seconds'"]),
    ("unknown key at the top", VALID + "sorces: {}\n", [":16: sorces", "'sources'"]),
    ("unknown key of a source", VALID + "    foldr: x\n", ["sources.drop.foldr", "'folder'"]),
    ("unknown service", VALID + "services: {maper: {}}\n", ["services.maper", "'mapper'"]),
    ("misspelt required key", VALID.replace("timezone", "time_zone"), ["psa.main.time_zone", "'timezone'"]),
    ("missing key", VALID.replace("    timezone: Europe/Amsterdam\n", ""), [":2: psa.main.timezone", "missing"]),
    ("no psa", SOURCES, ["psa", "missing"]),
    ("unknown zone", VALID.replace("Europe/Amsterdam", "Amsterdam"), [":8: psa.main.timezone", "IANA"]),
    ("zone that climbs", VALID.replace("Europe/Amsterdam", "../../etc/passwd"), ["psa.main.timezone", "IANA"]),
    ("bad mode", in_main("mode: on"), [":10: psa.main.mode", "observe"]),
    ("bad company mode", in_main("company_modes: {101: yes please}"), ["psa.main.company_modes.101", "observe"]),
    ("company that is no number", in_main("company_modes: {acme: auto}"), ["psa.main.company_modes.acme"]),
    ("a list for a value", in_main("mode: [auto]"), ["psa.main.mode"]),
    ("a text for a section", VALID + "topics: many\n", ["topics"]),
    ("psa is a list", "psa: []\n", ["psa"]),
    ("secret in clear text", VALID.replace('"${env:AT_SECRET}"', "hunter3"), [":6: psa.main.secret", "clear text"]),
    (
        "code in clear text",
        VALID.replace('"${file:at_code}"', "hunter3"),
        [":7: psa.main.integration_code", "clear text"],
    ),
    ("a number as a secret", VALID.replace('"${env:AT_SECRET}"', "1234567"), ["psa.main.secret"]),
    (
        "sasl password in clear text",
        VALID + "broker: {url: 'k:9092', sasl_mechanism: PLAIN, sasl_password: hunter3}\n",
        ["broker.sasl_password", "clear text"],
    ),
    ("store password in clear text", VALID + "store: {url: 'mongodb://u:hunter3@h/'}\n", ["store.url", "clear text"]),
    ("missing variable", VALID.replace("AT_SECRET", "AT_SECRETT"), [":6: psa.main.secret", "AT_SECRETT is not set"]),
    (
        "missing file",
        VALID.replace("at_code", "at_kode"),
        [":7: psa.main.integration_code", "at_kode", "cannot be read"],
    ),
    (
        "half a reference",
        in_main('username: "x${env:AT_SECRET}"').replace("    username: api@example.com\n", ""),
        ["psa.main.username", "whole value"],
    ),
    ("http to a far host", VALID.replace("https://", "http://"), [":4: psa.main.url", "https://"]),
    ("no web address", VALID.replace("https://webservices.autotask.net", "autotask"), [":4: psa.main.url"]),
    ("name in an address", VALID.replace("https://", "https://u:hunter3@"), [":4: psa.main.url"]),
    (
        "wait below 6",
        in_main("unknown_wait_seconds: 5").replace("https://webservices.autotask.net", "http://127.0.0.1:1"),
        [":10: psa.main.unknown_wait_seconds", "at least 6"],
    ),
    ("wait below 360 at a far host", in_main("unknown_wait_seconds: 359"), ["unknown_wait_seconds", "at least 360"]),
    ("set clock at a far host", VALID + "clock: {file: c}\n", ["clock.file", "real money"]),
    ("unknown psa", VALID.replace("psa: main", "psa: mian"), [":13: sources.drop.psa", "'main'"]),
    ("equal ranks", VALID + SOURCES.partition("\n")[2].replace("drop:", "drip:"), [":19: sources.drip.rank", "drop"]),
    ("unknown kind", VALID.replace("file-drop", "pax8"), [":12: sources.drop.kind", "file-drop, partner-center"]),
    ("a drop's key elsewhere", MAIN + CLOUD + "    folder: d\n", ["sources.pc.folder", "not known"]),
    (
        "near a key of its kind",
        MAIN + CLOUD + "    client_secrets: x\n",
        ["sources.pc.client_secrets", "'client_secret'"],
    ),
    (
        "no tenant",
        MAIN + CLOUD.replace("    tenant: contoso.onmicrosoft.com\n", ""),
        [":11: sources.pc.tenant", "missing"],
    ),
    (
        "client secret in clear text",
        MAIN + CLOUD.replace('"${env:AT_SECRET}"', "hunter3"),
        ["sources.pc.client_secret", "clear text"],
    ),
    (
        "partner center over http",
        MAIN + CLOUD.replace("https://login", "http://login"),
        ["sources.pc.authority_url", "https://"],
    ),
    (
        "a webhook's address in clear text",
        MAIN + CLOUD + "    webhook: {public_url: http://hooks.example/pc}\n",
        ["sources.pc.webhook.public_url", "https"],
    ),
    (
        "an unknown key of the webhook",
        MAIN + CLOUD + "    webhook: {public_url: https://hooks.example/pc, secret: x}\n",
        ["sources.pc.webhook.secret", "not known"],
    ),
    (
        "audit records looked at without a pause",
        MAIN + CLOUD + "    audit_seconds: 0\n",
        ["sources.pc.audit_seconds"],
    ),
    (
        "more calls than are taken",
        MAIN + CLOUD + "    calls_per_minute: 491\n",
        ["sources.pc.calls_per_minute", "at most 490"],
    ),
    ("no kind", VALID.replace("    kind: file-drop\n", ""), ["sources.drop.kind", "file-drop"]),
    ("unknown psa kind", VALID.replace("kind: autotask", "kind: connectwise"), [":3: psa.main.kind", "autotask"]),
    ("a key twice", in_main("currency: USD"), [":10: psa.main.currency", "line 9"]),
    ("an account twice", VALID + SOURCES.partition("\n")[2], [":16: sources.drop", "line 11"]),
    ("renamed from itself", VALID + "    renamed_from: drop\n", [":16: sources.drop.renamed_from", "itself"]),
    (
        "renamed from a source that stands there",
        VALID + "  depot: {kind: file-drop, psa: main, rank: 2, folder: d, renamed_from: drop}\n",
        [":16: sources.depot.renamed_from", "drop stands here as a source of its own", "remove", "sources.drop"],
    ),
    (
        "renamed from a name between",
        VALID
        + "    renamed_from: old\n  depot: {kind: file-drop, psa: main, rank: 2, folder: d, renamed_from: drop}\n",
        [":17: sources.depot.renamed_from", "first name"],
    ),
    (
        "two renamed from one",
        VALID + "    renamed_from: old\n  depot: {kind: file-drop, psa: main, rank: 2, folder: d, renamed_from: old}\n",
        [":17: sources.depot.renamed_from", "drop is renamed from old too"],
    ),
    ("renamed from no name", VALID + "    renamed_from: a/b\n", [":16: sources.drop.renamed_from"]),
    ("no yaml", "psa: {\n", ["seatledger.yaml:"]),
    ("tabs", "psa:\n\tmain: {}\n", ["seatledger.yaml:2"]),
    ("nothing", "# empty\n", ["no settings"]),
    ("a list", "- psa\n", ["no settings"]),
    ("bad address", VALID + "services: {mapper: {http: here}}\n", ["services.mapper.http", "HOST:PORT"]),
    ("bad source name", VALID.replace("  drop:", "  'a/b':"), ["sources.a/b"]),
    ("negative percent", VALID + "    mass_decrease_percent: -1\n", ["sources.drop.mass_decrease_percent"]),
    ("resend auto is not there yet", in_main("resend: auto"), ["psa.main.resend", "ask"]),
]


@pytest.mark.parametrize(("text", "parts"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_fault(write: Any, text: str, parts: list[str]) -> None:
    """The message names key, line and remedy, in one line, and no secret."""
    with pytest.raises(ConfigError) as caught:
        load_config(write(text))
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message
    assert "\n" not in message
    assert not [word for word in ("hunter2", "hunter3", "CODE42", "1234567") if word in message]
    assert message == f"{caught.value.where}: {caught.value.what}. {caught.value.do}"


def test_no_file(tmp_path: Path) -> None:
    """A file that is not there is said so, with the way to name another."""
    with pytest.raises(ConfigError, match=r"there is no such file.*--config"):
        load_config(tmp_path / "none.yaml")


def test_not_text(tmp_path: Path) -> None:
    """A file that is not UTF-8 is a configuration error, no traceback."""
    path = tmp_path / "seatledger.yaml"
    path.write_bytes(b"psa: \xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(path)


def _embedded(write: Any) -> Config:
    return load_config(write(VALID))


def test_endpoints_of_nothing(write: Any) -> None:
    """Without addresses anywhere the error says what to start or set."""
    with pytest.raises(ConfigError, match=r"seatledger up.*broker\.url"):
        endpoints(_embedded(write))


def test_endpoints_of_run_file(write: Any) -> None:
    """The embedded addresses come from run.json."""
    config = _embedded(write)
    run = RunFile(pid=os.getpid(), broker="127.0.0.1:1", store="mongodb://127.0.0.1:2/", ready=True)
    run.model_copy(update={"services": {"mapper": ServiceRun(pid=1, http="127.0.0.1:3")}}).write(config.state_dir)
    found = endpoints(config)
    assert (found.broker, found.store, found.embedded) == ("127.0.0.1:1", "mongodb://127.0.0.1:2/", True)
    read = RunFile.read(config.state_dir)
    assert read is not None
    assert read.services["mapper"].http == "127.0.0.1:3"


def test_endpoints_of_environment(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `up` tells its children goes first."""
    monkeypatch.setenv(ENV_BROKER, "127.0.0.1:9")
    monkeypatch.setenv(ENV_STORE, "mongodb://127.0.0.1:8/")
    assert endpoints(_embedded(write)).broker == "127.0.0.1:9"


def test_endpoints_of_configuration(write: Any) -> None:
    """Own addresses are not the embedded stack, and a store's password is not shown."""
    os.environ["AT_STORE"] = "mongodb://u:hunter2@db.example/"
    try:
        config = load_config(write(VALID + "broker: {url: 'k:9092'}\nstore: {url: '${env:AT_STORE}'}\n"))
    finally:
        del os.environ["AT_STORE"]
    found = endpoints(config)
    assert (found.broker, found.embedded) == ("k:9092", False)
    assert found.store == "mongodb://u:hunter2@db.example/"
    assert "hunter2" not in repr(found) + repr(config)


@pytest.mark.parametrize("content", ["", "{", '{"pid": "x"}', "[]"])
def test_run_file_that_is_torn(tmp_path: Path, content: str) -> None:
    """A run.json that cannot be read counts as none."""
    RunFile.path(tmp_path).write_text(content)
    assert RunFile.read(tmp_path) is None

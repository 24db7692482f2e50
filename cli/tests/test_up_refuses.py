"""``up`` says no before it starts anything."""

from pathlib import Path
from typing import Any

import pytest

from cli.tests.conftest import configuration
from seatledger.cli.app import build_app, run
from seatledger.cli.errors import CliError
from seatledger.cli.up.plan import members
from seatledger.runtime.config import config_from

FAR = {"url": "https://webservices2.autotask.net"}


def with_psa(folder: Path, **changes: Any) -> Any:
    values = configuration()
    values["psa"]["main"] |= changes
    return config_from(values, folder)


def test_a_psa_that_the_writer_would_refuse_stops_up_before_it_starts_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A real Autotask on the embedded stack without allow_embedded: exit 2 with key and remedy, and no folder made."""
    with pytest.raises(CliError) as refused:
        members(with_psa(tmp_path, **FAR), None, ())
    assert (refused.value.where, refused.value.exit_code) == ("psa.main.url", 2)
    assert refused.value.do == "Name a broker and a store, or set allow_embedded: true"
    file = tmp_path / "seatledger.yaml"
    file.write_text(
        "psa: {main: {kind: autotask, url: 'https://webservices2.autotask.net', username: u, secret: '${env:HOME}',"
        " integration_code: '${env:HOME}', timezone: UTC, currency: EUR}}\n"
    )
    assert run(build_app(), ["up", "--config", str(file)]) == 2
    assert "psa.main.url: on the embedded stack" in capsys.readouterr().err
    assert not (tmp_path / "st").exists()


@pytest.mark.parametrize(
    ("changes", "only"),
    [({**FAR, "allow_embedded": True}, None), ({}, None), (FAR, "collector,mapper")],
    ids=["allowed", "this machine", "without the writer"],
)
def test_up_starts_where_the_writer_would(tmp_path: Path, changes: dict[str, Any], only: str | None) -> None:
    """A person's word, a sandbox on this machine, or no writer among the services."""
    assert members(with_psa(tmp_path, **changes), only, ())

"""What happens in the watched run: a month's few changes, and every error that could quote a secret."""

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scenarios import world
from seatledger.schemas.topics import CHANGED
from tests.integration.hands import OFFERS, SERVICES, row
from tests.security.watched_run import (
    BROKER,
    CLIENT,
    CUSTOMER,
    ECHO,
    OFFER,
    OTHER_STORE,
    TOKEN,
    Watched,
    publish,
)

ENDED = f"EffectiveDate must be between the start date and end date; {ECHO}"
CLOUD_COMPANY = 140


def play(run: Watched) -> None:
    """All of it, in order."""
    run.cli.wait_ready(run.up)
    set_up(run)
    wishes_go_wrong(run)
    reads_go_wrong(run)
    the_cloud_goes_wrong(run)
    a_record_cannot_be_read(run)
    services_die(run)
    somebody_looks(run)
    nothing_can_be_reached(run)


@contextmanager
def fault(sandbox: world.Sandbox, **order: Any) -> Iterator[None]:
    """Holds until the block ends; it has to have struck."""
    sandbox.post("/_sandbox/faults", order)
    try:
        yield
        hits = sum(each["hits"] for each in sandbox.get("/_sandbox/faults"))
        assert hits, f"the fault met nobody: {order}"
    finally:
        sandbox.send("DELETE", "/_sandbox/faults")


def set_up(run: Watched) -> None:
    table = [
        "kind,source,key,target",
        *(f"company,north,C-{number},{number}" for number in range(101, 106)),
        f"offer,north,OFFER-A,{OFFERS['OFFER-A']}",
        f"company,cloud,{CUSTOMER},{CLOUD_COMPANY}",
        f"offer,cloud,{OFFER},{OFFERS['OFFER-A']}",
    ]
    (run.folder / "mappings.csv").write_text("\n".join(table) + "\n")
    run.say("mirror")
    run.say("map", "import", str(run.folder / "mappings.csv"))
    run.deliver("south", [row(run.company(), 0)])
    run.deliver("north", [row(run.company(), 4)])
    run.say("collect", "--timeout", "60")
    run.say("drain", "--timeout", "60")


def wishes_go_wrong(run: Watched) -> None:
    """A refusal, a right that is missing, an unknown outcome, a connection that breaks: each answer quotes us."""
    companies = [run.company() for _ in range(3)]
    answers: list[dict[str, Any]] = [
        {"do": "status", "status": 500, "body": {"errors": [ENDED]}},
        {"do": "status", "status": 500, "body": {"errors": [f"something else happened: {ECHO}"]}},
        {"do": "drop_after"},
    ]
    for company, answer in zip(companies, answers, strict=True):
        run.fault(company.contract, **answer)
    run.deliver("north", [row(company, 5) for company in companies])
    run.say("collect", "--timeout", "60")
    run.say("drain", "--timeout", "60")
    hits = sum(each["hits"] for each in run.sandbox.get("/_sandbox/faults"))
    assert hits == len(companies), "not every wish went wrong"
    run.forget_faults()


def reads_go_wrong(run: Watched) -> None:
    """A fault of the server and a refused sign-in while the mirror is read, a right that is missing in a check."""
    words = {500: ("mirror",), 401: ("mirror",), 403: ("check", "--timeout", "30")}
    for status, text in ((500, "object reference"), (401, "who is that"), (403, "no adequate permissions")):
        body = {"errors": [f"{text}: {ECHO}"]}
        with fault(run.sandbox, match={"path_contains": "query"}, do="status", status=status, body=body):
            run.say(*words[status], json_output=True)
    world.wait_for(lambda: not run.findings(code="credentials"), 60, "the credentials stay refused")


def the_cloud_goes_wrong(run: Watched) -> None:
    """A token that the API does not take, a page that quotes it, a sign-in that is refused."""
    given = {"access_token": TOKEN, "expires_in": "3600", "token_type": "Bearer"}
    run.cloud.post("/_sandbox/tokens/expire", {})
    token, page = {"path_contains": "oauth2/token"}, {"path_contains": "/customers"}
    run.cloud.post("/_sandbox/faults", {"match": token, "do": "status", "status": 200, "body": given, "times": 1})
    body = {"code": 400, "description": f"bad header Authorization: Bearer {TOKEN}"}
    with fault(run.cloud, match=page, do="status", status=400, body=body):
        run.say("collect", "cloud", "--timeout", "30")
    run.cloud.post("/_sandbox/tokens/expire", {})
    refusal = {"error": "invalid_client", "error_description": f"AADSTS7000215: wrong secret {CLIENT}"}
    with fault(run.cloud, match=token, do="status", status=401, body=refusal):
        run.say("collect", "cloud", "--timeout", "30")
        run.say("check", "--timeout", "30", json_output=True)


def a_record_cannot_be_read(run: Watched) -> None:
    asyncio.run(publish(run.run_file()["broker"], CHANGED.name, b'{"specversion": ', (("origin", b"tests"),)))
    world.wait_for(lambda: run.findings(code="dead_letter"), 30, "nobody buries the record")
    (letter,) = run.say("dead", "list", json_output=True).json
    run.say("dead", "show", letter["id"])


def services_die(run: Watched) -> None:
    """SIGABRT as a broken library sends it: whatever a dying process writes is written."""
    before = {name: each["restarts"] for name, each in run.run_file()["services"].items()}
    for name in SERVICES:
        run.process(name).send_signal(signal.SIGABRT)
    world.wait_for(lambda: restarted(run, before), 60, "a service does not come back")
    run.cli.wait_ready(run.up)
    run.say("drain", "--timeout", "60")


def restarted(run: Watched, before: dict[str, int]) -> bool:
    return all(each["restarts"] > before[name] for name, each in run.run_file()["services"].items())


def somebody_looks(run: Watched) -> None:
    """Each command that shows what was stored or said."""
    ledger = [json.loads(line) for line in run.say("ledger", "export", json_output=True).out.splitlines()]
    assert ledger
    failed = [each["intent"] for each in ledger if each["state"] != "posted"]
    plan = run.say("plan", "list", json_output=True).json[0]["id"]
    run.say("findings", "--all", json_output=True)
    for words in (
        ("status",), ("findings", "--all"), ("plan", "list"), ("plan", "show", plan), ("map", "export"),
        ("explain", "cloud-1", *failed), ("tail",),
    ):  # fmt: skip
        assert run.say(*words).out, words


def nothing_can_be_reached(run: Watched) -> None:
    """Another configuration with passwords, whose broker and store are not there; with --debug for the traceback."""
    (run.folder / "secrets" / "other-store").write_text(OTHER_STORE)
    (run.folder / "secrets" / "broker").write_text(BROKER)
    (run.folder / "secrets" / "bad-url").write_text(f"mongodb://u:{OTHER_STORE}@127.0.0.1:1/")
    whole = json.loads((run.folder / "seatledger.yaml").read_text())
    whole["broker"] = {
        "url": "127.0.0.1:1", "sasl_mechanism": "PLAIN", "sasl_username": "u", "sasl_password": "${file:secrets/broker}"
    }  # fmt: skip
    away = {"url": "mongodb://127.0.0.1:1/", "username": "u", "password": "${file:secrets/other-store}"}
    for name, store in {"away": away, "bad": {"url": "${file:secrets/bad-url}"}}.items():
        (run.folder / f"{name}.yaml").write_text(json.dumps({**whole, "store": store}))
        for words in (("check",), ("tail",) if name == "away" else ("run", "mapper")):
            run.cli.configuration = str(run.folder / f"{name}.yaml")
            run.say(*words, "--debug")
    run.cli.configuration = str(run.folder / "seatledger.yaml")

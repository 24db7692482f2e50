"""No secret is ever shown: a run full of errors, and a search for each secret in all that it left behind."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from seatledger.runtime.redaction import HIDDEN
from seatledger.schemas.topics import CHANGED
from tests.integration.hands import new_folder, remove
from tests.security.canaries import CANARIES, PLANTED, search, spellings
from tests.security.play import play
from tests.security.watched_run import PLACES, Watched, publish, shown

pytestmark = pytest.mark.timeout(900)
"""The run is one fixture: on a slow machine it takes longer than a test may."""


@pytest.fixture(scope="module")
def run(request: pytest.FixtureRequest) -> Iterator[Watched]:
    """Played to its end, and still running."""
    failed_before = request.session.testsfailed
    watched = Watched(new_folder(), companies=50)
    try:
        play(watched)
        yield watched
    finally:
        watched.close()
        if request.session.testsfailed == failed_before:
            remove(watched.folder)


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_is_shown(run: Watched, place: str) -> None:
    """Neither whole nor cut off, neither as it is nor escaped or encoded."""
    gathered = run.gathered(place)
    assert sum(map(len, gathered.values())) > 1000, "nothing to search in"
    assert search(gathered, CANARIES) == []


def test_everything_that_could_quote_a_secret_happened(run: Watched) -> None:
    """Else nothing would have been proved: what quoted them was stored, without them."""
    codes = {finding["code"] for finding in run.cli.run("findings", "--all", accept=(0, 1))}
    assert {"refused", "credentials", "dead_letter"} <= codes
    store, topics = run.gathered("store"), run.gathered("topics")
    assert HIDDEN.encode() in b"".join(store.values())
    assert HIDDEN.encode() in b"".join(topics.values())
    assert all(service["restarts"] for service in run.run_file()["services"].values())
    said = run.gathered("answers")
    assert b"Traceback" in b"".join(said.values())
    assert any(b"store.url" in text for text in said.values())
    assert {"dead.v1", CHANGED.name} <= {place.partition("/")[0] for place in topics}


@pytest.mark.parametrize("spelling", spellings(PLANTED))
def test_the_search_finds_every_spelling(spelling: str) -> None:
    """A search that finds nothing proves nothing unless it would."""
    planted = b"\x00 before " + spellings(PLANTED)[spelling] + b" after"
    assert len(search({"somewhere": planted}, {"it": PLANTED})) == 1
    assert search({"somewhere": b"before after"}, {"it": PLANTED}) == []


def test_the_search_looks_everywhere(run: Watched) -> None:
    """What is planted in a log, a record's value, a record's header, a document, an answer, a command line and an
    environment is found there."""
    planted = {"it": PLANTED}
    assert [hit for place in PLACES for hit in search(run.gathered(place), planted)] == []
    log = run.folder / "st" / "logs" / "planted.log"
    log.write_text(PLANTED)
    broker = run.run_file()["broker"]
    asyncio.run(publish(broker, CHANGED.name, PLANTED.encode()))
    asyncio.run(publish(broker, CHANGED.name, b"{}", (("origin", PLANTED.encode()),)))
    with run.store.client(username="ledger", password=CANARIES["the store's password"]) as client:
        client["seatledger"]["planted"].insert_one({"deep": {"text": PLANTED}})
    run.answers["planted"] = PLANTED
    hits = {place: search(run.gathered(place), planted) for place in PLACES}
    assert len(hits["files"]) == len(hits["store"]) == len(hits["answers"]) == 1
    assert len([hit for hit in hits["topics"] if hit.startswith(CHANGED.name)]) == 2
    command = [sys.executable, "-c", "print(flush=True); input()", PLANTED]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"IT": PLANTED})
    assert process.stdout is not None
    process.stdout.readline()  # until it is this program, it has neither
    try:
        assert len(search(dict(shown(psutil.Process(process.pid))), planted)) == 2
    finally:
        process.communicate(b"\n")
    log.unlink()
    del run.answers["planted"]

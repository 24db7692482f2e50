"""Autotask's answers by their text, the hourly budget, and the hosts that may be called."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from writer_world import MAIN, HandClock

from seatledger.psa_writer.adapters.autotask.answers import failed_read, posted
from seatledger.psa_writer.adapters.autotask.hosts import why_not
from seatledger.psa_writer.adapters.autotask.http import Answer
from seatledger.psa_writer.adapters.autotask.quota import Quota
from seatledger.psa_writer.adapters.autotask.wire import unit
from seatledger.psa_writer.ports import (
    Posted200,
    PsaBudgetSpentError,
    PsaCredentialsError,
    PsaPermissionError,
    PsaUnreachableError,
    Refused,
    ThreadLimit,
    Unauthorized,
    Unknown,
)
from seatledger.runtime.config import AutotaskConfig, Config, config_from
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.store import Documents
from seatledger.schemas.intents import Refusal
from seatledger.schemas.quota import QUOTA, QuotaUse


def errors(status: int, *texts: str) -> Answer:
    return Answer(status, {"errors": list(texts)})


OUTSIDE = "ContractServiceAdjustment effectiveDate must be between the start date and end date of the Contract"
POSTED = "… deletion/modification of an already approved and posted contract period"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (errors(500, OUTSIDE), Refusal.CONTRACT_ENDED),
        (errors(200, OUTSIDE), Refusal.CONTRACT_ENDED),
        (errors(500, POSTED), Refusal.PERIOD_POSTED),
        (errors(500, "Units cannot be negative."), Refusal.BELOW_ZERO),
        (errors(500, "Reference value on field: contractServiceID of type: ContractService …"), Refusal.BY_PSA),
        (errors(403, "The logged in Resource does not have the adequate permissions"), Refusal.BY_PSA),
    ],
)
def test_recognised_texts_are_refusals_without_effect(answer: Answer, kind: Refusal) -> None:
    """By text, whatever the status."""
    outcome = posted(answer)
    assert isinstance(outcome, Refused)
    assert outcome.kind is kind


@pytest.mark.parametrize(
    "answer",
    [
        errors(500, "Attempt to insert duplicate data into contract_service_period"),
        errors(500, "something new"),
        errors(200, "something new"),
        errors(200),
        errors(429, "hourly limit"),
        Answer(429, None),
        Answer(503, None),
        Answer(200, None),
        Answer(200, ["<html>"]),
        Answer(403, None),
        Answer(302, None),
        Answer(404, {"Message": "no route"}),
    ],
)
def test_all_else_is_unknown(answer: Answer) -> None:
    """Only a recognised text is a definite no, and only a 200 without errors a yes."""
    assert isinstance(posted(answer), Unknown)


@pytest.mark.parametrize("body", [{"itemId": None}, {"itemId": 29683999}, {}])
def test_a_200_without_errors_is_success_whatever_the_id(body: dict[str, Any]) -> None:
    """Adjustments answer with a null id."""
    assert posted(Answer(200, body)) == Posted200()


def test_sign_in_and_thread_limit_had_no_effect() -> None:
    """401, the bad integration code with its status 500, and the thread threshold whatever its status."""
    assert isinstance(posted(Answer(401, None)), Unauthorized)
    assert isinstance(posted(errors(500, "IntegrationCode is invalid.")), Unauthorized)
    threads = "The Autotask API thread threshold of 3 threads has been exceeded."
    assert [posted(errors(status, threads)) for status in (429, 500)] == [ThreadLimit(), ThreadLimit()]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(401, None), PsaCredentialsError),
        (errors(500, "IntegrationCode is invalid."), PsaCredentialsError),
        (Answer(403, None), PsaPermissionError),
        (errors(500, "The logged in Resource does not have the adequate permissions"), PsaPermissionError),
        (errors(200, "anything"), PsaUnreachableError),
        (Answer(200, None), PsaUnreachableError),
        (Answer(500, None), PsaUnreachableError),
    ],
)
def test_a_read_that_failed_says_how(answer: Answer, error: type[Exception]) -> None:
    """A 200 with an errors array is a failure, too."""
    assert isinstance(failed_read(answer, "Contracts"), error)


def test_dates_count_by_their_first_ten_characters() -> None:
    """Whatever time stands behind them, the calendar date is kept; money is Decimal."""
    found = unit(
        {
            "id": 1,
            "startDate": "2026-03-01T04:00:00Z",
            "endDate": "2026-03-31T23:59:59.997Z",
            "units": 11,
            "price": Decimal("254.10"),
            "approveAndPostDate": "2026-04-02T00:00:00Z",
        }
    )
    assert (str(found.start), str(found.end), found.price, found.posted) == (
        "2026-03-01",
        "2026-03-31",
        Decimal("254.10"),
        True,
    )


def quota(store: MemoryStore, clock: HandClock, budget: int = 10) -> Quota:
    return Quota(MAIN, budget, Documents(store.collection(QUOTA), QuotaUse), clock)


async def test_calls_stop_at_the_end_of_the_budget_and_resume_with_the_hour() -> None:
    """Two replicas share the count; the refusal says when there is room again."""
    store, clock = MemoryStore(), HandClock()
    one, other = quota(store, clock), quota(store, clock)
    for _ in range(5):
        await one.take()
        await other.take()
    with pytest.raises(PsaBudgetSpentError) as spent:
        await one.take()
    assert 3500 < spent.value.resumes_in <= 3720
    clock.at += spent.value.resumes_in + 60
    await one.take()


async def test_a_batch_is_granted_what_is_left_of_the_budget() -> None:
    """Calls are counted before they are made."""
    store, clock = MemoryStore(), HandClock()
    counted = quota(store, clock)
    assert await counted.prepare(7) == 7
    assert await quota(store, clock).prepare(7) == 3
    use = await counted.uses.get(MAIN)
    assert use is not None
    assert use.last_hour(clock.now()) == 10


def configured(tmp_path: Path, *, embedded: bool, **more: object) -> tuple[Config, AutotaskConfig]:
    main = {
        "kind": "autotask",
        "url": "https://webservices5.autotask.net",
        "username": "u",
        "secret": "s",
        "integration_code": "c",
        "timezone": "Europe/Amsterdam",
        "currency": "EUR",
        **more,
    }
    data: dict[str, Any] = {"psa": {"main": main}}
    if not embedded:
        data |= {"broker": {"url": "kafka:9092"}, "store": {"url": "mongodb://mongo"}}
    config = config_from(data, tmp_path)
    return config, config.psa[MAIN]


@pytest.mark.parametrize(
    ("embedded", "more", "url", "refused"),
    [
        (True, {}, "https://webservices5.autotask.net/ATServicesRest/", "embedded stack"),
        (True, {"allow_embedded": True}, "https://webservices5.autotask.net/ATServicesRest/", None),
        (True, {}, "http://127.0.0.1:8080/ATServicesRest/", None),
        (False, {}, "https://webservices5.autotask.net/ATServicesRest/", None),
        (False, {"unknown_wait_seconds": 60}, "https://webservices5.autotask.net/", "unknown_wait_seconds"),
        (False, {"unknown_wait_seconds": 60}, "http://127.0.0.1:8080/", None),
        (False, {}, "http://webservices5.autotask.net/", "clear text"),
    ],
)
def test_which_hosts_may_be_called(
    tmp_path: Path, embedded: bool, more: dict[str, object], url: str, refused: str | None
) -> None:
    """The configured host and the one that the zone answer gives pass the same rules."""
    config, psa = configured(tmp_path, embedded=embedded, **more)
    found = why_not(config, psa, url)
    assert found is None if refused is None else found is not None and refused in found[0]

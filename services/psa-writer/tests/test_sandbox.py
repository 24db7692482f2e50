"""The writer against the independent sandbox over loopback: calls counted there, faults made there."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sandbox_process import Sandbox, sandbox, seed
from test_conformance import autotask
from writer_world import TODAY, Replica, World

from seatledger.psa_writer.adapters.autotask.psa import AutotaskPsa
from seatledger.psa_writer.ports import PsaCredentialsError
from seatledger.runtime.clock import SystemMachine
from seatledger.schemas.ids import LineId

LONGEST = 60.0


@dataclass
class Tenant:
    process: Sandbox
    world: World
    psa: AutotaskPsa

    async def linked(self, lines: int) -> Replica:
        return await self.world.linked(*(LineId(1000 + n) for n in range(lines)), psa=self.psa)

    def count(self) -> dict[str, Any]:
        return self.process.counters()

    def forget(self) -> None:
        self.process.control("DELETE", "counters")


@contextmanager
def tenant(folder: Path, document: dict[str, Any], wait: float = 6.0) -> Iterator[Tenant]:
    with sandbox(folder, document) as process:
        yield Tenant(process, World(real=SystemMachine(), wait=wait), autotask(process.url))


async def until_quiet(replica: Replica) -> None:
    """Passes until nothing is taken, sent or unknown."""
    async with asyncio.timeout(LONGEST):
        while await replica.books.collection.count({"open.state": {"$in": ["taken", "sent", "unknown"]}}):
            await replica.one()
            await asyncio.sleep(0.01)


async def test_a_hundred_lines_that_change_together_cost_at_most_1_3_calls_each(tmp_path: Path) -> None:
    """Reads before and after are shared; at most three calls are in flight at an endpoint."""
    with tenant(tmp_path, seed(5, contracts=20)) as stage:
        replica = await stage.linked(100)
        stage.forget()
        intents = [await stage.world.release(replica, LineId(1000 + n), TODAY, 1 + n % 3) for n in range(100)]
        await until_quiet(replica)
        count = stage.count()
        await replica.flush()
        assert {stage.world.outcomes(intent)[-1] for intent in intents} == {"posted"}
        assert len(stage.process.effects()) == 100
        assert count["writes"] == 100
        assert count["calls"] <= 130, count
        assert max(count["in_flight_max"].values()) <= 3
        await stage.psa.close()


async def test_a_lone_change_costs_at_most_four_calls_and_a_repeated_run_no_write(tmp_path: Path) -> None:
    """Contract, rows, post, rows; the same intent said again costs nothing."""
    with tenant(tmp_path, seed()) as stage:
        replica = await stage.linked(1)
        stage.forget()
        intent = await stage.world.release(replica, LineId(1000), TODAY, 2)
        await until_quiet(replica)
        assert stage.count()["calls"] <= 4
        await replica.flush()
        stage.forget()
        await stage.world.tell(replica, intent)
        await until_quiet(replica)
        assert stage.count()["writes"] == 0
        assert stage.world.outcomes(intent) == ["taken", "posted"]
        await stage.psa.close()


async def test_a_mirror_of_4000_lines_costs_at_most_60_calls(tmp_path: Path) -> None:
    """A date window on unit rows; yearly contracts apart."""
    document = seed(10, contracts=390)
    yearly = seed(10, contracts=400, period_type=5)
    for contract, other in zip(document["contracts"][:100], yearly["contracts"][:100], strict=True):
        contract |= {"contractPeriodType": other["contractPeriodType"]}
    extra = seed(10, contracts=400)
    document["companies"], document["contracts"] = extra["companies"], document["contracts"] + extra["contracts"][390:]
    with tenant(tmp_path, document) as stage:
        stage.forget()
        await stage.world.mirrored(stage.world.replica(psa=stage.psa))
        assert stage.count()["calls"] <= 60
        assert await stage.world.store.collection("lines").count({}) == 4000
        assert await stage.world.store.collection("psa_lines").count({}) == 4000
        await stage.psa.close()


@pytest.mark.parametrize(("fault", "effects"), [("drop_before", 0), ("drop_after", 1), ("reset_mid", None)])
async def test_a_post_is_made_once_whatever_the_transport_does(tmp_path: Path, fault: str, effects: int | None) -> None:
    """Transport retries are off: the sandbox counts one write, and reading decides what became of it."""
    with tenant(tmp_path, seed()) as stage:
        replica = await stage.linked(1)
        stage.forget()
        stage.process.fault(fault, times=1)
        intent = await stage.world.release(replica, LineId(1000), TODAY, 2)
        await until_quiet(replica)
        await replica.flush()
        assert stage.count()["writes"] == 1
        happened = len(stage.process.effects())
        assert effects is None or happened == effects
        assert stage.world.outcomes(intent)[-1] == ("posted" if happened else "not_seen")
        await stage.psa.close()


async def test_an_effect_after_the_time_out_is_found_before_w_is_over(tmp_path: Path) -> None:
    """Autotask carries the request out when nobody listens any more: one effect, and *posted*."""
    with tenant(tmp_path, seed(), wait=9.0) as stage:
        replica = await stage.linked(1)
        stage.process.fault("apply_late", seconds=4, times=1)
        intent = await stage.world.release(replica, LineId(1000), TODAY, 2)
        await until_quiet(replica)
        await replica.flush()
        assert stage.world.outcomes(intent) == ["taken", "unknown", "posted"]
        assert len(stage.process.effects()) == 1
        await stage.psa.close()


async def test_a_tenant_that_moved_to_another_zone_is_found_again(tmp_path: Path) -> None:
    """A 401 on the cached address asks the zone once more: reads go on, and so does a post that met it."""
    with tenant(tmp_path, seed()) as stage:
        replica = await stage.linked(1)
        stage.process.control("POST", "faults", {"do": "stale_zone"})
        assert await stage.psa.read_services()
        stage.process.control("DELETE", "faults")
        stage.process.control("POST", "faults", {"do": "stale_zone"})
        intent = await stage.world.release(replica, LineId(1000), TODAY, 2)
        await until_quiet(replica)
        await replica.flush()
        assert stage.world.outcomes(intent) == ["taken", "posted"]
        assert not stage.world.findings.codes
        await stage.psa.close()


async def test_a_wrong_secret_is_one_finding_and_names_no_secret(tmp_path: Path) -> None:
    """However many calls met it; and nothing of the sign-in stands in the finding or the error."""
    with tenant(tmp_path, seed()) as stage:
        wrong = autotask(stage.process.url, secret="wrong-secret")
        replica = stage.world.replica(psa=wrong)
        await stage.world.mirrored(replica)
        with pytest.raises(PsaCredentialsError) as refused:
            await wrong.read_services()
        assert stage.world.findings.codes == ["credentials"]
        shown = f"{refused.value!r} {stage.world.findings.open!r} {wrong.client!r}"
        assert "wrong-secret" not in shown
        await wrong.close()
        await stage.psa.close()


async def test_units_of_the_sandbox_agree_after_ups_and_downs(tmp_path: Path) -> None:
    """10 → 12 → 10 on three dates ends where it should, seen by the sandbox's own books."""
    with tenant(tmp_path, seed()) as stage:
        replica = await stage.linked(1)
        for day, jump in ((TODAY, 2), (date(2026, 3, 11), -2), (date(2026, 3, 12), 5)):
            await stage.world.release(replica, LineId(1000), day, jump)
            await until_quiet(replica)
            await replica.flush()
        assert [stage.process.units(1000, date(2026, 3, day)) for day in (9, 10, 11, 12)] == [10, 12, 10, 15]
        await stage.psa.close()


@pytest.mark.parametrize("fault", ["unit_lag", "stale_reads"])
async def test_reads_that_lag_delay_the_answer_and_double_nothing(tmp_path: Path, fault: str) -> None:
    """10 → 12 → 10 → 13 while each read may show what was there two seconds ago."""
    with tenant(tmp_path, seed(), wait=9.0) as stage:
        replica = await stage.linked(1)
        stage.process.control("POST", "faults", {"do": fault, "seconds": 2})
        for day, jump in ((TODAY, 2), (date(2026, 3, 11), -2), (date(2026, 3, 12), 3)):
            intent = await stage.world.release(replica, LineId(1000), day, jump)
            await until_quiet(replica)
            await replica.flush()
            assert stage.world.outcomes(intent)[-1] == "posted"
        assert [stage.process.units(1000, date(2026, 3, day)) for day in (10, 11, 12)] == [12, 10, 13]
        assert len(stage.process.effects()) == 3
        await stage.psa.close()

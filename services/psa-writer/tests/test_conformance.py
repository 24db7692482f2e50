"""The memory twin and the Autotask adapter pass the same suite; the adapter against the sandbox's own process."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from sandbox_process import CODE, SECRET, USER, Sandbox, sandbox, seed
from writer_world import HandClock

from seatledger.psa_writer.adapters.autotask.client import Client, Credentials
from seatledger.psa_writer.adapters.autotask.http import Http
from seatledger.psa_writer.adapters.autotask.psa import AutotaskPsa
from seatledger.psa_writer.adapters.autotask.quota import Unlimited
from seatledger.psa_writer.adapters.memory import MemoryPsa
from seatledger.psa_writer.conformance import PsaConformance, Stage
from seatledger.psa_writer.ports import Deadline
from seatledger.runtime.clock import SystemMachine
from seatledger.schemas.ids import ContractId, LineId


@dataclass
class MemoryStage:
    psa: MemoryPsa
    contract: ContractId
    line: LineId

    def soon(self) -> Deadline:
        return Deadline(self.psa.machine.seconds() + 30)

    def past(self) -> Deadline:
        return Deadline(self.psa.machine.seconds())

    async def truth(self, on: date) -> int:
        return self.psa.units(self.line).units_at(on)

    async def lose_the_next_answer(self, *, with_effect: bool) -> None:
        self.psa.script.append("time_out_with_effect" if with_effect else "time_out_without_effect")

    async def close(self) -> None:
        """Nothing was taken."""


@dataclass
class SandboxStage:
    psa: AutotaskPsa
    contract: ContractId
    line: LineId
    process: Sandbox

    def soon(self) -> Deadline:
        return Deadline(self.psa.machine.seconds() + 30)

    def past(self) -> Deadline:
        return Deadline(self.psa.machine.seconds())

    async def truth(self, on: date) -> int:
        return self.process.units(self.line, on)

    async def lose_the_next_answer(self, *, with_effect: bool) -> None:
        self.process.fault("drop_after" if with_effect else "drop_before", times=1)

    async def close(self) -> None:
        await self.psa.close()


def autotask(url: str, secret: str = SECRET) -> AutotaskPsa:
    machine = SystemMachine()
    credentials = Credentials(username=USER, secret=secret, integration_code=CODE)
    return AutotaskPsa(Client(url, credentials, Http(write_timeout=5), Unlimited(), lambda _zone: None), machine)


class TestMemoryTwin(PsaConformance):
    @pytest.fixture
    def stage(self) -> Stage:
        psa = MemoryPsa(HandClock())
        return MemoryStage(psa, ContractId(1), psa.add_line(1000, 10))


class TestAutotask(PsaConformance):
    @pytest.fixture
    async def stage(self, tmp_path: Path) -> AsyncIterator[Stage]:
        with sandbox(tmp_path, seed()) as process:
            stage = SandboxStage(autotask(process.url), ContractId(1), LineId(1000), process)
            yield stage
            await stage.close()

"""The folder: which files wait, in which order, when they stand still, and where they go."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from seatledger.collector.adapters.file_drop import FileDrop
from seatledger.collector.ports import SourceUnreachableError
from seatledger.runtime.clock import FixedCalendar
from services.collector.tests.collector_samples import NOW, csv_text, profile
from services.collector.tests.collector_world import FakeMachine


@dataclass
class Meanwhile(FakeMachine):
    """Machine time in which things happen while somebody sleeps."""

    happens: list[Callable[[], object]] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if self.happens:
            self.happens.pop(0)()


def drop(folder: Path, machine: FakeMachine | None = None) -> FileDrop:
    return FileDrop(folder, profile(), FixedCalendar(NOW), machine or FakeMachine())


async def names(waiting: FileDrop) -> list[str]:
    return [parcel.name for parcel in await waiting.waiting()]


async def test_files_wait_in_name_order_and_others_are_left_alone(tmp_path: Path) -> None:
    """Names decide; .part files, dot files and folders are none of ours."""
    for name in ("b.csv", "a.json", "B.csv", "c.csv.part", "d.PART", ".hidden.csv"):
        (tmp_path / name).write_text("x")
    (tmp_path / "processed").mkdir()
    assert await names(drop(tmp_path)) == ["B.csv", "a.json", "b.csv"]


async def test_a_file_is_taken_once_it_stood_still_for_a_second(tmp_path: Path) -> None:
    """Each write begins the second anew; a file that stands still already costs no wait again."""
    path = tmp_path / "a.csv"
    path.write_text("1")
    machine = Meanwhile(happens=[lambda: path.write_text("12"), lambda: path.write_text("123")])
    folder = drop(tmp_path, machine)
    (parcel,) = await folder.waiting()
    assert (machine.at, (await folder.read(parcel)).failure is not None) == (1003.0, True)
    await folder.waiting()
    assert machine.at == 1003.0


async def test_the_files_are_those_present_at_the_start(tmp_path: Path) -> None:
    """What comes while we wait is for the next sweep."""
    (tmp_path / "b.csv").write_text("1")
    machine = Meanwhile(happens=[lambda: (tmp_path / "a.csv").write_text("late")])
    assert await names(drop(tmp_path, machine)) == ["b.csv"]


async def test_a_file_that_never_stands_still_holds_up_those_behind_it(tmp_path: Path) -> None:
    """After half a minute the files before it are taken; it and those behind it wait for the next sweep."""
    for name in ("a.csv", "b.csv", "c.csv"):
        (tmp_path / name).write_text("1")
    grow = tmp_path / "b.csv"
    machine = Meanwhile(happens=[lambda: grow.write_text(grow.read_text() + "1")] * 100)
    assert await names(drop(tmp_path, machine)) == ["a.csv"]
    (tmp_path / "a.csv").unlink()
    with pytest.raises(SourceUnreachableError, match=r"b\.csv is still being written"):
        await drop(tmp_path, machine).waiting()


async def test_a_name_taken_already_keeps_both(tmp_path: Path) -> None:
    """Three files of one name end as three files in processed/."""
    for text in ("1", "2", "3"):
        (tmp_path / "a.csv").write_text(text)
        folder = drop(tmp_path)
        (parcel,) = await folder.waiting()
        await folder.put_away(parcel, failed=False)
    kept = {path.name: path.read_text() for path in (tmp_path / "processed").iterdir()}
    assert kept == {"a.csv": "1", "a.1.csv": "2", "a.2.csv": "3"}


async def test_a_file_changed_after_it_was_read_is_not_put_away(tmp_path: Path) -> None:
    """Written to between reading and moving, it is another delivery and stays."""
    path = tmp_path / "a.csv"
    path.write_text(csv_text({}))
    folder = drop(tmp_path)
    (parcel,) = await folder.waiting()
    path.write_text(csv_text({"quantity": "12"}))
    await folder.put_away(parcel, failed=False)
    assert path.exists()


async def test_a_file_changed_while_it_waits_is_not_read_half(tmp_path: Path) -> None:
    """The parcel names one state of the file; another is refused with what helps."""
    path = tmp_path / "a.csv"
    path.write_text(csv_text({}))
    folder = drop(tmp_path)
    (parcel,) = await folder.waiting()
    path.write_text("x")
    with pytest.raises(SourceUnreachableError, match="changed while it was read"):
        await folder.read(parcel)


async def test_a_target_that_is_no_folder_is_told_and_loses_nothing(tmp_path: Path) -> None:
    """If processed/ cannot be had the file stays where it is."""
    (tmp_path / "a.csv").write_text(csv_text({}))
    folder = drop(tmp_path)
    (parcel,) = await folder.waiting()
    (tmp_path / "processed").write_text("in the way")
    with pytest.raises(SourceUnreachableError, match=r"a\.csv cannot be moved"):
        await folder.put_away(parcel, failed=False)
    assert (tmp_path / "a.csv").exists()


async def test_the_real_clock_waits_a_second_at_most(tmp_path: Path) -> None:
    """With machine time as it is, a file that stands still is there within two seconds."""
    from seatledger.runtime.clock import SystemMachine

    (tmp_path / "a.csv").write_text(csv_text({}))
    folder = FileDrop(tmp_path, profile(), FixedCalendar(NOW), SystemMachine())
    assert [parcel.name for parcel in await asyncio.wait_for(folder.waiting(), 5)] == ["a.csv"]

"""The state folder: can it be used, and is it ours alone?"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from seatledger.devstack.errors import DevstackBusy, DevstackError

_LOCK = "devstack.lock"
_FREE_BYTES = 100_000_000
_FULL_BYTES = 20_000_000
"""Less free space than this and the store's journal (10 MB a segment) will hit the end of the disk within minutes."""


class FolderLock:
    """An exclusive ``flock`` on ``state_dir/devstack.lock``, gone with the process that holds it."""

    def __init__(self, state_dir: Path) -> None:
        """Raises DevstackBusy with the holder's pid when another process, or another stack here, has it."""
        self._state_dir = state_dir
        self._fd = os.open(state_dir / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._fd, 20).decode().strip() or "unknown"
            os.close(self._fd)
            raise DevstackBusy(
                f"an embedded stack already runs on {state_dir} (pid {holder}); stop it, or name another `state_dir`"
            ) from None
        os.truncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let the next one in. Safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def take_folder(state_dir: Path) -> FolderLock:
    """Make the folder, prove that it can be written to and has room, and lock it.

    Raises DevstackError with the reason and the remedy, DevstackBusy when somebody else holds it.
    """
    try:
        for folder in (state_dir, state_dir / "store", state_dir / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
            _prove_writable(folder)
        lock = FolderLock(state_dir)
    except OSError as error:
        raise DevstackError(
            f"cannot use {state_dir} as state folder: {error.strerror or error}; free it up, or name a folder that you "
            "may write to as `state_dir`"
        ) from error
    try:
        _prove_room(state_dir)
    except BaseException:
        lock.release()
        raise
    return lock


def free_bytes(state_dir: Path) -> int:
    """Room left on the disk that holds the state folder, in bytes."""
    return shutil.disk_usage(state_dir).free


def is_full(state_dir: Path) -> bool:
    """Whether there is so little room that the store's next journal segment (10 MB) and its recovery may not fit."""
    return free_bytes(state_dir) < _FULL_BYTES


def _prove_writable(folder: Path) -> None:
    """Write some bytes and take them back; a full disk shows here and not when the file is made."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        probe.write_bytes(b"\0" * 65_536)
    finally:
        probe.unlink(missing_ok=True)


def _prove_room(state_dir: Path) -> None:
    if (free := free_bytes(state_dir)) < _FREE_BYTES:
        raise DevstackError(
            f"the disk of {state_dir} is full: {free // 1_000_000} MB left, the embedded store needs "
            f"{_FREE_BYTES // 1_000_000} MB; free some, or name a `state_dir` on another disk"
        )

"""One ``up`` a state folder."""

import fcntl
import os
from pathlib import Path

from seatledger.cli.errors import usage

_NAME = "up.lock"


class UpLock:
    """An exclusive lock on ``state_dir/up.lock``, gone with the process that holds it, whatever ends that."""

    def __init__(self, state_dir: Path) -> None:
        """Exit 2, with the holder's process id, where another ``up`` has it or the folder cannot be used."""
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(state_dir / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            reason = error.strerror or str(error)
            raise usage(f"state_dir {state_dir}", f"it cannot be used: {reason}", "Name another `state_dir`") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._fd, 20).decode().strip() or "unknown"
            os.close(self._fd)
            raise usage(
                f"state_dir {state_dir}",
                f"`seatledger up` already runs on it (pid {holder})",
                "Stop that one, or name another `state_dir`",
            ) from None
        os.truncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._fd)

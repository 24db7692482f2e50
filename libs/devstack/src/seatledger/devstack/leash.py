"""Runs a program so that it cannot outlive the process that asked for it, whatever kills that one.

Usage: ``python -I -S leash.py PARENT_PID PIPE_FD|- PROGRAM [ARGUMENT...]``

It ends in ``exec``, so the program keeps the pid, the process group and the open files it was started with.

- ``-`` (Linux): the kernel kills the program when the *thread* that forked it ends (``prctl(2)``, PR_SET_PDEATHSIG);
  the setting survives ``exec`` and is cleared by ``fork``, so each level of a tree has to be leashed itself.
- a file descriptor (elsewhere, and where the forking thread may end early): the read end of a pipe whose write end only
  the parent holds. A watchdog process waits for its end of file and then kills the program's process group.

This file runs as a script without site-packages: standard library only, and nothing slow to import.
"""

import contextlib
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _die_with_parent(parent: int) -> None:
    """Ask the kernel for SIGKILL when the forking thread ends, and notice a parent that is gone already."""
    import ctypes

    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died between its fork and our prctl: nobody would kill us any more
        os._exit(1)


def _leave_watchdog(pipe: int) -> None:
    """Fork a watchdog twice, so that the program never has to reap it, and wait until the fork is done."""
    program = os.getpid()
    middle = os.fork()
    if middle == 0:
        if os.fork() == 0:
            _watch(pipe, program)
        os._exit(0)
    os.waitpid(middle, 0)
    os.close(pipe)


def _watch(pipe: int, program: int) -> None:
    """Wait for the pipe's end of file (parent gone, or it has seen the program end), then kill what is left."""
    os.setsid()  # out of the program's group, or the watchdog would kill itself half way
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # keep no log file and no terminal open
        os.dup2(null, stream)
    while os.read(pipe, 1):
        pass
    with contextlib.suppress(ProcessLookupError, PermissionError):  # ended by itself; macOS: EPERM for zombies
        os.killpg(program, signal.SIGKILL)
    os._exit(0)


def main(arguments: list[str]) -> None:
    """Put on the leash, then become the program. Exit code 127 when the program cannot be run."""
    parent, pipe, program = int(arguments[0]), arguments[1], arguments[2:]
    if pipe == "-":
        _die_with_parent(parent)
    else:
        _leave_watchdog(int(pipe))
    try:
        os.execvp(program[0], program)  # noqa: S606  # the argument list is the caller's own, no shell involved
    except OSError as error:
        sys.stderr.write(f"cannot run {program[0]}: {error.strerror}\n")
        os._exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])

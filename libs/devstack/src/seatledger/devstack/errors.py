"""What can go wrong with the embedded stack, each with what a person does about it."""

from __future__ import annotations


class DevstackError(Exception):
    """The embedded stack cannot run. ``str(error)`` is one line: what is wrong, then what to do."""


class DevstackUnsupported(DevstackError):  # noqa: N818  # reads as the state it reports
    """There is no embedded broker or store for this platform or this Python."""


class DevstackBusy(DevstackError):  # noqa: N818  # reads as the state it reports
    """Another process runs an embedded stack on the same state folder."""


class ChildFailed(DevstackError):  # noqa: N818  # reads as the state it reports
    """A child process ended, or did not answer, while it was being started."""

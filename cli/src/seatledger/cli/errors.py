"""What a command can end with: an exit code, and one line that says where, what, and what to do."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command (docs/interface.md, *Exit*)."""

    DONE = 0
    NO = 1
    """Done, and the answer is no: a difference, an open finding, something held or refused."""
    USAGE = 2
    TIME = 3
    UNREACHABLE = 4


class CliError(Exception):
    """Ends a command. ``code`` is a short word for programs; the text reads ``WHERE: WHAT. WHAT TO DO``."""

    def __init__(self, code: str, where: str, message: str, do: str, *, exit_code: Exit = Exit.USAGE) -> None:
        super().__init__(f"{where}: {message}. {do}")
        self.code = code
        self.where = where
        self.message = message
        self.do = do
        self.exit_code = exit_code

    @property
    def document(self) -> dict[str, dict[str, str]]:
        """``{"error": {…}}`` for ``--json``."""
        return {"error": {"code": self.code, "where": self.where, "message": self.message, "do": self.do}}


def usage(where: str, message: str, do: str) -> CliError:
    """A command line or a configuration that cannot be carried out."""
    return CliError("usage", where, message, do)


def unreachable(where: str, message: str, do: str) -> CliError:
    """A broker, store, source or PSA that does not answer."""
    return CliError("unreachable", where, message, do, exit_code=Exit.UNREACHABLE)


def out_of_time(where: str, message: str, do: str) -> CliError:
    """``--timeout`` is over."""
    return CliError("timeout", where, message, do, exit_code=Exit.TIME)


def sentence(text: str) -> str:
    """A text from elsewhere without the full stop that :class:`CliError` adds itself."""
    return text.strip().rstrip(".")

"""``completion``: the words of this command line for a shell."""

import sys
from collections.abc import Callable
from typing import Literal

from cyclopts import App

from seatledger.cli.context import Ctx


def completion_of(app: App) -> Callable[..., int]:
    """The command that completes all commands of ``app``."""

    def completion(shell: Literal["bash", "zsh", "fish"], /, *, context: Ctx) -> int:
        """A script that completes commands and options; needs no configuration.

        bash: eval "$(seatledger completion bash)" in ~/.bashrc. zsh: save it as _seatledger in a folder of fpath.
        fish: save it as ~/.config/fish/completions/seatledger.fish.

        Example: seatledger completion bash > seatledger.bash

        Parameters
        ----------
        shell
            bash, zsh or fish.
        """
        script = app.generate_completion(prog_name="seatledger", shell=shell)
        if context.json:
            context.document({"shell": shell, "script": script})
        else:
            sys.stdout.write(script + "\n")
        return 0

    return completion

"""A command that does not outlive this process, even where this one is killed."""

import os
import sys
from collections.abc import Sequence

from worker.installation.child import TETHER


def tied(command: Sequence[str], owner: tuple[int, int] | None = None) -> list[str]:
    """The command behind the tether; to be started from the main thread, with whose end the kernel ends it.

    For root: as the user and group of `owner`, who need not be able to read our Python.
    """
    who = ":".join(map(str, (os.getpid(), *(owner or ()))))
    return [sys.executable, "-IS", str(TETHER), who, *command]

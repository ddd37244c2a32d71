"""A command that does not outlive this process, even where this one is killed."""

import os
import sys
from collections.abc import Sequence

from worker.installation.child import TETHER


def tied(command: Sequence[str]) -> list[str]:
    """The command behind the tether; to be started from the main thread, with whose end the kernel ends it."""
    return [sys.executable, "-IS", str(TETHER), str(os.getpid()), *command]

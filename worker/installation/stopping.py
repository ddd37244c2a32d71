"""Ctrl-C, SIGTERM and a closed terminal: the first asks to stop, a further one to hurry."""

import signal
from types import FrameType

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def wait_for_it(sentence: str) -> None:
    """Say the sentence, and return when this process is asked to stop: for one that has nothing else to do."""
    # Blocked first: an unblocked one would end the process before it is waited for.
    signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
    print(sentence, flush=True)  # noqa: T201
    signal.sigwait(ASKING)


class Stopping:
    """Counts what was asked, from the constructor on."""

    def __init__(self) -> None:
        self._asked = 0
        for number in ASKING:
            signal.signal(number, self._note)

    @property
    def is_asked(self) -> bool:
        """Whether somebody asked to stop."""
        return self._asked > 0

    def is_hurried(self) -> bool:
        """Whether somebody asked a second time."""
        return self._asked > 1

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._asked += 1

"""What a tool says of the outside services it calls: before a call that it is about to, after it how the service did.

    with context.services.using("web:example.org") as use:
        answer = ask()
        if answer.status >= 500:
            use.went_wrong(f"HTTP {answer.status}")

Nothing said is well, a transient ToolFailed is wrong, any other error shows nothing.  Beginning may wait for its
turn, or refuse.  Who remembers it for all workers: tasks/runs/services.py.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from models.errors import ToolFailed


class Verdict(StrEnum):
    """How a service did in a call."""

    WELL = "well"
    WRONG = "wrong"
    UNKNOWN = "unknown"


class Use:
    """One call of a service while it runs."""

    def __init__(self) -> None:
        self.verdict = Verdict.WELL
        self.reason = ""

    def went_wrong(self, reason: str) -> None:
        """The service did not do its part, as it may another time."""
        self.verdict, self.reason = Verdict.WRONG, reason

    def shows_nothing(self) -> None:
        """The call ended before the service could show anything: cancelled, or out of time of its own."""
        self.verdict = Verdict.UNKNOWN

    def broke(self, error: BaseException) -> None:
        """The call ended with this error."""
        if isinstance(error, ToolFailed) and error.transient:
            self.went_wrong(str(error.details.get("reason", error.message)))
        elif self.verdict is Verdict.WELL:
            self.shows_nothing()


class Services(Protocol):
    """The outside services, such as `web:example.org` or `git:github.com`."""

    def using(self, name: str, apart: timedelta | None = None) -> AbstractContextManager[Use]:
        """Within, the service is called; two calls are at least `apart`, where the service itself wants that.

        Raises:
            ServiceUnavailable: it is left alone for now, or has no turn soon; nothing may be called.
        """


class Unwatched:
    """Nobody keeps count."""

    @contextmanager
    def using(self, name: str, apart: timedelta | None = None) -> Iterator[Use]:
        """Any service, at once."""
        yield Use()

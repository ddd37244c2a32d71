"""Why there is no whole answer of a model: whether another try may help, and whether this one cost something."""

from collections.abc import Iterator
from typing import Any

import httpx2
import openai
from pydantic_ai.exceptions import AgentRunError, ModelAPIError, ModelHTTPError

from models.secret import HIDDEN

LONGEST_REASON = 300
TRY_LATER = (408, 409, 425, 429)
NEVER_BEGUN = (501, 503, 529)
"""Of the server's own errors those that say that no answer was begun; behind another one may be paid for."""


class NoAnswer(Exception):
    """There is no whole answer; another model, or the same one later, may have one."""

    def __init__(self, reason: str, *, is_transient: bool, is_free: bool, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason[:LONGEST_REASON]
        self.is_transient = is_transient
        self.is_free = is_free
        """Whether the server refused it: then it used nothing."""
        self.retry_after_s = retry_after_s


class CutOff(Exception):
    """Somebody wanted the call to end, and it did."""


def why(error: BaseException, credential: str | None) -> BaseException:
    """What went wrong, in words that hold nothing of the request; what is no failure of the server stays as it is."""

    def none(said: str, **how: Any) -> NoAnswer:
        # Some servers say which key they refuse.
        return NoAnswer(said.replace(credential, HIDDEN) if credential else said, **how)

    match error:
        case ModelHTTPError(status_code=status):
            is_transient = status in TRY_LATER or status >= 500
            is_free = not error.in_stream and (status < 500 or status in NEVER_BEGUN)
            how = {"is_transient": is_transient, "is_free": is_free, "retry_after_s": error.retry_after}
            return none(f"answered {status}{_said(error)}", **how)
        case ModelAPIError() | OSError() | openai.OpenAIError() | httpx2.HTTPError():
            return none(f"is not reached: {_cause(error)}", is_transient=True, is_free=_was_never_reached(error))
        case AgentRunError():
            return none(f"answered what cannot be read: {error.message}", is_transient=True, is_free=False)
    return error


def _cause(error: BaseException) -> str:
    causes = list(_causes(error))
    return next((text for each in reversed(causes) if (text := str(each))), type(causes[-1]).__name__)


def _was_never_reached(error: BaseException) -> bool:
    """Whether the connection did not come about: then nothing was asked."""
    return any(isinstance(each, httpx2.ConnectError | httpx2.ConnectTimeout) for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _said(error: ModelHTTPError) -> str:
    """What the server said besides its number."""
    body = error.body
    told = body.get("message") if isinstance(body, dict) else None
    return f": {told}" if isinstance(told, str) and told else ""

"""The errors of OpsCore: one small tree, the same on every floor.

    OpsCoreError               code                 transient   means
    ├── InvalidInput           invalid_input        no          what was handed in is wrong; see `problems`
    ├── Forbidden              forbidden            no          the asker may not do this
    ├── NotFound               not_found            no          there is no such thing, or not for the asker
    ├── Conflict               conflict             no          it changed, or its state does not allow this
    ├── ToolFailed             tool_failed          yes         a tool itself broke (not: a command failed)
    │   └── ServiceUnavailable service_unavailable  yes         an outside service is left alone: it was not called
    ├── BudgetExceeded         budget_exceeded      no          a budget has no room for the next model call
    │   └── PriceUnknown       price_unknown        no          what the call would cost cannot be kept within limits
    ├── SandboxUnavailable     sandbox_unavailable  no          this host cannot isolate: nothing was run
    └── Misconfigured          misconfigured        no          a setting is wrong; a person must act

`code` never changes once released: programs match on it.  The web maps it to a status in one place, tasks
map `transient` to a retry in one place.  A message says what could not be done and begins with "cannot";
its details are values (`task_id=…`) and must be JSON-able.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NotRequired, TypedDict


class Problem(TypedDict):
    """One mistake in what was handed in: `path` is dotted ("steps[2].with.file"), `line` counts from 1."""

    path: str
    message: str
    line: NotRequired[int | None]


class OpsCoreError(Exception):
    """Any failure that OpsCore foresaw; see the table above for the kinds."""

    code: ClassVar[str] = "error"
    transient: bool = False

    def __init__(self, message: str, *, transient: bool | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        if transient is not None:
            self.transient = transient

    def __str__(self) -> str:
        """The message, then the details in brackets, as logs and terminals show it."""
        shown = ", ".join(f"{name}={value}" for name, value in self.details.items())
        return f"{self.message} ({shown})" if shown else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # The default hands the constructor `args` alone: keyword details would be lost between processes.
        return _rebuild, (type(self), self.message, self.details), self.__dict__


def _rebuild(kind: type[OpsCoreError], message: str, details: dict[str, Any]) -> OpsCoreError:
    return kind(message, **details)


class InvalidInput(OpsCoreError):
    """What was handed in is wrong; `problems` lists every mistake that was found, not only the first."""

    code = "invalid_input"

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), **details: Any) -> None:
        super().__init__(message, **details)
        self.problems: list[Problem] = list(problems)


class Forbidden(OpsCoreError):
    """The asker may not do this."""

    code = "forbidden"


class NotFound(OpsCoreError):
    """There is no such thing, or it is not the asker's: the two are told apart for nobody."""

    code = "not_found"


class Conflict(OpsCoreError):
    """It changed meanwhile, or its state does not allow this; look again before asking again."""

    code = "conflict"


class ToolFailed(OpsCoreError):
    """A tool itself broke.  A command that failed is a result and not this."""

    code = "tool_failed"
    transient = True


class ServiceUnavailable(ToolFailed):
    """An outside service is left alone for now and was not called; `retry_after_s` says for how long."""

    code = "service_unavailable"


class BudgetExceeded(OpsCoreError):
    """A budget has no room for the next model call, which was not made; a person may raise the limit."""

    code = "budget_exceeded"


class PriceUnknown(BudgetExceeded):
    """Nobody knows what the model costs, so no budget could be kept; another model may do."""

    code = "price_unknown"


class SandboxUnavailable(OpsCoreError):
    """This host cannot isolate a command: nothing was run, and nothing may be run without it."""

    code = "sandbox_unavailable"


class Misconfigured(OpsCoreError):
    """A setting or the installation is wrong; repeating does not help, a person must act."""

    code = "misconfigured"

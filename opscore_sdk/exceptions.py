"""What can go wrong when OpsCore is asked.

OpsCoreError
├── Unreachable        no answer came
└── ApiError           an answer came, and it is a refusal: status, code, detail, problems
    ├── InvalidRequest 400, 413, 415, 422: `problems` names each field and its cure
    ├── Unauthorized   401: the token is missing or wrong
    ├── Forbidden      403
    ├── NotFound       404
    ├── Conflict       409
    └── ServerFailed   5xx
"""

from collections.abc import Mapping, Sequence
from typing import Any

from opscore_sdk.models import Problem

_ALWAYS = frozenset({"type", "title", "status", "code", "detail", "instance", "problems"})


class OpsCoreError(Exception):
    """Any failure of a call."""


class Unreachable(OpsCoreError):
    """No answer came from the server."""


class ApiError(OpsCoreError):
    """The server refused; programs match on `code`.  `facts` are values that go with this one."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(document.get("code", "unknown"))
        self.detail = str(document.get("detail") or document.get("title") or f"HTTP status {status}")
        self.problems: Sequence[Problem] = [Problem.read(each) for each in document.get("problems") or []]
        self.facts = {name: value for name, value in document.items() if name not in _ALWAYS}
        super().__init__("; ".join([self.detail, *map(str, self.problems)]))


class InvalidRequest(ApiError):
    """What was handed in is wrong."""


class Unauthorized(ApiError):
    """The token is missing or wrong."""


class Forbidden(ApiError):
    """The asker may not do this."""


class NotFound(ApiError):
    """There is no such thing."""


class Conflict(ApiError):
    """It changed meanwhile, or its state does not allow this."""


class ServerFailed(ApiError):
    """The server could not answer."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
}


def error_of(status: int, document: Mapping[str, Any]) -> ApiError:
    """The error that says what this status and problem document say."""
    return _BY_STATUS.get(status, ServerFailed if status >= 500 else ApiError)(status, document)

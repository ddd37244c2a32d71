"""What people may say about trying a failed step again, field by field: `{"attempts": 5, "first": "10 s"}`.

Written the same in a playbook, a form, the API and on the command line; kept in numbers.  What holds where several
levels say something, and what becomes of a failure: runs/retry.py.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models.errors import InvalidInput, OpsCoreError, Problem, ToolFailed
from tools import limits, quantities
from tools.quantities import Measure

MOST_ATTEMPTS = 20
MOST_FACTOR = 10
LONGEST_WAIT_S = 24 * 3600
LONGEST_TOTAL_S = 30 * 24 * 3600


class Wait(StrEnum):
    """How long to wait before the next attempt."""

    IMMEDIATE = "immediate"
    DELAYED = "delayed"
    """`first` each time."""
    EXPONENTIAL = "exponential"
    """At random up to `first`, then up to `factor` times that, and so on until `most`."""


TRANSIENT, ANY, EXIT_CODE, LIMIT = "transient", "any", "exit_code", "limit"


@dataclass(frozen=True)
class Field:
    """One field: `read` gives what is kept, or raises ValueError with the cure."""

    name: str
    title: str
    meaning: str
    read: Callable[[object], Any]


def _attempts(written: object) -> int:
    cure = f"write a whole number from 1 to {MOST_ATTEMPTS}; 1 is no second try"
    return int(_between(_number(written, cure, is_whole=True), 1, MOST_ATTEMPTS, cure))


def _factor(written: object) -> float:
    cure = f"write a number from 1 to {MOST_FACTOR}"
    return _between(_number(written, cure), 1, MOST_FACTOR, cure)


def _number(written: object, cure: str, *, is_whole: bool = False) -> float:
    try:
        if isinstance(written, bool):
            raise ValueError(cure)
        number = float(str(written))
    except ValueError:
        raise ValueError(cure) from None
    if is_whole and not number.is_integer():
        raise ValueError(cure)
    return number


def _duration(longest_s: float) -> Callable[[object], float]:
    def read(written: object) -> float:
        seconds = quantities.read(written, Measure.SECONDS)
        return _between(seconds, 0, longest_s, f"write {quantities.shown(longest_s, Measure.SECONDS)} at most")

    return read


def _between(number: float, least: float, most: float, cure: str) -> float:
    if not least <= number <= most:
        raise ValueError(cure)
    return number


def _wait(written: object) -> str:
    if str(written).strip().lower() not in list(Wait):
        raise ValueError(f"write one of {', '.join(Wait)}")
    return Wait(str(written).strip().lower()).value


def _errors(written: object) -> list[str]:
    names = written.split(",") if isinstance(written, str) else written
    if not isinstance(names, list | tuple):
        raise ValueError("write a list of error codes, such as [transient, exit_code]")
    found = list(dict.fromkeys(str(name).strip().lower() for name in names if str(name).strip()))
    if unknown := [name for name in found if name not in known_errors()]:
        raise ValueError(f"there is no error {unknown[0]}; there are {', '.join(known_errors())}")
    if not found:
        raise ValueError("name one error at least; to try nothing again write attempts: 1")
    return found


def known_errors() -> tuple[str, ...]:
    """What `errors` may name: groups, what a command may end with, the limits, and the codes of models/errors.py."""
    return (TRANSIENT, ANY, EXIT_CODE, LIMIT, *limits.BY_NAME, *sorted(kind.code for kind in _kinds()))


FIELDS = (
    Field("attempts", "Attempts", "how often a step is tried in all, 1 to 20", _attempts),
    Field("wait", "Wait", "`immediate`, `delayed` (`first` each time) or `exponential`", _wait),
    Field("first", "First wait", "the wait after the first failure, such as `5 s`", _duration(LONGEST_WAIT_S)),
    Field("factor", "Factor", "by how much an exponential wait grows each time, 1 to 10", _factor),
    Field("most", "Longest wait", "no wait of its own grows beyond this", _duration(LONGEST_WAIT_S)),
    Field("total", "In all", "no attempt begins later than this after the first one began", _duration(LONGEST_TOTAL_S)),
    Field("errors", "After which errors", "a list of error codes; `transient` unless said", _errors),
)
BY_NAME = {field.name: field for field in FIELDS}


def read(given: Mapping[str, Any], path: str = "retry") -> dict[str, Any]:
    """What is kept of what somebody wrote: durations in seconds; None and "" say nothing.

    Raises:
        InvalidInput: one problem for each field that is wrong, with the cure.
    """
    if found := problems(given, path):
        raise InvalidInput("cannot use this policy of retries", problems=found)
    return {name: BY_NAME[name].read(value) for name, value in given.items() if not _is_unset(value)}


def problems(given: Mapping[str, Any], path: str = "retry") -> list[Problem]:
    """What is wrong with what somebody wrote; empty when nothing is."""
    found = ((name, _problem(name, value)) for name, value in given.items())
    return [Problem(path=f"{path}.{name}", line=None, message=message) for name, message in found if message]


def _problem(name: object, value: object) -> str:
    field = BY_NAME.get(str(name))
    if field is None:
        return f"there is no field {name}; there are {', '.join(BY_NAME)}"
    if _is_unset(value):
        return ""
    try:
        field.read(value)
    except ValueError as error:
        return f"“{str(value)[:40]}” is no {field.title.lower()}: {error}" if field.name != "errors" else str(error)
    return ""


def _is_unset(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def in_words(kept: Mapping[str, Any]) -> str:
    """What was kept as people read it: `5 attempts, first wait 10 s`; empty where nothing was said."""
    return ", ".join(_in_words(name, kept[name]) for name in BY_NAME if name in kept)


def _in_words(name: str, value: Any) -> str:
    match name:
        case "attempts":
            return f"{value} attempt{'s' if value != 1 else ''}"
        case "wait":
            return str(value)
        case "factor":
            return f"factor {value:g}"
        case "errors":
            return f"after {', '.join(value)}"
        case _:
            return f"{BY_NAME[name].title.lower()} {quantities.shown(value, Measure.SECONDS)}"


def reference() -> str:
    """Fields and errors as Markdown."""
    rows = ["| field | what it says |", "| --- | --- |"]
    rows += [f"| `{each.name}` | {each.meaning} |" for each in FIELDS]
    errors = ["| error | what it is |", "| --- | --- |", *(f"| `{name}` | {said} |" for name, said in _explained())]
    return "\n".join([*rows, "", *errors])


def _explained() -> Iterator[tuple[str, str]]:
    yield (
        TRANSIENT,
        "what may go well another time: a tool that broke, a service that is away; of a tool whose effect "
        "must not happen twice only what was not called",
    )
    yield ANY, "every error"
    yield EXIT_CODE, "a command that ended with another code than 0"
    yield LIMIT, "any limit that was hit"
    for kind in limits.KINDS:
        yield kind.name, f"this limit was hit: {kind.title}"
    for error in sorted(_kinds(), key=lambda each: each.code):
        said = (error.__doc__ or "").strip().partition("\n")[0]
        yield error.code, f"{said[0].lower()}{said[1:]}".rstrip(".")


def _kinds() -> list[type[OpsCoreError]]:
    kinds = [*OpsCoreError.__subclasses__(), *ToolFailed.__subclasses__()]
    return [kind for kind in kinds if kind.__module__ == OpsCoreError.__module__]

"""What a step came to, in the form that its row keeps."""

import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from models.errors import BudgetExceeded, OpsCoreError, SandboxUnavailable
from models.step import StepState
from tools.contract import ToolResult
from tools.limits import Effective, Limit

# An event carries counts; the paths themselves stand in the step's row, so many at most.
MOST_PATHS = 2000
MOST_DEPTH = 200
TOO_DEEP = "(left out: it is nested too deeply)"
_ERROR = re.compile(r"^\s*error:\s*(.+)$", re.IGNORECASE)
_RAISED = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Warning|Interrupt|Exit)\b.*")


@dataclass(frozen=True)
class KeptFile:
    """A file under output/ as the step left it."""

    path: str
    size_bytes: int
    media_type: str


@dataclass
class StepOutcome:
    """A finished step."""

    state: StepState
    exit_code: int | None = None
    output: dict[str, Any] = field(default_factory=dict)
    stdout: str = ""
    stderr: str = ""
    resources: dict[str, Any] = field(default_factory=dict)
    hit: Limit | None = None
    """The limit that ended or broke it, if one did."""
    error_code: str | None = None
    error_message: str | None = None
    is_transient: bool = False
    """Whether its failure may go well another time: tasks/runs/retry.py."""
    retry_after_s: float | None = None
    """Earlier than this it cannot."""
    snapshot_before: str | None = None
    snapshot: str | None = None
    is_kept: bool = False
    """Whether the folder was looked at, and what follows is about it."""
    changes: dict[str, list[str]] = field(default_factory=dict)
    files: int = 0
    total_bytes: int = 0
    artifacts: list[KeptFile] = field(default_factory=list)
    for_model: str | None = None
    """What the model whose call it is is told of it."""
    usage: dict[str, Any] = field(default_factory=dict)
    """Of a model call."""

    def columns(self) -> dict[str, Any]:
        """The values of the step's row."""
        apart = {"artifacts", "files", "total_bytes", "hit", "is_transient", "retry_after_s", "is_kept"}
        return {name: value for name, value in vars(self).items() if name not in apart}

    def told(self) -> dict[str, Any]:
        """What the timeline says."""
        return {
            "state": self.state,
            "exit_code": self.exit_code,
            "wall_s": self.resources.get("wall_s"),
            "snapshot": self.snapshot,
            "changes": {kind: len(paths) for kind, paths in self.changes.items()},
            "error": self.error_message,
            **({"killed": killed} if (killed := self.resources.get("processes_killed")) else {}),
            **({"limit": _told(self.hit)} if self.hit else {}),
        }


def of_result(result: ToolResult, limits: Effective) -> StepOutcome:
    """The outcome of a call under these limits that came to its end, well or not."""
    hit = limits.of(result.hit) if result.hit else None
    is_good = result.exit_code == 0 and hit is None
    stdout, stderr = clean(result.stdout.text), clean(result.stderr.text)
    told = {name: value for name, value in result.output.items() if name not in ("stdout", "stderr")}
    sizes = {"stdout_bytes": result.stdout.total_bytes, "stderr_bytes": result.stderr.total_bytes}
    outcome = StepOutcome(
        state=StepState.SUCCEEDED if is_good else StepState.FAILED,
        exit_code=result.exit_code,
        output=clean(told),
        stdout=stdout,
        stderr=stderr,
        resources={**asdict(result.resources), **sizes, "hit": result.hit},
        hit=hit,
    )
    if not is_good:
        outcome.is_transient, outcome.retry_after_s = result.is_transient, result.retry_after_s
        outcome.error_code = result.hit or "exit_code"
        outcome.error_message = hit.reached if hit else first_error(result.exit_code, stderr)
    return outcome


def _told(hit: Limit) -> dict[str, Any]:
    return {"name": hit.kind.name, "value": hit.value, "set_by": list(hit.set_by)}


def of_error(error: OpsCoreError) -> StepOutcome:
    """The outcome of a call that could not be made."""
    failed = StepOutcome(state=StepState.FAILED, error_code=error.code, error_message=describe(error))
    failed.is_transient, failed.retry_after_s = error.transient, error.details.get("retry_after_s")
    return failed


def describe(error: OpsCoreError) -> str:
    """The error with everything it says is wrong, for a row."""
    if isinstance(error, SandboxUnavailable) and "reasons" in error.details:
        # Why each tier failed is long and for whoever looks after the host: it stands on the agent's page.
        return f"{error.message}; bin/opscore doctor there names the cure"
    if isinstance(error, BudgetExceeded):
        return clean(error.message)  # it says its numbers itself, as people read them
    problems = "; ".join(f"{each['path']} {each['message']}" for each in getattr(error, "problems", []))
    said = "; ".join([error.message, *_told_besides(error)])
    return clean(f"{said}: {problems}" if problems else said)


def _told_besides(error: OpsCoreError) -> Iterator[str]:
    """The error's details as a person reads them, but for what its message says already."""
    for name, value in error.details.items():
        told = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        if told in error.message:
            continue
        match name:
            case "retry_after_s":
                continue  # for programs: people are told when the next attempt comes
            case "cure":
                yield told
            case "setting":
                yield f"{told} is the setting"
            case _:
                yield f"{name.replace('_', ' ')}: {told}"


def first_error(exit_code: int | None, stderr: str) -> str:
    """The one line that tells a person why the step failed."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    for line in lines:
        if found := _ERROR.match(line):
            return found[1]
    raised = [line for line in lines if _RAISED.match(line)]
    if raised:
        return raised[-1]
    return lines[-1] if lines else f"ended with exit code {exit_code}"


def clean(value: Any, depth: int = 0) -> Any:
    """The value as every database can keep it: no NUL (PostgreSQL), no lone surrogate (UTF-8), no infinity (JSON).

    What is nested deeper than anybody reads is left out: no JSON could be made of it.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return _clean_text(value)
    if not isinstance(value, dict | list | tuple):
        return value
    if depth >= MOST_DEPTH:
        return TOO_DEEP
    if isinstance(value, dict):
        return {clean(str(key)): clean(item, depth + 1) for key, item in value.items()}
    return [clean(item, depth + 1) for item in value]


def _clean_text(text: str) -> str:
    text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        # Halves that came apart and stand side by side again are one character.
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return joined.encode("utf-8", "replace").decode("utf-8")
    return text

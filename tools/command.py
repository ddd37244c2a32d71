"""What the tools that run programs share: one sandbox call, and its end as a `ToolResult`.

Used by terminal.py, python.py and archive/.  A program hands values to later steps by printing a JSON object as
its last line.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from models.errors import InvalidInput
from tools import environment, files_at
from tools.contract import Captured, Context, Finished, ToolResult, Values
from tools.network import connected
from tools.network.reach import Reach
from tools.packages import layer
from tools.sandbox.contract import Call, Word

Argument = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=100_000)]
"""One word of a command line: the kernel takes no NUL and no more than 128 KiB."""

ARGUMENTS_BYTES = 2**20
STDOUT_CHARACTERS = 65_536


class CommandOutput(Values):
    """What later steps can read.  The keys of `result` are at the top level as well."""

    exit_code: int | None = Field(description="The program's; 124 when its time was up, None when cancelled.")
    stdout: str = Field(description="What it printed, the middle left out if it is long.")
    result: dict[str, Any] | None = Field(None, description="Its last line, if that is a JSON object.")


def run(
    command: Sequence[Word],
    context: Context,
    *,
    cwd: str = ".",
    stdin: str = "",
    env: Mapping[str, Word | tuple[Word, ...]] | None = None,
    files: Mapping[str, bytes] | None = None,
    reach: Reach | None = None,
    packages: Path | None = None,
) -> ToolResult:
    """Run the command in the sandbox, on the workspace, within the context's limits.

    With `reach` it finds a way to those hosts; without it there is no network.  `packages` is the folder of the
    task's own (packages/layer.py), seen over the shared environment.

    Raises:
        InvalidInput: the command line is too long, or `cwd` is not below the workspace.
        SandboxUnavailable: nothing was run.
    """
    if sum(len(os.fsencode(word)) + 1 for word in command if isinstance(word, str)) > ARGUMENTS_BYTES:
        raise InvalidInput("cannot start the command: its arguments are too long", most_bytes=ARGUMENTS_BYTES)
    tool_env, variables = _tools(context.tool_env), {**context.environment, **(env or {})}
    call = Call(
        command=tuple(command),
        workspace=context.workspace.path,
        tool_env=tool_env,
        packages=packages,
        cwd=files_at.clean(cwd),
        stdin=stdin.encode("utf-8", "surrogateescape"),
        env=layer.over(variables, tool_env) if packages is not None else variables,
        files=files or {},
        limits=context.limits,
    )
    if reach is not None:
        return as_result(connected.run(call, context, reach))
    return as_result(context.sandbox.run(call, emit=context.emit, is_cancelled=context.is_cancelled))


def as_result(finished: Finished) -> ToolResult:
    """The sandbox's account as a tool's result."""
    result = last_object(finished.stdout)
    own = CommandOutput(exit_code=finished.exit_code, stdout=_shortened(finished.stdout.text), result=result)
    return ToolResult(
        exit_code=finished.exit_code,
        stdout=finished.stdout,
        stderr=finished.stderr,
        output={**(result or {}), **own.model_dump()},
        resources=finished.resources,
        hit=finished.hit,
    )


def last_object(stdout: Captured) -> dict[str, Any] | None:
    """The last line of the output if it is a JSON object that every database takes; else None."""
    line = stdout.text.rstrip().rpartition("\n")[2]
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line, parse_constant=_refuse)
        # A number may be too large to be one: 1e999 is read as infinite.
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return found if "\\u0000" not in line else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _shortened(text: str) -> str:
    if len(text) <= STDOUT_CHARACTERS:
        return text
    half = STDOUT_CHARACTERS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"


def _tools(path: Path) -> Path | None:
    return path if environment.is_ready(path) else None

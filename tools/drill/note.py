"""drill.note_*: say in a file outside of OpsCore that a call was made, once for each effect class.

What the file says after processes were killed shows which calls were repeated, and whether the outside saw an
effect twice: docs/how-to/chaos.md.  They run in the worker, since that file is no part of a workspace, and
refuse where the setting `drill_ledger` names none.
"""

import json
import os
import time
from pathlib import Path

from pydantic import Field

import settings
from models.errors import InvalidInput
from tools import triggers
from tools.contract import Arguments, Context, Effect, Tool, ToolResult, Values
from tools.paths import FilePath

LOOK_EVERY_S = 0.02


class NoteInput(Arguments):
    """What all three are told."""

    key: str = Field(max_length=200, description="What the line in the ledger is to be called.")
    sleep_s: float = Field(0, ge=0, le=3600, description="Seconds to wait after the line was written.")


class WritingInput(NoteInput):
    """What those are told besides that may change something."""

    path: FilePath | None = Field(
        None, description="File of the workspace to which lines are added too; none by default."
    )
    lines: int = Field(1, ge=1, le=100_000, description="How many lines to add to that file.")


class NoteOutput(Values):
    """What all three say."""

    key: str
    line: str = Field(description="The line in the ledger.")


class NotePure(Tool):
    """A call that says it changes nothing."""

    name = "drill.note_pure"
    purpose = "For exercises: note the call in the outside ledger, and claim to change nothing."
    effect = Effect.PURE
    Input = NoteInput
    Output = NoteOutput
    uses_workspace = False

    def run(self, call: NoteInput, context: Context) -> ToolResult:
        return _note(self.effect, call, context)


class NoteIdempotent(Tool):
    """A call that may be repeated."""

    name = "drill.note_idempotent"
    purpose = "For exercises: note the call in the outside ledger, as an effect that may be repeated."
    effect = Effect.IDEMPOTENT
    Input = WritingInput
    Output = NoteOutput

    def run(self, call: NoteInput, context: Context) -> ToolResult:
        return _note(self.effect, call, context)


class NoteOnce(Tool):
    """A call that must not be repeated."""

    name = "drill.note_once"
    purpose = "For exercises: note the call in the outside ledger, as an effect that must not happen twice."
    effect = Effect.ONCE
    Input = WritingInput
    Output = NoteOutput

    def run(self, call: NoteInput, context: Context) -> ToolResult:
        return _note(self.effect, call, context)


def _note(effect: Effect, call: NoteInput, context: Context) -> ToolResult:
    ledger = _ledger()
    line = _line(call.key, effect, context.idempotency_key)
    # A worker that stood still may have lost its task meanwhile: nothing may go outside then.
    if context.is_cancelled():
        return ToolResult(exit_code=None)
    _append(ledger, line)
    if isinstance(call, WritingInput) and call.path is not None:
        _write(context, call.path, call.key, call.lines)
    is_over = _sleep(call.sleep_s, context)
    return ToolResult(exit_code=0 if is_over else None, output={"key": call.key, "line": line})


def _ledger() -> Path:
    found = settings.load().drill_ledger
    if found is None:
        raise InvalidInput("cannot note anything: OPSCORE_DRILL_LEDGER names no file; these tools are for exercises")
    return found


def _line(key: str, effect: Effect, idempotency_key: str) -> str:
    told = {"key": key, "effect": effect, "idempotency_key": idempotency_key, "pid": os.getpid(), "at": time.time()}
    return json.dumps(told)


def _append(ledger: Path, line: str) -> None:
    # One write of one line: the lines of two processes do not mix.
    file = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, f"{line}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)


def _write(context: Context, path: str, key: str, lines: int) -> None:
    """In two halves: whoever is cut off between them leaves a file that no finished step left."""
    text = [f"{key} {number}\n" for number in range(1, lines + 1)]
    half = lines // 2
    context.workspace.write_bytes(path, "".join(text[:half]).encode(), append=True)
    triggers.at("step.in_the_middle")
    context.workspace.write_bytes(path, "".join(text[half:]).encode(), append=True)


def _sleep(seconds: float, context: Context) -> bool:
    """Whether it slept to the end."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if context.is_cancelled():
            return False
        time.sleep(min(left, LOOK_EVERY_S))
    return True

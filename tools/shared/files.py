"""shared.*: write, read, list, lock and unlock files of the family's shared folder.

A file is copied between the workspace and the folder whole.  Whoever names the version that they read overwrites no
other's work; whoever needs longer takes the lock, which ends with the task or in time.
"""

import io
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pydantic import Field

from models.errors import InvalidInput, Problem
from tools.contract import MIB, Arguments, Captured, Context, Effect, Tool, ToolResult, Values
from tools.paths import FilePath
from tools.team.port import SharedFile

TEXT_BYTES = 64 * 1024
FILE_BYTES = 256 * MIB
LONGEST_LOCK_S = 3600

_PATH = Field(min_length=1, max_length=500, description="Path in the shared folder, such as notes/plan.md.")


class OneFile(Arguments):
    """What names one file."""

    path: FilePath = _PATH


class FileOutput(Values):
    """How the file stands."""

    path: str
    version: int = Field(description="To be named when it is written again; 0: not written yet.")


class SharedWrite(Tool):
    """Put a file into the shared folder."""

    name = "shared.write"
    purpose = "Put a file of the workspace, or a text, into the folder that the family shares."
    effect = Effect.IDEMPOTENT

    class Input(OneFile):
        file: FilePath | None = Field(None, description="File of the workspace to put there.")
        text: str | None = Field(None, description="What it is to hold, in place of a file.")
        version: int | None = Field(None, ge=0, description="Write over this version alone; 0: only if it is new.")

    Output = FileOutput

    def run(self, call: Input, context: Context) -> ToolResult:
        if (call.file is None) == (call.text is None):
            problem = Problem(path="file", line=None, message="name a file or give a text, one of the two")
            raise InvalidInput("cannot write the shared file", problems=[problem])
        if call.text is not None:
            return _told(
                context.family.share(call.path, io.BytesIO(call.text.encode("utf-8", "replace")), call.version)
            )
        size = context.workspace.entry(str(call.file)).size
        if size > FILE_BYTES:
            raise InvalidInput("cannot write the shared file: it is too large", most_bytes=FILE_BYTES)
        with context.workspace.open_for_read(str(call.file)) as content:
            return _told(context.family.share(call.path, content, call.version))


class SharedRead(Tool):
    """Read a file of the shared folder."""

    name = "shared.read"
    purpose = "Read a file of the folder that the family shares, or copy it into the workspace."
    effect = Effect.IDEMPOTENT

    class Input(OneFile):
        into: FilePath | None = Field(
            None, description="File of the workspace to copy it to; else its text is returned."
        )

    class Output(FileOutput):
        text: str = Field("", description="Its beginning, where it was not copied.")
        size: int

    def run(self, call: Input, context: Context) -> ToolResult:
        found, content = context.family.open_shared(call.path)
        with content:
            if call.into is None:
                data = content.read(TEXT_BYTES)
                text = Captured(head=data, total_bytes=len(data)).text
                return _told(found, text=text, truncated=found.size > len(data))
            if found.size > min(FILE_BYTES, context.limits.file_bytes):
                raise InvalidInput("cannot copy the shared file: it is larger than a file may be", size=found.size)
            context.workspace.write_bytes(call.into, content.read())
            return _told(found, file=call.into)


class SharedList(Tool):
    """List the shared folder."""

    name = "shared.list"
    purpose = "List the files of the folder that the family shares, with their versions and locks."
    effect = Effect.PURE
    uses_workspace = False
    Input = Arguments

    class Output(Values):
        files: list[dict[str, Any]] = Field(description="path, version, size, written_by, locked_by, locked_until.")

    def run(self, call: Arguments, context: Context) -> ToolResult:
        return ToolResult(output={"files": [asdict(each) for each in context.family.shared_files()]})


class SharedLock(Tool):
    """Lock a file of the shared folder."""

    name = "shared.lock"
    purpose = "Keep other tasks from writing a shared file until it is unlocked, the time is up or this task ends."
    effect = Effect.IDEMPOTENT
    uses_workspace = False

    class Input(OneFile):
        seconds: float = Field(300, gt=0, le=LONGEST_LOCK_S, description="For how long at most.")

    Output = FileOutput

    def run(self, call: Input, context: Context) -> ToolResult:
        return _told(context.family.lock_shared(call.path, timedelta(seconds=call.seconds)))


class SharedUnlock(Tool):
    """Unlock a file of the shared folder."""

    name = "shared.unlock"
    purpose = "Let other tasks write the shared file again."
    effect = Effect.IDEMPOTENT
    uses_workspace = False
    Input = OneFile
    Output = FileOutput

    def run(self, call: OneFile, context: Context) -> ToolResult:
        return _told(context.family.unlock_shared(call.path))


def _told(found: SharedFile, **more: Any) -> ToolResult:
    return ToolResult(output=asdict(found) | more)

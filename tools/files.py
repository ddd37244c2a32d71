"""files.*: write, read, list, move and delete files of the workspace, without a program and without a sandbox.

They run in the trusted worker, so every path goes through workspace.py, which follows no link.
"""

from dataclasses import asdict
from typing import Any

from pydantic import Field

from models.errors import NotFound
from tools import text_diff
from tools.contract import MIB, Arguments, Captured, Context, Effect, Tool, ToolResult, Values
from tools.paths import AnyPath, FilePath
from tools.workspace import Workspace

READ_BYTES = MIB
PREVIEW_BYTES = 512 * 1024
LISTED = 10_000

_PATH = Field(description="Path in the workspace, such as output/report.html.")


class FilesWrite(Tool):
    """Write a text file."""

    name = "files.write"
    purpose = "Write a text file of the workspace, making its folders; replaces it, or adds to its end."
    effect = Effect.IDEMPOTENT

    class Input(Arguments):
        path: FilePath = _PATH
        text: str = Field(description="What it is to hold.")
        append: bool = Field(False, description="Add to the end of what is there.")

    class Output(Values):
        path: str
        size: int = Field(description="Bytes in the file now.")

    def preview(self, call: Input, workspace: Workspace) -> str:
        before = _text_of(call.path, workspace)
        if before is None:
            how = "added to" if call.append else "replaced"
            return f"{call.path} holds no text, or is very large; it would be {how}.\n"
        return _diff(call.path, before, before + call.text if call.append else call.text)

    def run(self, call: Input, context: Context) -> ToolResult:
        data = call.text.encode("utf-8", "replace")
        size = context.workspace.write_bytes(call.path, data, append=call.append)
        return _result(path=call.path, size=size)


class FilesRead(Tool):
    """Read a text file."""

    name = "files.read"
    purpose = "Read a text file of the workspace, or a part of it."
    effect = Effect.PURE

    class Input(Arguments):
        path: FilePath = _PATH
        limit: int = Field(READ_BYTES, ge=1, le=READ_BYTES, description="Most bytes to read.")
        offset: int = Field(0, ge=0, le=2**53, description="Bytes to leave out before.")

    class Output(Values):
        path: str
        text: str = Field(description="Bytes that are no UTF-8 look like U+FFFD.")
        size: int = Field(description="Bytes in the file.")
        truncated: bool = Field(description="Whether more of it follows.")

    def run(self, call: Input, context: Context) -> ToolResult:
        with context.workspace.open_for_read(call.path) as file:
            file.seek(call.offset)
            data = file.read(call.limit)
        size = context.workspace.entry(call.path).size
        text = Captured(head=data, total_bytes=len(data)).text
        return _result(path=call.path, text=text, size=size, truncated=size > call.offset + len(data))


class FilesList(Tool):
    """List a folder."""

    name = "files.list"
    purpose = "List a folder of the workspace, or everything below it."
    effect = Effect.PURE

    class Input(Arguments):
        path: AnyPath = Field(".", description="Folder in the workspace.")
        recursive: bool = Field(False, description="Everything below it too.")
        limit: int = Field(1000, ge=1, le=LISTED, description="Most entries to list.")

    class Output(Values):
        entries: list[dict[str, Any]] = Field(description="path, kind, size in bytes, modified_at in seconds.")
        truncated: bool

    def run(self, call: Input, context: Context) -> ToolResult:
        look = context.workspace.walk if call.recursive else context.workspace.list
        found = [asdict(entry) for entry in look(call.path, call.limit + 1)]
        return _result(entries=found[: call.limit], truncated=len(found) > call.limit)


class FilesMove(Tool):
    """Rename a file or folder."""

    name = "files.move"
    purpose = "Move or rename a file or folder within the workspace; replaces nothing."
    effect = Effect.IDEMPOTENT

    class Input(Arguments):
        source: FilePath = _PATH
        target: FilePath = _PATH

    class Output(Values):
        path: str

    def run(self, call: Input, context: Context) -> ToolResult:
        context.workspace.move(call.source, call.target)
        return _result(path=call.target)


class FilesDelete(Tool):
    """Delete a file or folder."""

    name = "files.delete"
    purpose = "Delete a file of the workspace, or a folder with all that is in it."
    effect = Effect.IDEMPOTENT

    class Input(Arguments):
        path: FilePath = _PATH

    class Output(Values):
        deleted: int = Field(description="How many files and folders went.")

    def preview(self, call: Input, workspace: Workspace) -> str:
        if workspace.entry(call.path).kind != "file":
            return f"{call.path} is a folder; all that is in it would go.\n"
        before = _text_of(call.path, workspace)
        return _diff(call.path, before, None) if before else f"{call.path} would go.\n"

    def run(self, call: Input, context: Context) -> ToolResult:
        return _result(deleted=context.workspace.delete(call.path))


def _result(**output: Any) -> ToolResult:
    return ToolResult(output=output)


def _text_of(path: str, workspace: Workspace) -> str | None:
    """The file's text, empty where there is none; None where a diff of it would make no sense."""
    try:
        data = workspace.read_bytes(path, PREVIEW_BYTES + 1)
    except NotFound:
        return ""
    if len(data) > PREVIEW_BYTES or b"\0" in data:
        return None
    return data.decode("utf-8", "replace")


def _diff(path: str, before: str, after: str | None) -> str:
    """What differs; None after is a file that goes."""
    names = f"a/{path}" if before else "/dev/null", "/dev/null" if after is None else f"b/{path}"
    lines = text_diff.unified(before.splitlines(keepends=True), (after or "").splitlines(keepends=True), *names)
    return text_diff.joined(lines)

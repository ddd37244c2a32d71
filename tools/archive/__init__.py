"""archive.unpack: unpack a zip or tar file of the workspace.

An archive is hostile until shown otherwise, and so is what its decoder does with it: the work is done in the
sandbox, by inside.py.
"""

from pathlib import Path

from pydantic import Field

from models.errors import InvalidInput
from tools import command, files_at, interpreter
from tools.command import CommandOutput
from tools.contract import Arguments, Context, Effect, Tool, ToolResult
from tools.sandbox.contract import Inside, Word

MOST_ENTRIES = 100_000
_PROGRAM = "unpack.py"


class ArchiveUnpack(Tool):
    """Unpack an archive."""

    name = "archive.unpack"
    purpose = "Unpack a zip or tar archive (gz, bz2, xz) of the workspace into a folder; links are left out."
    effect = Effect.IDEMPOTENT
    needs = frozenset({"sandbox"})

    class Input(Arguments):
        archive: str = Field(description="Path of the archive in the workspace.")
        into: str = Field(description="Folder to unpack into; made if it is not there.")

    class Output(CommandOutput):
        files: int | None = Field(None, description="How many files were unpacked.")
        total_bytes: int | None = Field(None, description="And how large they are together.")
        left_out: list[str] | None = Field(None, description="Names that were not: links, special files, ways out.")

    def run(self, call: Input, context: Context) -> ToolResult:
        archive, into = files_at.clean(call.archive), files_at.clean(call.into)
        if context.workspace.entry(archive).kind != "file":
            raise InvalidInput("cannot unpack it: it is no file", path=archive)
        most = [str(MOST_ENTRIES), str(context.limits.workspace_bytes)]
        words: list[Word] = [Inside("workspace", archive), Inside("workspace", into), *most]
        program = Path(__file__).with_name("inside.py").read_bytes()
        python = str(interpreter.base().executable)
        return command.run([python, "-I", "-S", Inside("given", _PROGRAM), *words], context, files={_PROGRAM: program})

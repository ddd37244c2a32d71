"""terminal.run: start a program on the workspace, without a shell and without a terminal.

A program that asks a person gets no answer: `isatty` is false and /dev/tty is not there.
The allow-list keeps agents to programs that are known to be there and to be of use.  It is a convenience and
no boundary: `find -exec`, `awk`, `env` and a dozen others start anything.  The boundary is the sandbox.
"""

from pathlib import Path, PurePosixPath

from pydantic import Field

from models.errors import Forbidden
from tools import command
from tools.command import Argument, CommandOutput
from tools.contract import Arguments, Context, Effect, Limits, Tool, ToolResult
from tools.packages import layer
from tools.sandbox.contract import Inside, Word


class TerminalRun(Tool):
    """Run one program with its arguments."""

    name = "terminal.run"
    purpose = "Run a program with arguments on the workspace, in the sandbox, without a shell or a terminal."
    effect = Effect.IDEMPOTENT
    limits = Limits()
    needs = frozenset({"sandbox"})
    Output = CommandOutput

    class Input(Arguments):
        command: list[Argument] = Field(
            min_length=1, max_length=10_000, description="The program and its arguments; no shell reads it."
        )
        cwd: str = Field(".", description="Folder of the workspace to run it in.")
        stdin: str = Field("", description="Text for its standard input.")

    def run(self, call: Input, context: Context) -> ToolResult:
        with layer.of_task(context) as packages:
            words = (_allowed(call.command[0], packages, context), *call.command[1:])
            return command.run(words, context, cwd=call.cwd, stdin=call.stdin, packages=packages)


def _allowed(asked: str, packages: Path | None, context: Context) -> Word:
    """The program to start: one of the list, or a script of the task's own packages by its bare name.

    Raises:
        Forbidden: it is neither.
    """
    program = PurePosixPath(asked).name
    if program in context.terminal_allow:
        return asked
    if packages is not None and asked in layer.scripts(packages):
        return Inside("packages", f"{layer.SCRIPTS}/{asked}")
    raise Forbidden(
        "cannot start this program: it is not on the allow-list",
        program=program,
        allowed=sorted(context.terminal_allow),
        setting="OPSCORE_TERMINAL_ALLOW",
    )

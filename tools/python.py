"""python.run: run Python code or a file of the workspace, with the packages of the tool environment.

What the environment holds: environment.in; what a task adds: packages/.  Modules of the workspace's root can be
imported.
"""

import hashlib
from typing import Self

from pydantic import Field, model_validator

from models.errors import InvalidInput, Misconfigured, NotFound
from tools import command, environment, files_at, text_diff
from tools.command import Argument, CommandOutput
from tools.contract import MIB, Arguments, Context, Effect, Limits, Tool, ToolResult
from tools.packages import layer
from tools.paths import FilePath
from tools.sandbox.contract import Inside, Word
from tools.workspace import Workspace

_PYTHON = Inside("tools", "bin/python")
_CODE = "code.py"
SHOWN_BYTES = 512 * 1024
"""Most of a program that is shown before it is approved; its digest is of all of it."""


class PythonRun(Tool):
    """Run Python."""

    name = "python.run"
    purpose = "Run Python code, or a Python file of the workspace, in the sandbox; pandas and matplotlib are there."
    effect = Effect.IDEMPOTENT
    limits = Limits()
    needs = frozenset({"sandbox"})
    Output = CommandOutput

    class Input(Arguments):
        code: str | None = Field(None, description="The code itself.")
        file: FilePath | None = Field(None, description="Or a file of the workspace that holds it.")
        args: list[Argument] = Field(default_factory=list, max_length=10_000, description="Its sys.argv[1:].")
        stdin: str = Field("", description="Text for its standard input.")

        @model_validator(mode="after")
        def _one_of_both(self) -> Self:
            if (self.code is None) == (self.file is None):
                raise ValueError("give either code or file")
            return self

    def preview(self, call: Input, workspace: Workspace) -> str:
        if call.file is None:
            return ""
        program = workspace.read_bytes(call.file, SHOWN_BYTES)
        return text_diff.unchanged(call.file, program.decode("utf-8", "replace"))

    def bound_to(self, call: Input, workspace: Workspace) -> str:
        if call.file is None:
            return ""
        digest = hashlib.sha256()
        try:
            with workspace.open_for_read(call.file) as file:
                while part := file.read(MIB):
                    digest.update(part)
        except (InvalidInput, NotFound):
            return "nothing to run"  # the call itself will say so
        return digest.hexdigest()

    def run(self, call: Input, context: Context) -> ToolResult:
        if not environment.is_ready(context.tool_env):
            raise Misconfigured(
                "cannot run Python: its environment is not built",
                path=str(context.tool_env),
                cure=f"python -m tools.environment {context.tool_env}",
            )
        files = {} if call.code is None else {_CODE: call.code.encode("utf-8", "surrogateescape")}
        script = _script(call, context) if call.code is None else Inside("given", _CODE)
        words: tuple[Word, ...] = (_PYTHON, script, *call.args)
        env = {"PYTHONPATH": Inside("workspace")}
        with layer.of_task(context) as packages:
            return command.run(words, context, stdin=call.stdin, env=env, files=files, packages=packages)


def _script(call: PythonRun.Input, context: Context) -> Inside:
    path = files_at.clean(call.file or "")
    if context.workspace.entry(path).kind != "file":
        raise InvalidInput("cannot run it: it is no file", path=path)
    return Inside("workspace", path)

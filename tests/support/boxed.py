"""A workspace with a sandbox: what the suites of tests/contract and tests/security run things in."""

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tools import interpreter
from tools.contract import Context, Emit, Finished, Limits, ToolResult, ignore, never
from tools.registry import find
from tools.sandbox.contract import Call, Inside, Sandbox, Word
from tools.sandbox.worker_name import worker_name
from tools.workspace import Workspace

QUICK = Limits(wall_s=20)


@dataclass(frozen=True)
class Box:
    """One workspace and the sandbox that this host has."""

    workspace: Workspace
    sandbox: Sandbox
    tool_env: Path

    def run(self, *command: Word, limits: Limits = QUICK, **more: Any) -> Finished:
        """Run a command inside; `more` are fields of `Call`, `emit` and `is_cancelled`."""
        emit: Emit = more.pop("emit", ignore)
        is_cancelled = more.pop("is_cancelled", never)
        call = Call(command, self.workspace.path, limits=limits, **more)
        return self.sandbox.run(call, emit=emit, is_cancelled=is_cancelled)

    def python(self, code: str, *args: str, limits: Limits = QUICK, **more: Any) -> Finished:
        """Run code inside with the base Python, which needs no tool environment."""
        files = {"code.py": code.encode()}
        command = (str(interpreter.base().executable), "-I", "-S", Inside("given", "code.py"), *args)
        return self.run(*command, limits=limits, files=files, **more)

    def context(self, **more: Any) -> Context:
        """What a tool is handed; `more` replaces its fields."""
        return Context(
            **{
                "workspace": self.workspace,
                "sandbox": self.sandbox,
                "limits": QUICK,
                "tool_env": self.tool_env,
                "terminal_allow": ("cat", "echo", "find", "ls", "sh"),
                **more,
            }
        )

    def tool(self, name: str, /, **arguments: Any) -> ToolResult:
        """Call a tool as a run would."""
        tool = find(name)
        return tool.run(tool.parse(arguments), self.context())


def a_gone_worker() -> str:
    """The name of a worker of this host that lives no more: no pid is as large as that."""
    return f"opscore-worker-9999999-0-{worker_name().rpartition('-')[2]}"


def new_marker() -> str:
    """An argument for `sleep`, about a minute, that no other process of the host has."""
    return f"60.{random.randrange(10**9):09}"


def processes_with(marker: str, but: str = "") -> list[int]:
    """Pids of the host's processes that have the marker in their command line, ours left out.

    Those of the sandbox itself have it too; those with the name `but` are left out.
    """
    found = []
    for process in psutil.process_iter(["pid", "name", "cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["name"] == but:
            continue
        if marker in " ".join(words) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.info["pid"])
    return [pid for pid in found if pid != os.getpid()]


def gone_within(seconds: float, marker: str, but: str = "") -> bool:
    """Whether no process with the marker is left after `seconds` at most."""
    until = time.monotonic() + seconds
    while processes_with(marker, but):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True

"""What every tier of the sandbox promises, and what it is handed.

The tiers: bubblewrap.py (1 and 2).  Which one this host has: choice.py.  The suite every tier must pass:
tests/contract/test_sandbox.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tools.contract import Emit, Finished, Limits

WORKSPACE = "/workspace"
"""Where the workspace is seen inside."""


@dataclass(frozen=True)
class Call:
    """One command to run.  All paths of folders are the host's; `cwd` is relative to the workspace.

    `workspace` alone is writable inside, at /workspace.  `tool_env` (environment.py) is read-only; without it
    only the base Python is there.
    """

    command: tuple[str, ...]
    workspace: Path
    tool_env: Path | None = None
    cwd: str = "."
    stdin: bytes = b""
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Read-only files to show, by their path inside."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Probe:
    """What a real sandbox, looked at from inside, turned out to be.  Tier 4 runs nothing."""

    tier: int
    name: str
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Sandbox(Protocol):
    """A way to run a command so that it reaches its workspace and nothing else."""

    tier: int
    name: str

    def run(self, call: Call, *, emit: Emit, is_cancelled: Callable[[], bool]) -> Finished:
        """Run the command and wait; when this returns or raises, none of its processes is left.

        `is_cancelled` is asked several times a second.  Call it from a thread that outlives the call.

        Raises:
            SandboxUnavailable: it could not be isolated, and was not run.
        """
        ...

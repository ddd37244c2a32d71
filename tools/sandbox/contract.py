"""What every tier of the sandbox promises, and what it is handed.

The tiers: bubblewrap.py (1 and 2), confined.py (3).  Which one this host has: choice.py.  The suite every tier must
pass: tests/contract/test_sandbox.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from tools.contract import Emit, Finished, Limits

Place = Literal["workspace", "tools", "packages", "given", "socket"]
"""The folders that a call finds: what it works on, the shared environment, its task's own packages, the files
given with the call, and the folder of its proxy's socket."""


@dataclass(frozen=True)
class Inside:
    """A path as the command will see it: where a place is depends on the tier (`Sandbox.places`)."""

    place: Place
    path: str = ""

    def within(self, places: Mapping[Place, str]) -> str:
        """The path as text."""
        return f"{places[self.place]}/{self.path}" if self.path else places[self.place]


Word = str | Inside
"""One word of a command: as it is, or the path of something inside."""


@dataclass(frozen=True)
class Call:
    """One command to run.  All paths of folders are the host's; `cwd` is relative to the workspace.

    `workspace` alone is writable inside.  `tool_env` (environment.py) and `packages` (the task's own, layered over
    it) are read-only; without them only the base Python is there.
    """

    command: tuple[Word, ...]
    workspace: Path
    tool_env: Path | None = None
    packages: Path | None = None
    cwd: str = "."
    stdin: bytes = b""
    env: Mapping[str, Word | tuple[Word, ...]] = field(default_factory=dict)
    """Variables; several words are joined by ":" as in a PATH."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Read-only files to show, by their name in the place "given"."""
    shown: tuple[Path, ...] = ()
    """Further folders of the host, seen read-only at their own paths; never below a home."""
    socket: Path | None = None
    """A folder of the host with the unix socket of this call's proxy; without it there is no way out."""
    limits: Limits = field(default_factory=Limits)


def spelled(word: Word, places: Mapping[Place, str]) -> str:
    """The word as text."""
    return word.within(places) if isinstance(word, Inside) else word


def variables(call: Call, places: Mapping[Place, str]) -> dict[str, str]:
    """The call's own variables as text."""
    lists = {name: value if isinstance(value, tuple) else (value,) for name, value in call.env.items()}
    return {name: ":".join(spelled(word, places) for word in words) for name, words in lists.items()}


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

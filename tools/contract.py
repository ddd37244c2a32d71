"""What a tool is: its declaration, what it is handed, and what it gives back.

A tool is one `Tool` subclass in one file below `tools/`; registry.py finds it, and the suite in
tests/contract/test_tools.py tests it without another line.  Commands and code go through `Context.sandbox`,
files through `Context.workspace`: a tool never opens a path of the host by itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import InvalidInput, Problem
from tools.mistakes import of_error
from tools.network.reach import Network
from tools.research.pages import NoPages, Pages
from tools.services import Services, Unwatched
from tools.team.port import Family, NoFamily
from tools.web.rules import Web
from tools.web.searches import Searches, Unkept

if TYPE_CHECKING:
    from tools.packages.rules import Rules
    from tools.sandbox import Sandbox
    from tools.workspace import Workspace

MIB = 1024**2
GIB = 1024**3

Emit = Callable[[str, bytes], None]
"""Called with "stdout" or "stderr" and a chunk, as the output comes; the chunks are not kept."""


class Effect(StrEnum):
    """What repeating a call does; it decides how a step that was cut off is resumed."""

    PURE = "pure"
    """Changes nothing."""
    IDEMPOTENT = "idempotent"
    """Changes things, but twice is the same as once."""
    ONCE = "once"
    """Must not happen twice (a mail): after a cut a person decides."""


@dataclass(frozen=True)
class Limits:
    """What one call may use.  Where several levels set limits, the tightest wins."""

    wall_s: float = 600
    cpu_s: float = 900
    memory_bytes: int = 2 * GIB
    processes: int = 256
    file_bytes: int = 1 * GIB
    output_bytes: int = 8 * MIB
    workspace_bytes: int = 4 * GIB
    workspace_files: int = 200_000
    """Names of every kind in the workspace."""
    written_bytes: int = 16 * GIB
    """What all processes write to disk together, deleted again or not."""
    network_bytes: int = 512 * MIB
    """Both ways together, through the proxy."""

    def tightened(self, **wanted: float | None) -> "Limits":
        """These limits, each no larger than the one in `wanted`; None leaves a limit as it is."""
        asked = {name: value for name, value in wanted.items() if value is not None}
        return Limits(**{**vars(self), **{name: min(getattr(self, name), asked[name]) for name in asked}})


@dataclass(frozen=True)
class Resources:
    """What one call used, all its processes together."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_peak_bytes: int = 0
    processes_peak: int = 0
    processes_killed: int = 0


@dataclass(frozen=True)
class Captured:
    """One stream of output: its first and last part, and how long it was."""

    head: bytes = b""
    tail: bytes = b""
    total_bytes: int = 0

    @property
    def truncated(self) -> bool:
        return self.total_bytes > len(self.head) + len(self.tail)

    @property
    def text(self) -> str:
        """The output as text; NUL and what is no UTF-8 become U+FFFD, a gap is said in its place."""
        left_out = self.total_bytes - len(self.head) - len(self.tail)
        gap = f"\n… {left_out:,} bytes left out …\n" if left_out else ""
        if not gap:
            return _decoded(self.head + self.tail)
        return _decoded(self.head) + gap + _decoded(self.tail)


def _decoded(data: bytes) -> str:
    # PostgreSQL keeps no NUL in a text.
    return data.decode(errors="replace").replace("\0", "\ufffd")


@dataclass(frozen=True)
class Finished:
    """What the sandbox says about a command that ended, by itself or not.

    `exit_code` is the command's, 128 plus the signal's number if one ended it, 124 when the time was up, and
    None when the call was cancelled.  `hit` is the name of the field of `Limits` that ended or broke it.
    """

    exit_code: int | None
    stdout: Captured = Captured()
    stderr: Captured = Captured()
    resources: Resources = Resources()
    hit: str | None = None


@dataclass(frozen=True)
class ToolResult:
    """What a tool gives back.  A command that failed is a result too: `exit_code` is not 0.

    `output` is JSON-able and the tool's own: what later steps of a playbook read.  `is_transient` says of a failure
    that an outside service had it, so that it may go well another time; `retry_after_s`, when that service said so.
    """

    exit_code: int | None = 0
    stdout: Captured = Captured()
    stderr: Captured = Captured()
    output: dict[str, Any] = field(default_factory=dict)
    resources: Resources = Resources()
    hit: str | None = None
    is_transient: bool = False
    retry_after_s: float | None = None


def ignore(stream: str, chunk: bytes) -> None:
    """Nobody is watching the live output."""


def never() -> bool:
    return False


Tell = Callable[..., None]
"""tell(kind, **details): puts an event on the task's timeline, from any thread; details are JSON-able."""


def forget(kind: str, **details: Any) -> None:
    """Nobody keeps a timeline."""


@dataclass(frozen=True)
class Context:
    """What a call is handed besides its arguments."""

    workspace: "Workspace"
    sandbox: "Sandbox"
    limits: Limits
    tool_env: Path
    emit: Emit = ignore
    is_cancelled: Callable[[], bool] = never
    tell: Tell = forget
    idempotency_key: str = ""
    terminal_allow: tuple[str, ...] = ()
    network: Network = field(default_factory=Network)
    """What the settings allow of it: by default nothing."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for commands and code; never a secret."""
    packages: "Rules | None" = None
    """Which packages a task may have; None: none."""
    services: Services = field(default_factory=Unwatched)
    """Asked before each call of an outside service, and told how it did."""
    family: Family = field(default_factory=NoFamily)
    """The tasks that came from one, this one among them."""
    web: Web = field(default_factory=Web)
    """What the settings say about pages and searches."""
    searches: Searches = field(default_factory=Unkept)
    """The history of searches, and what it still knows."""
    pages: Pages = field(default_factory=NoPages)
    """The pages that this task, or one of its family, has fetched."""


class Arguments(BaseModel):
    """Base of every tool's `Input`: an unknown field is a mistake, a number is fine where text is wanted."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, frozen=True)


class Values(BaseModel):
    """Base of every tool's `Output`: the fields that are always there; a program's own may come on top."""

    model_config = ConfigDict(extra="allow")


class Tool(ABC):
    """Something an agent may do.  Subclasses are stateless: one instance serves every call."""

    name: ClassVar[str]
    purpose: ClassVar[str]
    Input: ClassVar[type[Arguments]]
    Output: ClassVar[type[Values]]
    effect: ClassVar[Effect]
    limits: ClassVar[Limits] = Limits()
    needs: ClassVar[frozenset[str]] = frozenset()
    """Any of "sandbox", "network", "secret"."""
    retry: ClassVar[Mapping[str, Any]] = {}
    """About trying again where task and playbook say nothing, as people write it: tasks/plans/retry_fields.py."""
    uses_workspace: ClassVar[bool] = True
    """Whether it needs the task's folder, which is made for the first tool that does."""
    approval: ClassVar[bool] = False
    """Whether a person must agree before each call."""

    @abstractmethod
    def run(self, call: Any, context: Context) -> ToolResult:
        """Do it.  `call` is an instance of this tool's `Input`.

        Raises:
            InvalidInput: the arguments make no sense in this workspace.
            SandboxUnavailable: nothing was run.
            ToolFailed: the tool itself broke.
        """

    def preview(self, call: Any, workspace: "Workspace") -> str:
        """A unified diff of what the call would change in the files, or run, for whoever approves it; empty: unknown.

        Raises:
            InvalidInput, NotFound: the arguments make no sense in this workspace.
        """
        return ""

    def bound_to(self, call: Any, workspace: "Workspace") -> str:
        """What an approval of the call holds for besides its arguments, such as the digest of a program's file.

        Empty: the arguments say all of it.  Where it has changed since, whoever approves is asked anew.
        """
        return ""

    def parse(self, arguments: Mapping[str, Any]) -> Arguments:
        """The arguments as this tool's `Input`.

        Raises:
            InvalidInput: with one problem per mistake.
        """
        try:
            return self.Input.model_validate(dict(arguments))
        except ValidationError as error:
            raise InvalidInput("cannot use these arguments", problems=_problems(error), tool=self.name) from error


def _problems(error: ValidationError) -> list[Problem]:
    found = error.errors()
    return [Problem(path=".".join(str(part) for part in each["loc"]), message=of_error(each)) for each in found]

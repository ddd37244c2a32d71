"""What an attack is, and how one is written: `@attack("what it tries")` above a function of `host`.

The function's text is what runs, inside the sandbox and outside: it may use what attempt.py has, and nothing of
its own module.  `host` (prey.py) names what there is to get.  It returns whether it got through.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.support.boxed import Box
from tools.contract import MIB, Limits

Who = Literal["anyone", "root"]

BOMB = Limits(
    wall_s=20,
    cpu_s=3,
    memory_bytes=200 * MIB,
    processes=40,
    file_bytes=20 * MIB,
    output_bytes=1 * MIB,
    workspace_bytes=40 * MIB,
    workspace_files=500,
    written_bytes=100 * MIB,
)
"""What a call may use while it tries to use more: small, so that the same code outside does no harm."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One attempt.  It counts because the same gets through without the sandbox; else `not_shown` says why."""

    name: str
    kind: str
    shown_by: Who = "anyone"
    """Who shows it outside; root does in namespaces of its own (apart.py), and a plain user is spared."""
    may_lack: str = ""
    """What a host may do without, so that it cannot be shown there: seen as a skip."""
    not_shown: str = ""
    open_on: Mapping[int, str] = field(default_factory=dict)
    """Tiers that do not hold it, with the reason; the tests see to it that this stays true."""
    open_to: Literal["anyone", "user"] = "anyone"
    """To whose sandbox they are open: as root a mount namespace comes on top."""
    is_long: bool = False

    def is_open(self, tier: int, who: str) -> bool:
        """Whether the tier does not hold it, when root's or a user's worker runs it."""
        return tier in self.open_on and self.open_to in ("anyone", who)


@dataclass(frozen=True, kw_only=True)
class Code(Attack):
    """Python that runs inside.  With `limits` it has a call of its own."""

    code: str
    limits: Limits | None = None
    leaves: str = ""
    """The name of the field of `host` with the marker of a process that it tries to leave behind."""
    ends_itself: bool = False
    """Whether it takes its own call down, and says nothing any more: that the host stands is what counts."""


@dataclass(frozen=True, kw_only=True)
class Command(Attack):
    """A command for `terminal.run`, whose first word alone is on the allow-list; `<…>` are fields of `host`.

    It is expected to run what is not on the list: `ran` is what it says then.  It got through if `proof` is in
    its output.
    """

    command: tuple[str, ...]
    proof: str
    ran: str = ""


@dataclass(frozen=True, kw_only=True)
class Deed(Attack):
    """What an agent tries by a tool: each function says whether it got through, with the tool and without."""

    inside: Callable[[Box, Any], bool]
    outside: Callable[[Path, Any], bool]


def attack(name: str, **more: Any) -> Callable[[Callable[[Any], Any]], Code]:
    """Make the function below an attack of the kind that its module is named after."""

    def made(function: Callable[[Any], Any]) -> Code:
        return Code(name=name, kind=kind_of(function), code=_as_attack(function), **more)

    return made


def kind_of(function: Callable[..., Any]) -> str:
    return function.__module__.rpartition(".")[2].replace("_", " ")


def _as_attack(function: Callable[[Any], Any]) -> str:
    """The function's text without its decorator, as `attack`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.name, definition.decorator_list = "attack", []
    return ast.unparse(tree)

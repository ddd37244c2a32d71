"""What the tools of a family need of those who know it: handing parts on, the channel, the shared folder.

Who keeps it: tasks/family/port.py.  A call that is no task's has no family: `NoFamily`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, Protocol

from models.errors import InvalidInput

if TYPE_CHECKING:
    from tools.contract import Limits
    from tools.workspace import Workspace


@dataclass(frozen=True)
class Came:
    """What became of a part that was handed on; `number` counts the parts of a task, over all its calls."""

    number: int
    task_id: str
    title: str
    state: str
    summary: str = ""
    output: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def is_good(self) -> bool:
        return self.state == "succeeded"


@dataclass(frozen=True)
class Brought:
    """Files that were copied from another task's output."""

    paths: list[str]
    left_out: int = 0
    """Files for which there was no room."""


@dataclass(frozen=True)
class Message:
    """One line of the family's channel; numbers grow, and are not without gaps."""

    number: int
    author: str
    text: str
    at: str
    task_id: str = ""
    title: str = ""


@dataclass(frozen=True)
class SharedFile:
    """One file of the shared folder as it stands."""

    path: str
    version: int
    size: int
    written_by: str = ""
    locked_by: str = ""
    locked_until: str = ""


class Family(Protocol):
    """The tasks that came from one, as one of them sees them."""

    def delegate(self, wanted: Sequence[Mapping[str, Any]], workspace: "Workspace") -> Sequence[Came]:
        """What became of these parts, once all have ended; asked the first time they are handed on.

        Raises:
            Wait: one of them has not ended.
            InvalidInput: its `problems` name what is wrong with which part.
            Conflict: the task that asks is not to go on.
        """

    def bring(self, came: Came, folder: str, workspace: "Workspace", limits: "Limits") -> Brought:
        """Copy what that part left under output/ into the folder, as far as there is room."""

    def say(self, text: str) -> Message:
        """Write to the channel; the same call twice writes once."""

    def messages(self, since: int, limit: int) -> Sequence[Message]:
        """What was written after number `since`, in order."""

    def shared_files(self) -> Sequence[SharedFile]:
        """The shared folder, by path.

        Raises, as all that follow:
            InvalidInput: this task has no shared folder, or the path is none.
        """

    def share(self, path: str, content: BinaryIO, version: int | None) -> SharedFile:
        """Write the file, over that version alone where one is named.

        Raises:
            Conflict: it has another version, or is locked by another task.
        """

    def open_shared(self, path: str) -> tuple[SharedFile, BinaryIO]:
        """The file as it stands, and its bytes.

        Raises:
            NotFound: there is none.
        """

    def lock_shared(self, path: str, time: timedelta) -> SharedFile:
        """Keep others from writing it for so long; again by its holder it is kept longer.

        Raises:
            Conflict: another task holds it.
        """

    def unlock_shared(self, path: str) -> SharedFile:
        """Let others write it; fine where nobody holds it.

        Raises:
            Conflict: another task holds it.
        """


class NoFamily:
    """Of a call that no task makes."""

    def __getattr__(self, name: str) -> NoReturn:
        raise InvalidInput("cannot work together here: only a task has a family")

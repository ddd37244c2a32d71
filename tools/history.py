"""What a workspace was after each step: blobs by digest, one manifest per snapshot, in a folder of its own.

Never git: nothing in here can make the host run a program.  Deleting a task's history is deleting its folder.
"""

from dataclasses import dataclass
from pathlib import Path

from tools.workspace import Workspace


@dataclass(frozen=True)
class Snapshot:
    """One state of a workspace.  `id` is made from the contents: the same contents have the same id.

    `left_out` names what is not kept: special files, files with several links, files over the size cap.
    """

    id: str
    files: int
    total_bytes: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Changes:
    """Paths, sorted, that differ between two snapshots."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class History:
    """A task's history in `folder` (made on first use; outside of the workspace)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def snapshot(self, workspace: Workspace) -> Snapshot:
        """Keep the workspace as it is now; cheap when little changed."""
        raise NotImplementedError

    def compare(self, before: str | None, after: str) -> Changes:
        """What `after` has that `before` had not; None stands for an empty workspace."""
        raise NotImplementedError

    def restore(self, snapshot: str, into: Workspace) -> None:
        """Make `into` what the workspace was.  Files that differ are replaced, others removed."""
        raise NotImplementedError

    def read(self, snapshot: str, path: str, limit: int | None = None) -> bytes:
        """A file's bytes as of the snapshot.

        Raises:
            NotFound: no such snapshot, or it has no such file.
        """
        raise NotImplementedError

    def diff(self, before: str | None, after: str, path: str) -> str:
        """A unified diff of one text file; a sentence in its place for binary or very large ones."""
        raise NotImplementedError

    def remove(self) -> None:
        """Delete the whole history; fine if it is gone."""
        raise NotImplementedError

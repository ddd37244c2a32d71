"""A task's folder: `src/`, `output/`, `research/`, `README.md`, and every trusted access to it.

Paths are relative to the workspace, with "/" ("output/report.html").  Nothing here opens a path of the host by
name below the workspace's root: files_at.py does, by descriptors, following no link.  Its history: history.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

FOLDERS = ("src", "output", "research")

Kind = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True)
class Entry:
    """One name in a workspace.  `modified_at` is in seconds since 1970, UTC; `size` is 0 but for files."""

    path: str
    kind: Kind
    size: int
    modified_at: float


class Workspace:
    """An open workspace.

    Raises, in every method that takes a path:
        InvalidInput: the path leaves the workspace, or goes through a link, or is no regular file with one link.
        NotFound: there is nothing at that path.
    """

    path: Path
    """The folder on the host: for the sandbox's bind and for nothing else."""

    @classmethod
    def create(cls, root: Path, folder: str, readme: str = "") -> "Workspace":
        """A new workspace at root/folder with its folders and README.md; under 50 ms.

        Raises:
            Conflict: the folder is there already.
        """
        raise NotImplementedError

    @classmethod
    def open(cls, root: Path, folder: str) -> "Workspace":
        """The existing workspace.

        Raises:
            NotFound: it is not there.
        """
        raise NotImplementedError

    def read_bytes(self, path: str, limit: int | None = None) -> bytes:
        """The file's bytes, the first `limit` of them."""
        raise NotImplementedError

    def write_bytes(self, path: str, data: bytes, *, append: bool = False) -> int:
        """Write (or append to) the file, making its folders; returns its size.  A new file or all of the old."""
        raise NotImplementedError

    def open_for_read(self, path: str) -> BinaryIO:
        """The file, open for reading, for downloads of any size."""
        raise NotImplementedError

    def entry(self, path: str) -> Entry:
        """What is at the path."""
        raise NotImplementedError

    def exists(self, path: str) -> bool:
        raise NotImplementedError

    def list(self, path: str = ".", limit: int = 10_000) -> list[Entry]:
        """What is in the folder, by name, the first `limit` of it."""
        raise NotImplementedError

    def walk(self, path: str = ".", limit: int = 200_000) -> Iterator[Entry]:
        """Everything below the folder, parents first, by name."""
        raise NotImplementedError

    def make_folder(self, path: str) -> None:
        """Make the folder and those above it; fine if it is there."""
        raise NotImplementedError

    def move(self, source: str, target: str) -> None:
        """Rename within the workspace, making the target's folders; refuses to replace."""
        raise NotImplementedError

    def delete(self, path: str) -> int:
        """Delete the file, the link or the folder with all that is in it; returns how many entries went."""
        raise NotImplementedError

    def copy_in(self, host_path: Path, into: str = "src/input") -> list[str]:
        """Copy a folder's contents (or one file, as into/<name>) of the host in; returns the paths of the files.

        Left out: links, special files, `__pycache__`, `site-packages`, `dist-packages`.  Copied, never linked.

        Raises:
            NotFound: the host has no such file or folder.
        """
        raise NotImplementedError

    def remove(self) -> None:
        """Delete the whole workspace, following nothing out of it; fine if it is gone."""
        raise NotImplementedError

"""A task's folder: `src/`, `output/`, `research/`, `README.md`, and every trusted access to it.

Paths are relative to the workspace, with "/" ("output/report.html").  Nothing here opens a path of the host
by name below the workspace's root: files_at.py does, by descriptors, following no link.  What a folder of the
host brings in: copy_in.py.  What a listing is made of: entries.py.  The workspace's history: history.py.
"""

import itertools
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NoReturn

from models.errors import Conflict, InvalidInput, NotFound, ToolFailed
from tools import copy_in, files_at, identity, removal
from tools.entries import Entry, Kind, Page, entry_of, from_cursor, to_cursor
from tools.refusals import in_our_words

FOLDERS = ("src", "output", "research")

# Named here, since inside the class `list` is the method.
Entries = list[Entry]
Paths = list[str]


class Workspace:
    """An open workspace.

    Raises, in every method that takes a path:
        InvalidInput: the path leaves the workspace, goes through a link, or is no regular file with one link.
        NotFound: there is nothing at that path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        """The folder on the host: for the sandbox's bind and for nothing else."""
        self.owner = identity.owner_of(path)
        """The uid that everything in it is to belong to; None for our own."""

    @classmethod
    def create(cls, root: Path, folder: str, readme: str = "", owner: int | None = None) -> "Workspace":
        """A new workspace at root/folder with its folders and README.md; under 50 ms.

        As root it belongs to `owner`, the uid that is lent to the run (identity.py).

        Raises:
            Conflict: the folder is there already.
        """
        path = root / _opaque(folder)
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError as error:
            raise Conflict("cannot create the workspace: it is there already", folder=folder) from error
        if (uid := owner or identity.for_new_workspace()) is not None:
            os.chown(path, uid, uid)
        workspace = cls(path)
        for name in FOLDERS:
            workspace.make_folder(name)
        workspace.write_bytes("README.md", readme.encode())
        return workspace

    @classmethod
    def open(cls, root: Path, folder: str) -> "Workspace":
        """The existing workspace.

        Raises:
            NotFound: it is not there.
        """
        path = root / _opaque(folder)
        if path.is_symlink() or not path.is_dir():
            raise NotFound("cannot find the workspace", folder=folder)
        return cls(path)

    @contextmanager
    def root(self) -> Iterator[int]:
        """A descriptor of the workspace's folder."""
        descriptor = files_at.open_root(self.path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        """As `root`, for work on `path`: what the system refuses is raised in our words."""
        with in_our_words(path), self.root() as root:
            yield root

    @contextmanager
    def _making_folder_of(self, path: str) -> Iterator[tuple[int, str]]:
        with self._opened(path) as root, files_at.folder_of(root, path, make=True, owner=self.owner) as found:
            yield found

    def read_bytes(self, path: str, limit: int | None = None) -> bytes:
        """The file's bytes, the first `limit` of them."""
        with self.open_for_read(path) as file:
            return file.read(-1 if limit is None else limit)

    def open_for_read(self, path: str) -> BinaryIO:
        """The file, open for reading, for downloads of any size."""
        with self._opened(path) as root:
            return os.fdopen(files_at.open_regular(root, files_at.clean(path), os.O_RDONLY), "rb")

    def write_bytes(self, path: str, data: bytes, *, append: bool = False) -> int:
        """Write the file (or add to its end), making its folders; returns its size.

        A reader sees the old file or the new one, never a part.  A link there is replaced, not followed.
        """
        with self._making_folder_of(path) as (folder, name):
            if append and _is_there(folder, name):
                return _append(folder, name, data)
            _replace(folder, name, data, self.owner)
            return len(data)

    def entry(self, path: str) -> Entry:
        """What is at the path."""
        with self._opened(path) as root:
            if files_at.clean(path) == ".":
                return entry_of(".", os.fstat(root))
            with files_at.folder_of(root, path) as (folder, name):
                return entry_of(files_at.clean(path), _stat(folder, name, path))

    def exists(self, path: str) -> bool:
        """Whether anything is at the path."""
        try:
            self.entry(path)
        except NotFound:
            return False
        return True

    def list(self, path: str = ".", limit: int = 10_000) -> Entries:
        """What is in the folder, by name, the first `limit` of it."""
        return list(itertools.islice(self._below(path, depth_limit=1), limit))

    def walk(self, path: str = ".", limit: int = 200_000) -> Iterator[Entry]:
        """Everything below the folder, parents first, by name, the first `limit` of it."""
        yield from itertools.islice(self._below(path, depth_limit=files_at.DEPTH_LIMIT), limit)

    def page(
        self,
        path: str = ".",
        limit: int = 1000,
        *,
        after: str | None = None,
        is_deep: bool = False,
        skip: Kind | None = None,
    ) -> Page:
        """Part of what is in the folder, or `is_deep` of all below it, behind `after`: the `next` of the last page.

        Entries of the kind `skip` are passed over.
        """
        last = ""
        entries: list[Entry] = []
        depth = files_at.DEPTH_LIMIT if is_deep else 1
        for found in self._found(path, depth, from_cursor(after)):
            entry = entry_of(_joined(path, found.path), found.stat)
            if entry.kind == skip:
                continue
            if len(entries) == limit:
                return Page(entries, to_cursor(last))
            entries.append(entry)
            last = found.path
        return Page(entries, None)

    def outline(self, most_each: int, limit: int) -> Iterator[Entry]:
        """As `walk`, but of each folder the first `most_each` names only."""
        below = self._found(".", files_at.DEPTH_LIMIT, most_each=most_each)
        yield from (entry_of(found.path, found.stat) for found in itertools.islice(below, limit))

    def _below(self, path: str, depth_limit: int) -> Iterator[Entry]:
        for found in self._found(path, depth_limit):
            yield entry_of(_joined(path, found.path), found.stat)

    def _found(
        self, path: str, depth_limit: int, after: str = "", most_each: int | None = None
    ) -> Iterator[files_at.Found]:
        cleaned = files_at.clean(path)
        with self._opened(path) as root:
            folder = files_at.open_beneath(root, cleaned, os.O_RDONLY | os.O_DIRECTORY)
            try:
                yield from files_at.walk(folder, depth_limit=depth_limit, after=after, most_each=most_each)
            finally:
                os.close(folder)

    def make_folder(self, path: str) -> None:
        """Make the folder and those above it; fine if it is there."""
        with self._opened(path) as root:
            files_at.make_folders(root, path, self.owner)

    def move(self, source: str, target: str) -> None:
        """Rename within the workspace, making the target's folders.

        Raises:
            Conflict: something is at the target already.
        """
        with self._opened(source) as root, files_at.folder_of(root, source) as (old_folder, old_name):
            _stat(old_folder, old_name, source)
            with self._making_folder_of(target) as (folder, name):
                if _is_there(folder, name):
                    raise Conflict("cannot move: something is there already", target=target)
                try:
                    os.rename(old_name, name, src_dir_fd=old_folder, dst_dir_fd=folder)
                except OSError as error:
                    raise InvalidInput("cannot move it there", source=source, target=target) from error

    def delete(self, path: str) -> int:
        """Delete the file, the link or the folder with all that is in it; returns how many entries went."""
        with self._opened(path) as root, files_at.folder_of(root, path) as (folder, name):
            if stat.S_ISDIR(_stat(folder, name, path).st_mode):
                return removal.remove_tree(folder, name)
            os.unlink(name, dir_fd=folder)
            return 1

    def copy_in(
        self, host_path: Path, into: str = "src/input", *, max_bytes: int | None = None, without: Path | None = None
    ) -> Paths:
        """Copy a folder's contents (or one file, as into/<name>) of the host in; returns the files' paths.

        Left out: links, special files, `__pycache__`, `site-packages`, `dist-packages`, and the folder `without`.
        Never linked.  A link on the way to `host_path` is refused.

        Raises:
            NotFound: the host has no such file or folder.
            InvalidInput: it holds more than `max_bytes`, or something that we may not read.
        """
        with self._opened(into) as root:
            files_at.make_folders(root, into, self.owner)
            target = files_at.open_beneath(root, files_at.clean(into), os.O_RDONLY | os.O_DIRECTORY)
            try:
                copied = copy_in.copy(host_path, target, owner=self.owner, max_bytes=max_bytes, without=without)
            finally:
                os.close(target)
        return [f"{files_at.clean(into)}/{path}" for path in copied]

    def remove(self) -> None:
        """Delete the whole workspace, following nothing out of it; fine if it is gone.

        Raises:
            Conflict: something keeps writing into it.
        """
        parent = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(FileNotFoundError):
                removal.remove_tree(parent, self.path.name)
        finally:
            os.close(parent)


class _NoWorkspace(Workspace):
    """What a tool is handed that says it uses none: to touch it is an error in the tool."""

    def __init__(self) -> None:
        """Neither a path nor an owner: every method asks for one of them."""

    def __getattr__(self, name: str) -> NoReturn:
        raise ToolFailed("cannot use the workspace: this tool says that it uses none", transient=False, wanted=name)


NO_WORKSPACE: Workspace = _NoWorkspace()


def _opaque(folder: str) -> str:
    """The folder's name, checked to be a single one."""
    if not folder or "/" in folder or folder in (".", ".."):
        raise InvalidInput("cannot use this as a workspace's folder", folder=folder)
    return folder


def _stat(folder: int, name: str, path: str) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError as error:
        raise NotFound("cannot find it in the workspace", path=path) from error


def _is_there(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _append(folder: int, name: str, data: bytes) -> int:
    with os.fdopen(files_at.open_regular(folder, name, os.O_WRONLY | os.O_APPEND), "ab") as file:
        file.write(data)
        return file.tell()


def _replace(folder: int, name: str, data: bytes, owner: int | None) -> None:
    """Write beside and rename; the mode of a regular file that was there is kept, without setuid bits."""
    mode = 0o644
    if _is_there(folder, name):
        there = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(there.st_mode):
            raise InvalidInput("cannot write a file over a folder", path=name)
        mode = there.st_mode & 0o777 | 0o600 if stat.S_ISREG(there.st_mode) else mode
    draft = f".{secrets.token_hex(8)}.draft"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if owner is not None:
                os.fchown(file.fileno(), owner, owner)
            os.fchmod(file.fileno(), mode)
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        # Whoever works in the folder may have taken it: what went wrong first is what counts.
        with suppress(OSError):
            os.unlink(draft, dir_fd=folder)
        raise


def _joined(folder: str, path: str) -> str:
    cleaned = files_at.clean(folder)
    return path if cleaned == "." else f"{cleaned}/{path}"

"""What a workspace was after each step: blobs by digest, one manifest per snapshot, in a folder of its own.

Never git: nothing in here can make the host run a program.  Deleting a task's history is deleting its folder.
The parts: blobs.py (contents), manifest.py (what a snapshot holds), restore.py (back into a workspace).

    folder/blobs/ab/cdef…          contents
    folder/snapshots/<id>.json     manifests; one that is there is complete, and so are its blobs
    folder/seen.json               what the files looked like last time, so that unchanged ones are not read
    drafts/                        what is being written; all histories may share one
"""

import errno
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.errors import InvalidInput, NotFound
from tools import files_at, manifest, restore, text_diff, triggers
from tools.blobs import Blobs, write_whole
from tools.contract import GIB
from tools.manifest import FILE, FOLDER, LINK, Item, Manifest, shown
from tools.refusals import in_our_words, room_for
from tools.workspace import Workspace

LEFT_OUT = frozenset({".venv", "__pycache__", "node_modules"})
"""Environments: large, and made again from what is kept."""

DIFF_BYTES = 512 * 1024
DIFF_LINES = 10_000

_SETTLED_NS = 50_000_000
"""A file that changed within the clock's last ticks may change again without a visible trace."""


@dataclass(frozen=True)
class Snapshot:
    """One state of a workspace.  `id` is made from the contents: the same contents have the same id.

    `left_out` names what is not kept: special files, files with several links, what may not be read, and files
    over the size cap, alone or together.
    """

    id: str
    files: int
    total_bytes: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Changes:
    """Paths of files and links, sorted, that differ between two snapshots."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


Seen = dict[str, list[int | str]]
"""By path: device, inode, size, mtime and ctime in nanoseconds, digest."""


class History:
    """A task's history in `folder` (made on first use; outside of the workspace).

    `total_cap` counts what a snapshot's files say their sizes are: files full of holes take no room in the
    workspace, and would take all of it here.
    """

    def __init__(
        self, folder: Path, *, file_cap: int = GIB, total_cap: int = 8 * GIB, drafts: Path | None = None
    ) -> None:
        self.folder = folder
        self._caps = file_cap, total_cap
        self._drafts = drafts or folder / "drafts"
        self._blobs = Blobs(folder / "blobs", self._drafts)

    def snapshot(self, workspace: Workspace) -> Snapshot:
        """Keep the workspace as it is now; cheap when little changed.

        What is written to it meanwhile may be kept or not.

        Raises:
            ToolFailed: there is no room for it; nothing of it is kept, and it may be tried again.
        """
        with room_for("keep the workspace"):
            return self._snapshot(workspace)

    def _snapshot(self, workspace: Workspace) -> Snapshot:
        survey = _Survey(self._blobs, self._seen(), *self._caps)
        try:
            with workspace.root() as root:
                for found in files_at.walk(root, leave_out=LEFT_OUT):
                    survey.add(found)
            kept = Manifest(survey.items)
            self._blobs.sync()
        except BaseException:
            self._blobs.forget()
            raise
        triggers.at("snapshot.in_the_middle")
        if not self._manifest_path(kept.id).exists():
            write_whole(self._manifest_path(kept.id), kept.data, self._drafts)
        write_whole(self.folder / "seen.json", json.dumps(survey.seen).encode("ascii"), self._drafts)
        files = [item for item in survey.items if item.kind == FILE]
        total = sum(item.size for item in files)
        return Snapshot(kept.id, len(files), total, tuple(shown(path) for path in survey.left_out))

    def compare(self, before: str | None, after: str) -> Changes:
        """What `after` has that `before` had not; None stands for an empty workspace."""
        old, new = self._manifest(before).contents, self._manifest(after).contents
        return Changes(
            added=tuple(shown(path) for path in new if path not in old),
            changed=tuple(shown(path) for path in new if path in old and new[path] != old[path]),
            removed=tuple(shown(path) for path in old if path not in new),
        )

    def sizes(self, snapshot: str) -> dict[str, int]:
        """How large each file was, by its path."""
        return {shown(path): item.size for path, item in self._manifest(snapshot).items.items() if item.kind == FILE}

    def restore(self, snapshot: str, into: Workspace) -> None:
        """Make `into` what the workspace was; whatever else is in it goes."""
        restore.restore(self._manifest(snapshot), self._blobs, into)

    def bring(self, snapshot: str, paths: Mapping[str, str], into: Workspace) -> None:
        """Copy these files of the snapshot to other paths of a workspace, each by its path here."""
        restore.bring(self._manifest(snapshot), paths, self._blobs, into)

    def read(self, snapshot: str, path: str, limit: int | None = None) -> bytes:
        """A file's bytes as of the snapshot, the first `limit` of them.

        Raises:
            NotFound: no such snapshot, or it has no such file.
        """
        item = self._manifest(snapshot).items.get(path)
        if item is None or item.kind != FILE:
            raise NotFound("cannot find the file in the snapshot", path=path, snapshot=snapshot)
        with self._blobs.open(item.content) as file:
            return file.read(-1 if limit is None else limit)

    def diff(self, before: str | None, after: str, path: str) -> str:
        """A unified diff of one text file; a sentence in its place for binary and very large ones.

        Raises:
            NotFound: neither snapshot has the path.
        """
        old, new = (self._manifest(each).contents.get(path) for each in (before, after))
        if old is None and new is None:
            raise NotFound("cannot find the file in either snapshot", path=path)
        texts = self._text(old), self._text(new)
        if texts[0] is None or texts[1] is None:
            sizes = [item.size if item else 0 for item in (old, new)]
            return f"Binary or very large: {sizes[0]:,} bytes before, {sizes[1]:,} bytes after.\n"
        names = f"a/{path}" if old else "/dev/null", f"b/{path}" if new else "/dev/null"
        return text_diff.joined(text_diff.unified(texts[0], texts[1], *names))

    def remove(self) -> None:
        """Delete the whole history; fine if it is gone."""
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _text(self, item: Item | None) -> list[str] | None:
        """Its lines; none for what is not there, None where a diff would make no sense."""
        if item is None:
            return []
        if item.kind == LINK:
            return [f"link to {shown(item.content)}\n"]
        if item.size > DIFF_BYTES:
            return None
        with self._blobs.open(item.content) as file:
            data = file.read()
        try:
            lines = data.decode("utf-8").splitlines(keepends=True)
        except UnicodeDecodeError:
            return None
        return None if b"\0" in data or len(lines) > DIFF_LINES else lines

    def _manifest(self, snapshot: str | None) -> Manifest:
        if snapshot is None:
            return manifest.EMPTY
        try:
            return Manifest.parse(self._manifest_path(snapshot).read_bytes())
        except FileNotFoundError as error:
            raise NotFound("cannot find the snapshot", snapshot=snapshot) from error

    def _manifest_path(self, snapshot: str) -> Path:
        if not re.fullmatch("[0-9a-f]{40}", snapshot):
            raise InvalidInput("cannot use this as a snapshot's id", snapshot=snapshot)
        return self.folder / "snapshots" / f"{snapshot}.json"

    def _seen(self) -> Seen:
        try:
            seen: Seen = json.loads((self.folder / "seen.json").read_bytes())
        except FileNotFoundError:
            return {}
        return seen


class _Survey:
    """One walk through a workspace: what is in it, and what its files look like."""

    def __init__(self, blobs: Blobs, seen_before: Seen, file_cap: int, total_cap: int) -> None:
        self._blobs = blobs
        self._before = seen_before
        self._file_cap = file_cap
        self._left = total_cap
        self._settled = time.time_ns() - _SETTLED_NS
        self.items: list[Item] = []
        self.left_out: list[str] = []
        self.seen: Seen = {}

    def add(self, found: files_at.Found) -> None:
        """Take in one name of the walk."""
        item = self._item(found)
        if item is None:
            self.left_out.append(found.path)
        else:
            self._left -= item.size
            self.items.append(item)

    def _item(self, found: files_at.Found) -> Item | None:
        """What is kept of it; None where nothing can be."""
        mode, kind = stat.S_IMODE(found.stat.st_mode) & 0o777, stat.S_IFMT(found.stat.st_mode)
        if kind == stat.S_IFDIR and found.depth < files_at.DEPTH_LIMIT:
            return Item(found.path, FOLDER, mode)
        if kind == stat.S_IFLNK:
            return _link(found)
        if kind == stat.S_IFREG and (kept := self._content(found)):
            return Item(found.path, FILE, mode, kept[1], kept[0])
        return None

    def _content(self, found: files_at.Found) -> tuple[str, int] | None:
        """Digest and size of the file's contents, which are kept; None where they may not be read."""
        s = found.stat
        if s.st_size > min(self._file_cap, self._left):
            return None
        looks: list[int | str] = [s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns]
        before = self._before.get(found.path)
        kept = (str(before[5]), s.st_size) if before and before[:5] == looks else self._read(found)
        if kept is not None and kept[1] == s.st_size and s.st_ctime_ns < self._settled:
            self.seen[found.path] = [*looks, kept[0]]
        return kept

    def _read(self, found: files_at.Found) -> tuple[str, int] | None:
        try:
            with in_our_words(found.path):
                if not found.stat.st_mode & stat.S_IRUSR:
                    files_at.take_back(found.folder, found.name, 0o600)
                descriptor = files_at.open_regular(found.folder, found.name, os.O_RDONLY)
        except (InvalidInput, NotFound):
            return None
        with os.fdopen(descriptor, "rb") as file:
            return self._blobs.add(file, min(os.fstat(descriptor).st_size, self._file_cap, self._left))


def _link(found: files_at.Found) -> Item | None:
    try:
        return Item(found.path, LINK, 0o777, 0, os.readlink(found.name, dir_fd=found.folder))
    except OSError as error:
        # Gone, or no link any more.
        if error.errno not in (errno.ENOENT, errno.EINVAL):
            raise
        return None

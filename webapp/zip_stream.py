"""All files of a workspace as one ZIP archive, made while it is sent: no copy on the disk, no limit by memory.

Only what is a plain file goes in, under a name that leads nowhere on any system; what is left out is named in the
archive.  Its contents are bounded: files full of holes take no room in a workspace, and would fill the disk of
whoever unpacks them.
"""

import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from models.errors import OpsCoreError
from tools.entries import Entry
from tools.workspace import Workspace
from webapp.downloads import Pieces, safe_name

MOST_ENTRIES = 200_000
NOTE = "LEFT OUT.txt"
MOST_NAMED = 1000
_NO_FILE = {"link": "a link", "other": "no ordinary file, or its name is no text"}
# What the format can say.
_FIRST, _LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)


def zipped(workspace: Workspace, most_bytes: int) -> Iterator[bytes]:
    """The archive, `most_bytes` of contents at most."""
    making = _Making(most_bytes)
    with making.archive:
        for number, entry in enumerate(workspace.walk(limit=MOST_ENTRIES + 1)):
            if number == MOST_ENTRIES:
                making.leave_out(entry, "and all that follows it; the archive would have too many files")
            elif entry.kind != "folder":
                yield from making.add(workspace, entry)
        making.add_note()
    yield making.pipe.take()


class _Pipe:
    """What zipfile writes to: gives up what was written since the last time."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


class _Making:
    """An archive that is being made."""

    def __init__(self, most_bytes: int) -> None:
        self.pipe = _Pipe()
        self.archive = zipfile.ZipFile(self.pipe, "w", zipfile.ZIP_DEFLATED)  # type: ignore[call-overload]
        self._left = most_bytes
        self._names = {NOTE}
        self._same: Counter[str] = Counter()
        self._left_out: list[str] = []

    def add(self, workspace: Workspace, entry: Entry) -> Iterator[bytes]:
        """Take the file in; what is none, or cannot be, is noted."""
        if entry.kind != "file":
            self.leave_out(entry, _NO_FILE[entry.kind])
            return
        try:
            pieces = Pieces(workspace.open_for_read(entry.path))
        except OpsCoreError as error:
            # A running step may have removed it meanwhile; the others are still wanted.
            self.leave_out(entry, error.message)
            return
        try:
            if pieces.size > self._left:
                self.leave_out(entry, "the archive would be too large")
                return
            self._left -= pieces.size
            with self.archive.open(self._about(entry), "w", force_zip64=True) as member:
                for chunk in pieces:
                    member.write(chunk)
                    yield self.pipe.take()
        finally:
            pieces.close()

    def leave_out(self, entry: Entry, reason: str) -> None:
        """Name it in the note instead."""
        self._left_out.append(f"{_plain(entry.path)}: {reason}")

    def add_note(self) -> None:
        """Name what is not in the archive, if there is anything."""
        if self._left_out:
            more = len(self._left_out) - MOST_NAMED
            named = self._left_out[:MOST_NAMED] + ([f"and {more:,} more"] if more > 0 else [])
            self.archive.writestr(NOTE, "These are not in this archive:\n\n" + "\n".join(named) + "\n")

    def _about(self, entry: Entry) -> zipfile.ZipInfo:
        about = zipfile.ZipInfo(self._name(entry.path), _zip_time(entry.modified_at))
        about.compress_type = zipfile.ZIP_DEFLATED
        about.external_attr = 0o644 << 16
        return about

    def _name(self, path: str) -> str:
        """A name of its own in the archive."""
        plain = wanted = _plain(path)
        while plain in self._names:
            self._same[wanted] += 1
            plain = f"{wanted} ({self._same[wanted]})"
        self._names.add(plain)
        return plain


def _plain(path: str) -> str:
    return "/".join(safe_name(part) for part in path.split("/"))


def _zip_time(seconds: float) -> tuple[int, int, int, int, int, int]:
    at = min(max(datetime.fromtimestamp(seconds, UTC), _FIRST), _LAST)
    return at.year, at.month, at.day, at.hour, at.minute, at.second

"""A whole workspace as a ZIP archive, made while it is sent: no copy on the disk, no limit by memory."""

import io
import time
import zipfile
from collections.abc import Iterator

from models.errors import NotFound
from tools.workspace import Entry, Workspace

CHUNK_BYTES = 1 << 18
# Of no use to anybody who downloads a result, and large.
LEFT_OUT = frozenset({"__pycache__", ".venv", "node_modules"})
EARLIEST = (1980, 1, 1, 0, 0, 0)


class _Outlet(io.RawIOBase):
    """Takes what the archive writes and hands it on."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        chunk = bytes(data)  # type: ignore[call-overload]
        self._waiting += chunk
        return len(chunk)

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


def zipped(workspace: Workspace) -> Iterator[bytes]:
    """The archive of every regular file, in pieces; a file that vanishes meanwhile is left out."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for entry in workspace.walk():
            if entry.kind == "file" and not LEFT_OUT & set(entry.path.split("/")):
                yield from _added(archive, workspace, entry, outlet)
    yield outlet.take()


def _added(archive: zipfile.ZipFile, workspace: Workspace, entry: Entry, outlet: _Outlet) -> Iterator[bytes]:
    try:
        file = workspace.open_for_read(entry.path)
    except NotFound:
        return
    about = zipfile.ZipInfo(entry.path, max(time.gmtime(entry.modified_at)[:6], EARLIEST))
    about.compress_type = zipfile.ZIP_DEFLATED
    about.external_attr = 0o644 << 16
    with file, archive.open(about, "w", force_zip64=True) as inside:
        while chunk := file.read(CHUNK_BYTES):
            inside.write(chunk)
            if waiting := outlet.take():
                yield waiting

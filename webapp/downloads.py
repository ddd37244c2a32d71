"""Files of a workspace as downloads, for pages and API alike: one file in pieces, or all as a ZIP archive.

They are whatever an agent's program wrote: a browser may only save them, never show them as a page of ours.
"""

import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from flask import Response

from models.errors import OpsCoreError
from tasks.logs import logger
from tools.workspace import Entry, Workspace

CHUNK_BYTES = 256 * 1024
POLICY = "sandbox; default-src 'none'"

log = logger(__name__)


def chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The first `size` bytes: as long as was announced, also when a running step still writes."""
    with file:
        while size > 0 and (chunk := file.read(min(size, CHUNK_BYTES))):
            size -= len(chunk)
            yield chunk


def only_to_save(answer: Response, name: str) -> Response:
    """The answer as something to keep under that name."""
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-store"
    return answer


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


def zipped(workspace: Workspace) -> Iterator[bytes]:
    """The archive of every regular file, made while it is sent: no copy on the disk, no limit by memory."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for entry in workspace.walk():
            if entry.kind != "file":
                continue
            try:
                file = workspace.open_for_read(entry.path)
            except OpsCoreError as error:
                # A running step may have removed it meanwhile; the others are still wanted.
                log.info("zip.left_out", path=entry.path, error=str(error))
                continue
            yield from _packed(archive, pipe, entry, file)
    yield pipe.take()


def _packed(archive: zipfile.ZipFile, pipe: _Pipe, entry: Entry, file: BinaryIO) -> Iterator[bytes]:
    about = zipfile.ZipInfo(entry.path, _zip_time(entry.modified_at))
    about.compress_type = zipfile.ZIP_DEFLATED
    about.external_attr = 0o644 << 16
    with file, archive.open(about, "w", force_zip64=True) as member:
        while chunk := file.read(CHUNK_BYTES):
            member.write(chunk)
            yield pipe.take()


def _zip_time(seconds: float) -> tuple[int, int, int, int, int, int]:
    # The format begins in 1980.
    at = max(datetime.fromtimestamp(seconds, UTC), datetime(1980, 1, 1, tzinfo=UTC))
    return at.year, at.month, at.day, at.hour, at.minute, at.second

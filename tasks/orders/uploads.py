"""Take a file that somebody brings: a name and bytes, nothing else is believed about it.

The bytes lie under the upload's id in the data folder; the name is only shown.  Nothing is unpacked here: archives
and documents are opened in the sandbox alone.  What a file is: media_types.py.
"""

import hashlib
import os
import shutil
import unicodedata
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

import settings
from models import scope
from models.columns import new_id
from models.database import reading, writing
from models.errors import InvalidInput, Problem
from models.workspace import Upload
from settings import Settings
from tasks.orders import media_types
from tasks.orders.inputs import upload_path

CHUNK_BYTES = 1 << 20
LONGEST_NAME = 200
AUTHOR = "system:uploads"


def store(name: str, stream: BinaryIO) -> Upload:
    """Keep the bytes of the stream; returns the upload's row.  Runs within `acting(…)`.

    Raises:
        InvalidInput: the name is none, the file is empty, too large or not what its name says, or there is no room.
    """
    told = settings.load()
    upload = Upload(id=new_id(), name=plain_name(name))
    draft = drafts_folder(told) / upload.id
    draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        room = _Room(told)
        upload.size_bytes, upload.digest, head = _copy(stream, draft, room)
        _check_kind(upload.name, head)
        upload.media_type = media_types.of_file(upload.name, head)
        with writing() as session:
            room.check_again(session, upload.size_bytes)
            session.add(upload)
        _name(draft, upload_path(told, upload.id), upload.id)
    finally:
        draft.unlink(missing_ok=True)
    return upload


def drafts_folder(settings: Settings) -> Path:
    """Where bytes lie that are still coming in."""
    return settings.data_dir / "uploads" / "drafts"


def plain_name(name: str) -> str:
    """The last part of the name, composed (NFC), without control characters.

    Raises:
        InvalidInput: nothing of it is left, or it is too long.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(sign for sign in last if unicodedata.category(sign)[0] != "C").strip()
    if plain in ("", ".", ".."):
        raise _refused("it has no name; give the file one")
    if len(plain.encode()) > LONGEST_NAME:
        raise _refused(f"its name is longer than {LONGEST_NAME} bytes; rename it")
    return plain


class _Room:
    """How much one upload may still write, and why no more."""

    def __init__(self, told: Settings) -> None:
        self._told = told
        self._quota_left = told.uploads_total_bytes - _used(told)

    def check(self, size: int) -> None:
        """Refuse before the next chunk is written, not after."""
        told = self._told
        if size > told.upload_max_bytes:
            raise _refused(
                f"it is larger than {told.upload_max_bytes:,} bytes; OPSCORE_UPLOAD_MAX_BYTES raises the limit"
            )
        if size > self._quota_left:
            raise _used_up(told)
        if shutil.disk_usage(told.data_dir).free - CHUNK_BYTES < told.disk_reserve_bytes:
            raise _refused(
                "the disk of this OpsCore is nearly full; make room on it, "
                "or let OPSCORE_DISK_RESERVE_BYTES keep less free"
            )

    def check_again(self, session: Session, size: int) -> None:
        """Refuse in the transaction that keeps it: others may have been kept since it began to come in."""
        if _stored(session) + size > self._told.uploads_total_bytes:
            raise _used_up(self._told)


def _used(told: Settings) -> int:
    """Bytes of all uploads of the installation and of those that are coming in just now."""
    with reading() as session:
        stored = _stored(session)
    coming = 0
    for entry in os.scandir(drafts_folder(told)):
        try:
            coming += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue  # it came in meanwhile
    return stored + coming


def _stored(session: Session) -> int:
    # One sum over a table that the limit itself keeps short.
    with scope.wide(AUTHOR):
        return int(session.scalar(select(func.coalesce(func.sum(Upload.size_bytes), 0))) or 0)


def _copy(stream: BinaryIO, path: Path, room: _Room) -> tuple[int, str, bytes]:
    """Write the stream to the path; returns size, digest and first bytes."""
    size, digest, head = 0, hashlib.sha256(), b""
    with path.open("xb") as file:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            room.check(size)
            head += chunk[: media_types.HEAD_BYTES - len(head)]
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if size == 0:
        raise _refused("it is empty; choose a file with something in it")
    return size, digest.hexdigest(), head


def _check_kind(name: str, head: bytes) -> None:
    instead = media_types.broken_promise(name, head)
    if instead is not None:
        raise _refused(
            f"its name ends in {Path(name).suffix}, but its contents are {instead}; "
            "choose another file, or rename it to what it is"
        )


def _name(draft: Path, path: Path, upload_id: str) -> None:
    # After the row: bytes that no row names would be deleted by nobody.
    try:
        draft.rename(path)
    except OSError:
        with writing() as session:
            session.execute(delete(Upload).where(Upload.id == upload_id))
        raise


def _used_up(told: Settings) -> InvalidInput:
    return _refused(
        f"all uploads together may hold {told.uploads_total_bytes:,} bytes, and that is used up; "
        "OPSCORE_UPLOADS_TOTAL_BYTES raises the limit"
    )


def _refused(message: str) -> InvalidInput:
    return InvalidInput(
        f"cannot take this file: {message}", problems=[Problem(path="file", line=None, message=message)]
    )

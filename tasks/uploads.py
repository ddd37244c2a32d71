"""Take a file that somebody brings: a name and bytes, nothing else is believed about it.

The bytes lie under the upload's id in the data folder; the name is only shown.
"""

import hashlib
import mimetypes
import os
import unicodedata
from pathlib import Path
from typing import BinaryIO

import settings
from models.columns import new_id
from models.database import writing
from models.errors import InvalidInput, Problem
from models.workspace import Upload
from tasks.inputs import upload_path

CHUNK_BYTES = 1 << 20
LONGEST_NAME = 200
# The first bytes of a file, and what it then is, whatever its name says.
SIGNATURES = (
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"\x7fELF", "application/x-executable"),
)


def store(name: str, stream: BinaryIO) -> Upload:
    """Keep the bytes of the stream; returns the upload's row.  Runs within `acting(…)`.

    Raises:
        InvalidInput: the name is none, the file is empty or larger than OPSCORE_UPLOAD_MAX_BYTES.
    """
    plain = plain_name(name)
    upload = Upload(id=new_id(), name=plain)
    path = upload_path(settings.load(), upload.id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    try:
        upload.size_bytes, upload.digest, head = _copy(stream, draft, settings.load().upload_max_bytes)
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    upload.media_type = media_type(plain, head)
    try:
        with writing() as session:
            session.add(upload)
    except BaseException:
        # No row names the bytes: nobody else would ever delete them.
        path.unlink()
        raise
    return upload


def plain_name(name: str) -> str:
    """The last part of the name without control characters.

    Raises:
        InvalidInput: nothing of it is left, or it is too long.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(sign for sign in last if unicodedata.category(sign)[0] != "C").strip()
    if plain in ("", ".", ".."):
        raise _refused("give the file a name")
    if len(plain.encode()) > LONGEST_NAME:
        raise _refused(f"its name is longer than {LONGEST_NAME} bytes; rename it")
    return plain


def media_type(name: str, head: bytes) -> str:
    """What the file is by its first bytes; by its name where these say nothing."""
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            return kind
    if b"\0" in head:
        return "application/octet-stream"
    guessed = mimetypes.guess_type(name)[0] or "text/plain"
    return guessed if guessed.startswith("text/") or guessed in ("application/json",) else "text/plain"


def _copy(stream: BinaryIO, path: Path, most: int) -> tuple[int, str, bytes]:
    """Write the stream to the path; returns size, digest and first bytes."""
    size, digest, head = 0, hashlib.sha256(), b""
    with path.open("xb") as file:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            if size > most:
                raise _refused(f"it is larger than {most:,} bytes; OPSCORE_UPLOAD_MAX_BYTES raises the limit")
            head = head or chunk[:4096]
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if size == 0:
        raise _refused("it is empty")
    return size, digest.hexdigest(), head


def _refused(message: str) -> InvalidInput:
    return InvalidInput(
        f"cannot take this file: {message}", problems=[Problem(path="file", line=None, message=message)]
    )

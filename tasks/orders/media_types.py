"""What a file is by its first bytes, and which names promise what these must be.

The lists are short on purpose: what browsers draw, what people hand in, what is often mistaken for it.  Why no
library: docs/decisions/0024-files-of-strangers.md.
"""

import mimetypes
from pathlib import PurePosixPath

HEAD_BYTES = 4096
"""How much of a file's beginning is looked at."""

ZIP, OLD_OFFICE, BYTES = "application/zip", "application/x-ole-storage", "application/octet-stream"

# (offset, bytes, type); the first that fits counts.
_SIGNATURES = (
    (0, b"PK\x03\x04", ZIP),
    (0, b"PK\x05\x06", ZIP),
    (0, b"PK\x07\x08", ZIP),
    (0, b"\x1f\x8b", "application/gzip"),
    (4, b"1AY&SY", "application/x-bzip2"),
    (4, b"\x17rE8P\x90", "application/x-bzip2"),  # an empty one
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar", "application/x-tar"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBPVP8", "image/webp"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypavis", "image/avif"),
    (4, b"ftyp", "video/mp4"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"II+\x00", "image/tiff"),
    (0, b"MM\x00+", "image/tiff"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"PARE", "application/vnd.apache.parquet"),
    (0, b"ARROW1", "application/vnd.apache.arrow.file"),
    (0, b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
    (0, b"\x93NUMPY", "application/x-numpy"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLD_OFFICE),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"\x00asm", "application/wasm"),
)

# What a file with that ending must be.  An office document with a password is an old office container.
_OFFICE = frozenset({ZIP, OLD_OFFICE})
_PROMISED: dict[str, frozenset[str]] = {
    ".zip": frozenset({ZIP}),
    ".jar": frozenset({ZIP}),
    ".whl": frozenset({ZIP}),
    ".npz": frozenset({ZIP}),
    ".epub": frozenset({ZIP}),
    **dict.fromkeys((".xlsx", ".xlsm", ".docx", ".docm", ".pptx", ".odt", ".ods", ".odp"), _OFFICE),
    **dict.fromkeys((".gz", ".tgz"), frozenset({"application/gzip"})),
    **dict.fromkeys((".bz2", ".tbz2"), frozenset({"application/x-bzip2"})),
    **dict.fromkeys((".xz", ".txz"), frozenset({"application/x-xz"})),
    ".zst": frozenset({"application/zstd"}),
    ".7z": frozenset({"application/x-7z-compressed"}),
    ".rar": frozenset({"application/vnd.rar"}),
    ".pdf": frozenset({"application/pdf"}),
    ".png": frozenset({"image/png"}),
    **dict.fromkeys((".jpg", ".jpeg"), frozenset({"image/jpeg"})),
    ".gif": frozenset({"image/gif"}),
    ".webp": frozenset({"image/webp"}),
    ".avif": frozenset({"image/avif"}),
    **dict.fromkeys((".tif", ".tiff"), frozenset({"image/tiff"})),
    ".parquet": frozenset({"application/vnd.apache.parquet"}),
    **dict.fromkeys((".h5", ".hdf5"), frozenset({"application/x-hdf5"})),
    ".npy": frozenset({"application/x-numpy"}),
    **dict.fromkeys((".sqlite", ".sqlite3"), frozenset({"application/vnd.sqlite3"})),
}


def by_content(head: bytes) -> str | None:
    """The type that the first bytes stand for; None where they say nothing."""
    for offset, signature, kind in _SIGNATURES:
        if head.startswith(signature, offset):
            return kind
    # A reader of PDF allows for other bytes before it.
    return "application/pdf" if b"%PDF-" in head[:1024] else None


def of_file(name: str, head: bytes) -> str:
    """What the file is by its first bytes; by its name where these say nothing, and then never a binary kind."""
    found = by_content(head)
    if found is not None:
        return found
    if b"\0" in head:
        return BYTES
    guessed = mimetypes.guess_type(name)[0] or "text/plain"
    return guessed if guessed.startswith("text/") or guessed == "application/json" else "text/plain"


def broken_promise(name: str, head: bytes) -> str | None:
    """What the file is instead, in words, where its name promises a kind that its bytes are not; else None."""
    promised = _PROMISED.get(PurePosixPath(name).suffix.lower())
    found = by_content(head)
    if promised is None or found in promised:
        return None
    if found is not None:
        return found
    return "unknown binary data" if b"\0" in head else "text"

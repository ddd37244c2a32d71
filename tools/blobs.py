"""Contents by digest: one file each, written once, never changed.  Used by history.py.

What is not whole yet lies in a folder of drafts, so that what a killed process left there is found in one place.
"""

import ctypes
import hashlib
import os
import secrets
from pathlib import Path
from typing import BinaryIO

from models.errors import NotFound

_libc = ctypes.CDLL(None, use_errno=True)
_CHUNK = 2**20
_SYNC_EACH = 32
"""Beyond so many new files, one sync of the file system is cheaper than one of each."""


class Blobs:
    """Contents in `folder`, as <two digits>/<digest>.  A name that is there holds all of its bytes."""

    def __init__(self, folder: Path, drafts: Path) -> None:
        self.folder = folder
        self._drafts = drafts
        self._new: dict[str, Path] = {}
        """What was added since the last `sync`: the draft of each digest."""

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest[2:]

    def add(self, file: BinaryIO, most: int) -> tuple[str, int]:
        """Keep what `file` holds from here on, `most` bytes of it; returns its digest and size.

        It is there, for good, after the next `sync`.
        """
        first = file.read(min(_CHUNK, most))
        hasher = hashlib.blake2b(first, digest_size=20)
        if len(first) < _CHUNK:
            return self._keep(hasher.hexdigest(), first), len(first)
        return self._keep_large(hasher, first, file, most)

    def open(self, digest: str) -> BinaryIO:
        """The content, open for reading.

        Raises:
            NotFound: it is not kept.
        """
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError as error:
            raise NotFound("cannot find the content", digest=digest) from error

    def sync(self) -> None:
        """Wait until everything added is on the disk, and give it its names."""
        if len(self._new) > _SYNC_EACH:
            folder = os.open(self._drafts, os.O_RDONLY)
            try:
                if _libc.syncfs(folder) != 0:
                    raise OSError(ctypes.get_errno(), "cannot sync the history")
            finally:
                os.close(folder)
        else:
            for draft in self._new.values():
                sync(draft)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only now: after a power cut a name that was given earlier could stand for an empty file.
        for digest, draft in self._new.items():
            path = self.path(digest)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            draft.rename(path)
        self._new.clear()

    def _keep(self, digest: str, data: bytes) -> str:
        if digest not in self._new and not self.path(digest).exists():
            draft = draft_in(self._drafts)
            self._new[digest] = draft
            draft.write_bytes(data)
        return digest

    def forget(self) -> None:
        """Delete what was added since the last `sync`."""
        for draft in self._new.values():
            draft.unlink(missing_ok=True)
        self._new.clear()

    def _keep_large(self, hasher: "hashlib.blake2b", first: bytes, file: BinaryIO, most: int) -> tuple[str, int]:
        draft, size = draft_in(self._drafts), 0
        try:
            with draft.open("wb") as copy:
                chunk = first
                while chunk:
                    copy.write(chunk)
                    size += len(chunk)
                    chunk = file.read(min(_CHUNK, most - size))
                    hasher.update(chunk)
        except BaseException:
            draft.unlink()
            raise
        self._name(draft, hasher.hexdigest())
        return hasher.hexdigest(), size

    def _name(self, draft: Path, digest: str) -> None:
        if digest in self._new:
            draft.unlink()  # a large file that is there twice
        else:
            self._new[digest] = draft


def sync(path: Path) -> None:
    """Wait until the file is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes, drafts: Path | None = None) -> None:
    """The file holds all of `data` or does not exist: a power cut leaves no part of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = draft_in(drafts or path.parent)
    try:
        draft.write_bytes(data)
        sync(draft)
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync(path.parent)


def draft_in(folder: Path) -> Path:
    """A name in the folder, which is made, for what is not whole yet."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"draft-{secrets.token_hex(8)}"

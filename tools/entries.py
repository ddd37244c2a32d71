"""What a listing of a workspace is made of: its entries, in pages.  Who lists: workspace.py."""

import base64
import binascii
import os
import stat
from dataclasses import dataclass
from typing import Literal

from models.errors import InvalidInput
from tools.manifest import shown

Kind = Literal["file", "folder", "link", "other"]
_LAST_SECOND = 253_402_300_799.0
"""9999-12-31T23:59:59Z."""
_KINDS: dict[int, Kind] = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


@dataclass(frozen=True)
class Entry:
    """One name in a workspace.  `modified_at` is in seconds since 1970, UTC; `size` is 0 but for files.

    `path` is always valid text; a name that is no UTF-8 is shown with escapes, is of kind "other", and cannot
    be opened.
    """

    path: str
    kind: Kind
    size: int
    modified_at: float


@dataclass(frozen=True)
class Page:
    """Part of a listing; `next` is what to ask with for what follows, None at its end."""

    entries: list[Entry]
    next: str | None


def entry_of(path: str, found: os.stat_result) -> Entry:
    """What is at the path, as the system saw it."""
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "other")
    name = shown(path)
    if name != path:
        kind = "other"
    # Whoever wrote it may have dated it as it liked; no calendar goes further.
    modified_at = min(max(found.st_mtime, 0.0), _LAST_SECOND)
    return Entry(name, kind, found.st_size if kind == "file" else 0, modified_at)


def to_cursor(path: str) -> str:
    """What a listing that came to the path is asked with for what follows."""
    return base64.urlsafe_b64encode(os.fsencode(path)).decode("ascii")


def from_cursor(cursor: str | None) -> str:
    """The path that the listing came to; empty at the beginning.

    Raises:
        InvalidInput: no listing gave this.
    """
    try:
        return os.fsdecode(base64.b64decode(cursor or "", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("cannot go on from there: this is no cursor of a listing", cursor=cursor) from error

"""What one snapshot holds: a line per file, link and folder, in the order of their paths.  Used by history.py.

Paths are the host's bytes as Python keeps them (surrogates for what is no UTF-8), so that every name survives;
`shown` is what people and databases get.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from typing import NamedTuple

FILE, LINK, FOLDER = "file", "link", "folder"


class Item(NamedTuple):
    """One thing in a snapshot.  A file's `content` is its digest, a link's what it points to."""

    path: str
    kind: str
    mode: int
    size: int = 0
    content: str = ""


class Manifest:
    """The items of a snapshot; equal items make equal ids."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = {item.path: item for item in sorted(items)}
        self.data = json.dumps(list(self.items.values()), separators=(",", ":")).encode("ascii")

    @classmethod
    def parse(cls, data: bytes) -> "Manifest":
        return cls(Item(*row) for row in json.loads(data))

    @property
    def id(self) -> str:
        return hashlib.blake2b(self.data, digest_size=20).hexdigest()

    @property
    def contents(self) -> dict[str, Item]:
        """What has contents: files and links, by path."""
        return {path: item for path, item in self.items.items() if item.kind != FOLDER}


EMPTY = Manifest(())


def shown(path: str) -> str:
    """The path as valid text; bytes that are no UTF-8 look like \\xff."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")

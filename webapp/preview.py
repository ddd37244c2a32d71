"""Look into a file of a workspace without believing it: what it is, and a part of it that is safe to show.

Text is shown as text, a table as a table, a picture by its own address and only where its bytes are one, a page in
a frame that may not reach anything (pages/files.py).  Nothing here trusts a file's name further than to choose how
to show it.
"""

import csv
import io
import mimetypes
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from tasks.orders import media_types
from tools import terminal_text
from tools.workspace import Workspace

Kind = Literal["page", "table", "picture", "text", "binary"]

TEXT_BYTES = 256 * 1024
TABLE_BYTES = 512 * 1024
TABLE_ROWS = 200
TABLE_COLUMNS = 60
# What a browser draws without running anything in it.  SVG may hold scripts: it goes into the frame.
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})
PAGES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})
ICONS: dict[Kind, str] = {"page": "page", "table": "table", "picture": "image", "text": "file", "binary": "file"}


@dataclass(frozen=True)
class Preview:
    """What is shown of a file; `is_cut` when there is more of it than is shown."""

    kind: Kind
    text: str = ""
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    is_cut: bool = False


def kind_by_name(path: str) -> Kind:
    """How a file of that name is shown, as far as a name tells."""
    guessed = media_type(path)
    if guessed in PAGES:
        return "page"
    if guessed in PICTURES:
        return "picture"
    if PurePosixPath(path).suffix.lower() in (".csv", ".tsv"):
        return "table"
    return "text"


def media_type(path: str) -> str:
    """The media type that the name stands for."""
    return mimetypes.guess_type(path)[0] or "application/octet-stream"


def is_picture(head: bytes) -> bool:
    """Whether a browser would draw what begins so, and run nothing in it."""
    return media_types.by_content(head) in PICTURES


def of(workspace: Workspace, path: str) -> Preview:
    """The preview of the file.

    Raises:
        NotFound, InvalidInput: as the workspace's methods.
    """
    kind = kind_by_name(path)
    if kind == "page":
        workspace.entry(path)
        return Preview(kind)
    if kind == "picture" and is_picture(workspace.read_bytes(path, media_types.HEAD_BYTES)):
        return Preview(kind)
    limit = TABLE_BYTES if kind == "table" else TEXT_BYTES
    data = workspace.read_bytes(path, limit + 1)
    if b"\0" in data[:8192]:
        return Preview("binary")
    text = data[:limit].decode("utf-8", "replace")
    is_cut = len(data) > limit
    if kind == "table":
        return _table(text, is_cut, "\t" if path.endswith(".tsv") else ",")
    return Preview("text", text=terminal_text.plain(text), is_cut=is_cut)


def _table(text: str, is_cut: bool, delimiter: str) -> Preview:
    """The first rows; a text that is no table is shown as text."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            rows.append([terminal_text.plain(cell) for cell in row[:TABLE_COLUMNS]])
            is_cut = is_cut or len(row) > TABLE_COLUMNS
            if len(rows) > TABLE_ROWS:
                is_cut = True
                break
    except csv.Error:
        return Preview("text", text=terminal_text.plain(text), is_cut=is_cut)
    if not rows:
        return Preview("text", text="", is_cut=False)
    width = max(len(row) for row in rows)
    padded = [row + [""] * (width - len(row)) for row in rows]
    return Preview("table", head=padded[0], rows=padded[1 : TABLE_ROWS + 1], is_cut=is_cut)

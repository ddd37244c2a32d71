"""Files of a workspace as downloads, for pages and API alike.  All of them as one archive: zip_stream.py.

They are whatever an agent's program wrote: a browser may only save them, never show them as a page of ours.
"""

import mimetypes
import os
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO

from flask import Response

from tools.workspace import Workspace

CHUNK_BYTES = 256 * 1024
POLICY = "sandbox; default-src 'none'"
LONGEST_NAME = 150
PLAIN = frozenset(
    {"text/plain", "text/csv", "application/json", "image/png", "image/jpeg", "image/gif", "image/webp"}
    | {"application/pdf", "application/zip", "application/gzip"}
)
"""What a download may be called: programs like to know, and no browser runs any of it on our origin."""


class Pieces:
    """What an open file holds now, in pieces; not what a running step still adds."""

    def __init__(self, file: BinaryIO) -> None:
        self.size = os.fstat(file.fileno()).st_size
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        left = self.size
        with self._file:
            while left > 0 and (chunk := self._file.read(min(left, CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk

    def close(self) -> None:
        """Called by the server, also where nobody read."""
        self._file.close()


def sent(file: BinaryIO, media_type: str) -> Response:
    """The open file as an answer of this type."""
    pieces = Pieces(file)
    answer = Response(pieces, mimetype=media_type)
    answer.content_length = pieces.size
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def download(workspace: Workspace, path: str) -> Response:
    """One file of the workspace as something to keep.

    Raises:
        NotFound, InvalidInput: as the workspace's methods.
    """
    guessed = mimetypes.guess_type(path, strict=False)[0]
    media_type = guessed if guessed in PLAIN else "application/octet-stream"
    return only_to_save(sent(workspace.open_for_read(path), media_type), path.rpartition("/")[2])


def only_to_save(answer: Response, name: str) -> Response:
    """The answer as something to keep under that name."""
    answer.headers.set("Content-Disposition", "attachment", filename=safe_name(name))
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-store"
    return answer


def safe_name(name: str) -> str:
    """The name without what steers a terminal, a header, the direction of writing or another system's paths."""
    plain = "".join("_" if sign in "\\/:" or unicodedata.category(sign)[0] == "C" else sign for sign in name)
    while len(plain.encode("utf-8", "replace")) > LONGEST_NAME:
        # From the middle: a name's end says what it is.
        plain = plain[: len(plain) // 2 - 1] + plain[len(plain) // 2 :]
    return plain or "_"

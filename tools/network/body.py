"""The body of an answer as bytes, unpacked no further than it may be kept: a small answer may unpack to a huge one."""

import zlib
from collections.abc import Iterable, Iterator

from models.errors import ToolFailed
from tools.network.budget import Spent

_PIECE_BYTES = 2**18
_GZIP = 16 + zlib.MAX_WBITS


def whole(encoding: str, chunks: Iterable[bytes], most: int) -> bytes:
    """All of it.  `encoding` is that of the content: none, or gzip, which is all that we ask for.

    Raises:
        Spent: it is larger than `most` bytes.
        ToolFailed: another encoding, or it is broken.
    """
    body = bytearray()
    for chunk in _plain(encoding.strip().lower(), chunks):
        body += chunk
        if len(body) > most:
            raise Spent("file_bytes")
    return bytes(body)


def _plain(encoding: str, chunks: Iterable[bytes]) -> Iterable[bytes]:
    if encoding in ("", "identity"):
        return chunks
    if encoding in ("gzip", "x-gzip"):
        return _gunzipped(chunks)
    raise ToolFailed("cannot read it: an encoding that was not asked for", transient=False, encoding=encoding[:100])


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        for chunk in chunks:
            waiting = chunk
            while waiting and not unpacker.eof:
                yield unpacker.decompress(waiting, _PIECE_BYTES)
                waiting = unpacker.unconsumed_tail
    except zlib.error as error:
        raise ToolFailed("cannot unpack the answer", reason=str(error)) from error
    if not unpacker.eof:
        raise ToolFailed("cannot unpack the answer: it ends too early")

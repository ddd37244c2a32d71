"""Which encoding a file has, and whether it is text at all; nothing is guessed silently.

A byte order mark decides; without one a file is UTF-8 or it is refused with the line and the cure.  A
person who knows better names the encoding.
"""

from __future__ import annotations

import codecs
from pathlib import Path

from outcome import BadInput

BLOCK = 1024 * 1024
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
FORMATS = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook; in a spreadsheet choose “Save as: CSV UTF-8”"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file; in a spreadsheet choose “Save as: CSV UTF-8”"),
    (b"%PDF", "a PDF; export the table as CSV"),
    (b"\x1f\x8b", "compressed with gzip; unpack it first"),
    (b"\x89PNG", "a picture; a table is text"),
    (b"PAR1", "a Parquet file; export it as CSV"),
    (b"SQLite format 3", "an SQLite database; export a table of it as CSV"),
)


def encoding_of(path: Path, wanted: str = "detect") -> str:
    """The codec's name: the one that was named, else by the byte order mark, else UTF-8."""
    with path.open("rb") as file:
        head = file.read(16)
    for mark, kind in FORMATS:
        if head.startswith(mark):
            raise BadInput(f"{path.name} is no text file but {kind}")
    if wanted not in {"", "detect"}:
        return "utf-8-sig" if wanted == "utf-8" else wanted
    return next((codec for mark, codec in MARKS if head.startswith(mark)), "utf-8")


def check_text(path: Path, codec: str) -> None:
    """Read the whole file as text, a block at a time.

    Raises:
        BadInput: a byte does not belong to the encoding, or the file is binary; with its line.
    """
    decoder = codecs.getincrementaldecoder(codec)()
    line = 1
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            pending = decoder.getstate()[0]
            try:
                text = decoder.decode(block)
            except UnicodeError as problem:
                raise BadInput(wrong_byte(path, codec, line, pending + block, problem)) from None
            if "\0" in text:
                line += text[: text.index("\0")].count("\n")
                raise BadInput(binary(path, line))
            line += text.count("\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise BadInput(
            f"{path.name} line {line}: the file ends in the middle of a character of {named(codec)}; "
            "it was cut off, give it whole"
        ) from None


def binary(path: Path, line: int) -> str:
    """The sentence about a file that is no text."""
    return f"{path.name} is binary, not text (a zero byte in line {line}); give a CSV or TSV file"


def wrong_byte(path: Path, codec: str, line: int, block: bytes, problem: UnicodeError) -> str:
    """The sentence about the first byte that does not belong to the encoding."""
    start = problem.start if isinstance(problem, UnicodeDecodeError) else 0
    if b"\0" in block[: start + 512]:
        return binary(path, line + block[:start].count(b"\n"))
    line += block[:start].count(b"\n")
    cure = "save it as UTF-8 (in a spreadsheet: “CSV UTF-8”), or name its encoding"
    if codec.startswith("utf-8"):
        cure += ", probably windows-1252"
    return f"{path.name} line {line} is not {named(codec)}: byte 0x{block[start]:02X} has no place there; {cure}"


def named(codec: str) -> str:
    """The encoding's name as people write it."""
    return codec.upper().removesuffix("-SIG")

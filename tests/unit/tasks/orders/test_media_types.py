"""A file is what its first bytes say; a name that promises something else is caught."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from tasks.orders.media_types import broken_promise, by_content, of_file


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", "x")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (zipped(), "application/zip"),
        (tarred(), "application/x-tar"),
        (gzip.compress(b"x", mtime=0), "application/gzip"),
        (bz2.compress(b"x"), "application/x-bzip2"),
        (bz2.compress(b""), "application/x-bzip2"),
        (lzma.compress(b"x"), "application/x-xz"),
        (b"RIFF\x10\0\0\0WEBPVP8L", "image/webp"),
        (b"junk before\n%PDF-1.7\n", "application/pdf"),
        (b"a,b\n1,2\n", None),
        (b"BZhao,Beijing\n", None),
        (b"", None),
    ],
)
def test_first_bytes_say_what_a_file_is(head: bytes, kind: str | None) -> None:
    assert by_content(head) == kind


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.csv", b"a,b\n", "text/csv"),
        ("a.csv", b"PK\x03\x04...", "application/zip"),
        ("a.txt", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("a.csv", b"a\x00b", "application/octet-stream"),
        ("a.json", b"{}", "application/json"),
        ("picture.png", b"no picture", "text/plain"),
        ("noend", b"words", "text/plain"),
    ],
)
def test_kind_is_told_by_the_bytes_and_by_the_name_only_where_these_say_nothing(
    name: str, head: bytes, kind: str
) -> None:
    assert of_file(name, head) == kind


@pytest.mark.parametrize(
    ("name", "head", "instead"),
    [
        ("a.png", b"<svg onload=alert(1)>", "text"),
        ("a.pdf", b"\x7fELF", "application/x-executable"),
        ("A.ZIP", b"\x01\x02\0", "unknown binary data"),
        ("a.xlsx", b"a,b\n", "text"),
    ],
)
def test_name_that_promises_something_else_is_caught(name: str, head: bytes, instead: str) -> None:
    assert broken_promise(name, head) == instead


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.xlsx", zipped()),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),  # one with a password
        ("a.xls", b"<table>"),  # many programs call a web page so
        ("a.csv", b"PK\x03\x04"),
        ("a.tar", b"an old one has no signature"),
        ("noend", b"x"),
    ],
)
def test_name_that_promises_nothing_or_keeps_it_is_fine(name: str, head: bytes) -> None:
    assert broken_promise(name, head) is None

"""A file of a workspace is shown by what it is, never run, and never whole when it is large."""

from dataclasses import dataclass
from typing import cast

import pytest

from tools.entries import Entry
from tools.workspace import Workspace
from webapp import preview


@dataclass
class OneFile:
    """A workspace's reading side, with one file."""

    data: bytes

    def read_bytes(self, path: str, limit: int | None = None) -> bytes:
        return self.data[:limit]

    def entry(self, path: str) -> Entry:
        return Entry(path, "file", len(self.data), 0.0)


def shown(path: str, data: bytes) -> preview.Preview:
    return preview.of(cast(Workspace, OneFile(data)), path)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.html", "page"),
        ("a.svg", "page"),
        ("A.CSV", "table"),
        ("a.py", "text"),
        ("Makefile", "text"),
    ],
)
def test_a_name_decides_how_a_file_is_shown(path: str, kind: str) -> None:
    assert preview.kind_by_name(path) == kind
    assert shown(path, b"a,b\n1,2\n").kind == kind


@pytest.mark.parametrize(
    ("path", "data", "kind"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n", "picture"),
        ("a.png", b"\xff\xd8\xff\xe0", "picture"),
        ("a.png", b"<svg onload=alert(1)>", "text"),
        ("a.jpg", b"\x7fELF\0\0", "binary"),
    ],
)
def test_a_picture_is_one_by_its_bytes(path: str, data: bytes, kind: str) -> None:
    assert preview.kind_by_name(path) == "picture"
    assert shown(path, data).kind == kind


def test_a_table_keeps_its_ragged_rows_in_their_columns() -> None:
    table = shown("a.csv", b"a,b,c\n1,2\n3,4,5\n")
    assert (table.head, table.rows) == (["a", "b", "c"], [["1", "2", ""], ["3", "4", "5"]])


def test_a_tsv_is_parted_at_tabs() -> None:
    assert shown("a.tsv", b"a\tb,c\n").head == ["a", "b,c"]


def test_a_long_table_says_that_it_is_cut() -> None:
    table = shown("a.csv", b"n\n" + b"1\n" * 5000)
    assert (len(table.rows), table.is_cut) == (preview.TABLE_ROWS, True)


def test_what_is_no_table_is_shown_as_text() -> None:
    assert shown("a.csv", b'"' + b"x" * 200_000).kind == "text"
    assert shown("empty.csv", b"").kind == "text"


def test_a_large_text_is_cut() -> None:
    text = shown("a.log", b"x" * (preview.TEXT_BYTES + 1))
    assert (len(text.text), text.is_cut) == (preview.TEXT_BYTES, True)


def test_a_binary_file_is_not_shown() -> None:
    assert shown("a.bin", b"\x7fELF\0\0").kind == "binary"


def test_a_text_cannot_steer_a_terminal() -> None:
    assert shown("a.log", b"\x1b[31mred").text == "red"

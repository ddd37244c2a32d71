"""Of a file that somebody brings only its bytes are believed."""

import pytest

from models.errors import InvalidInput
from tasks.uploads import media_type, plain_name


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("prices.csv", "prices.csv"),
        ("C:\\Users\\me\\prices.csv", "prices.csv"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b\n.csv", "ab.csv"),
        ("  spaces.csv ", "spaces.csv"),
        ("\u202eevil.csv", "evil.csv"),
        ("Größe 1.csv", "Größe 1.csv"),
    ],
)
def test_name_is_its_last_part_without_control_characters(given: str, kept: str) -> None:
    assert plain_name(given) == kept


@pytest.mark.parametrize("given", ["", "/", "..", "a/..", ".", "\x00", "ü" * 101])
def test_name_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput):
        plain_name(given)


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
    assert media_type(name, head) == kind

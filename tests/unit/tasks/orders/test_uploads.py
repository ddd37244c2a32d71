"""Of a file that somebody brings only its bytes are believed."""

import pytest

from models.errors import InvalidInput
from tasks.orders.uploads import plain_name


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
        ("Gro\u0308ße.csv", "Größe.csv"),
    ],
)
def test_name_is_its_last_part_without_control_characters(given: str, kept: str) -> None:
    assert plain_name(given) == kept


@pytest.mark.parametrize("given", ["", "/", "..", "a/..", ".", "\x00", "ü" * 101])
def test_name_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput):
        plain_name(given)

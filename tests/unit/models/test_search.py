"""Words of a query, and the stretches that a search is cut into."""

import itertools

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from models.search import LONGEST, MOST_WORDS, stretches, words_of


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", []),
        ("  ... !? ", []),
        ("Report", ["report"]),
        ("output/report_2026.html", ["output", "report", "2026", "html"]),
        ("CAFÉ café", ["café"]),
        ("'); DROP TABLE task; --", ["drop", "table", "task"]),
        ("x" * 40, ["x" * LONGEST]),
    ],
)
def test_a_query_is_its_words_without_what_stands_between_them(query: str, words: list[str]) -> None:
    assert words_of(query) == words


def test_a_long_query_keeps_its_first_words() -> None:
    assert words_of(" ".join(f"w{n}" for n in range(50))) == [f"w{n}" for n in range(MOST_WORDS)]


@pytest.mark.parametrize("newest", [0, 1, 1023, 1024, 1025, 40_000, 1_000_000, 12_345_678])
def test_stretches_hold_every_number_once_and_highest_first(newest: int) -> None:
    found = stretches(2**62, newest, postgresql.dialect())
    edges = [edge for stretch in found for edge in (stretch.high, stretch.low)]
    assert edges == sorted(edges, reverse=True)
    assert all(before.low == after.high for before, after in itertools.pairwise(found))
    if newest:
        assert found[0].high == newest + 1
        assert found[-1].low == 0


def test_stretches_begin_below_the_cursor() -> None:
    assert stretches(5000, 1_000_000, postgresql.dialect())[0].high == 5000


def test_a_million_tasks_need_few_stretches() -> None:
    assert len(stretches(2**62, 1_000_000, postgresql.dialect())) <= 4
    assert len(stretches(2**62, 1_000_000, sqlite.dialect())) == 1

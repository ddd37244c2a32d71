"""What counts as the words of a page."""

import pytest

from tools.research import quotes
from tools.research.markers import numbers_in

TEXT = """# On Tides

A day has **24** hours and [50 minutes](https://sea.example/m) as
the moon counts. It’s “true” – says Ada.

- High water comes twice.
"""


@pytest.mark.parametrize(
    "quote",
    [
        "A day has 24 hours and 50 minutes as the moon counts.",
        "  A day\nhas **24** hours",
        'It\'s "true" - says Ada',
        "A day has 24 hours … as the moon counts",
        "A day has 24 hours [...] High water comes twice.",
    ],
)
def test_words_of_the_page_are_found_however_they_are_set(quote: str) -> None:
    assert quotes.is_in(quote, TEXT)


@pytest.mark.parametrize(
    "quote",
    [
        "A day has 25 hours",
        "a day has 24 hours",
        "High water comes twice. … A day has 24 hours",
        "A … 24 … moon",
        "the moon counts twice",
        "",
        "…",
        "a",
    ],
)
def test_words_that_the_page_does_not_say_are_not_found(quote: str) -> None:
    assert not quotes.is_in(quote, TEXT)


@pytest.mark.parametrize("slow", ["](" * 400_000, "](a(" * 200_000, "\n" * 800_000, "`" * 800_001, "1" * 800_000])
def test_page_that_was_made_to_be_slow_is_read_all_the_same(slow: str) -> None:
    assert quotes.is_in("There are two tides", f"{slow}\nThere are two tides")


def test_address_of_a_link_is_no_word_of_the_page() -> None:
    assert quotes.is_in("the tide (sea) rises", "the [tide](https://pedia.example/Tide_(sea)_x) (sea) [rises](/r)")


def test_markers_of_a_text_are_told_from_code_links_and_definitions() -> None:
    text = "So it is [1], and [2, 3]; also [5–7].[9]\n`a[4]` x[8] [10](https://a.example/) ![11] [12][13]\n"
    fenced = "```\n[14]\n```\n[15]: https://a.example/\n"
    assert numbers_in(text + fenced) == {1, 2, 3, 5, 6, 7, 9, 12, 13}

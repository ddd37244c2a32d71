"""Diffs as `diff -u` writes them, in good time."""

import difflib
import random

import pytest

from tools import text_diff


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "a\n"),
        ("a\n", ""),
        ("a\n", "a\n"),
        ("a\nb\nc\n", "a\nB\nc\n"),
        ("a\n" * 30, "a\n" * 15 + "b\n" + "a\n" * 15),
    ],
)
def test_diff_is_the_standard_librarys(before: str, after: str) -> None:
    expected = [*difflib.unified_diff(lines(before), lines(after), "old", "new", lineterm="\n")]
    assert [*text_diff.unified(lines(before), lines(after), "old", "new")] == expected


def test_diff_of_honest_edits_is_the_standard_librarys() -> None:
    chosen = random.Random(7)
    before = [f"line {chosen.randrange(900)}\n" for _ in range(1000)]
    after = [line for line in before if chosen.random() > 0.05]
    expected = [*difflib.unified_diff(before, after, "old", "new")]
    assert [*text_diff.unified(before, after, "old", "new")] == expected


def test_texts_made_to_be_costly_differ_as_a_whole() -> None:
    """Equal lines between different ones: without the bound ten thousand of them take minutes."""
    before, after = [], []
    for number in range(5000):
        before += [f"same {number % 51}\n", f"old {number}\n"]
        after += [f"same {number % 51}\n", f"new {number}\n"]
    diff = [*text_diff.unified(before, after, "old", "new")]
    assert diff[2] == "@@ -1,10000 +1,10000 @@\n"
    assert len(diff) == 3 + 20_000

"""A diff as lines: what stands in the files is never taken for what stands around them."""

from webapp.diff_lines import MOST_LINES, lines_of


def test_a_line_that_begins_with_dashes_is_shown() -> None:
    lines, left_out = lines_of("--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n--- drop the table\n same\n+++ more\n")
    assert [line.text for line in lines] == ["@@ -1,2 +1 @@", "--- drop the table", " same", "+++ more"]
    assert [line.kind for line in lines] == ["place", "removed", "same", "added"]
    assert left_out == 0


def test_a_sentence_in_place_of_a_diff_is_shown_and_a_long_one_is_cut() -> None:
    assert [line.text for line in lines_of("Binary or very large.\n")[0]] == ["Binary or very large."]
    assert lines_of("@@ -1 +1 @@\n" + "+a\n" * MOST_LINES)[1] == 1

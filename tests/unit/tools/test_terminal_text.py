"""What a program prints cannot steer anything once it is on a page."""

import pytest

from tools.terminal_text import Neutraliser, plain, visible

HOSTILE = {
    "\x1b[31mred\x1b[0m": "red",
    "\x1b]0;title\x07after": "after",
    "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\": "link",
    "\x9b2Jgone": "gone",
    "\x1bPq#0\x1b\\x": "x",
    "a\x00b\x08c\x7fd": "abcd",
    "user\u202egnp.exe": "usergnp.exe",
    "\x1b(Bplain": "plain",
    "tab\tstays\nand lines": "tab\tstays\nand lines",
}


@pytest.mark.parametrize(("printed", "shown"), HOSTILE.items())
def test_control_sequences_vanish(printed: str, shown: str) -> None:
    assert plain(printed) == shown


@pytest.mark.parametrize(("printed", "shown"), HOSTILE.items())
def test_a_sequence_cut_between_two_chunks_vanishes_too(printed: str, shown: str) -> None:
    for cut in range(len(printed) + 1):
        stream = Neutraliser()
        assert stream.feed(printed[:cut]) + stream.feed(printed[cut:]) + stream.feed("") == shown, cut


def test_a_progress_bar_shows_its_last_state() -> None:
    assert plain("10 %\r50 %\r100 %\ndone\r\n") == "100 %\ndone\n"


def test_a_sequence_that_never_ends_does_not_hold_the_output_back_for_ever() -> None:
    stream = Neutraliser()
    shown = stream.feed("\x1b]0;" + "x" * 5000)
    assert "x" * 100 in shown + stream.feed("later")


def test_what_is_not_seen_is_written_out_where_somebody_must_know() -> None:
    assert visible("rm\recho\x1b[1A\u202e\u200b\xa0") == r"rm\recho\u001b[1A\u202e\u200b\u00a0"
    assert visible("two\nlines\tand äöü 漢字 🙂") == "two\nlines\tand äöü 漢字 🙂"

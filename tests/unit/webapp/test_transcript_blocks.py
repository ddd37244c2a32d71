"""What a transcript is made of: no part of a secret stays where a long text is cut."""

import pytest

from tasks.masking import Masks
from webapp.transcript.blocks import LONGEST, Words, cut, masked

SECRET = "HV0Q-7JZB-9XKW-2DPG-5MUS-38"


@pytest.mark.parametrize("before", range(1, len(SECRET), 5))
def test_a_secret_across_the_cut_is_masked_whole(before: int) -> None:
    half = LONGEST // 2
    masks = Masks([SECRET])
    ends_in_it = "x" * (half - before) + SECRET + "y" * LONGEST
    begins_in_it = "x" * LONGEST + SECRET + "y" * (half - before)
    for text in (ends_in_it, begins_in_it):
        (shown,) = masked([Words(cut(text, masks))], masks)
        assert "characters left out" in shown.text
        assert not any(SECRET[at : at + 3] in shown.text for at in range(len(SECRET) - 2))


def test_a_secret_that_hides_behind_colours_is_masked() -> None:
    (shown,) = masked([Words(f"it is {SECRET[:9]}\x1b[31m{SECRET[9:]}")], Masks([SECRET]))
    assert shown == Words("it is ***")

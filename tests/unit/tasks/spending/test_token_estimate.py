"""The estimate is a bound: no question has more tokens than it says."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.spending.token_estimate import PER_MESSAGE, Counted, of_question

SIZES = st.lists(st.integers(0, 10**6), min_size=1, max_size=20)


@given(SIZES, st.integers(0, 10**5))
def test_every_byte_may_be_a_token(sizes: list[int], tools: int) -> None:
    assert of_question(sizes, tools) >= sum(sizes) + tools + len(sizes) * PER_MESSAGE


@given(SIZES, st.integers(0, 20), st.integers(1, 10**6), st.integers(0, 10**5))
def test_what_was_counted_counts_as_it_was_and_only_what_is_new_by_its_bytes(
    sizes: list[int], before: int, question: int, answer: int
) -> None:
    last = Counted(before, question, answer)
    found = of_question(sizes, 10**4, last)
    if before + 1 > len(sizes):
        assert found == of_question(sizes, 10**4)
    else:
        assert found - question - answer >= sum(sizes[before + 1 :])

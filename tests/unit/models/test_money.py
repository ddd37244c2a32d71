"""Money is whole micro-dollars: what people write is read exactly, and no cost is rounded down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.money import MICRO, cost, dollars, micro_dollars


@pytest.mark.parametrize(
    ("written", "micro"),
    [("0.15", 150_000), ("$1,200", 1_200_000_000), (0.1, 100_000), (3, 3_000_000), ("0", 0), ("0.0000001", 1)],
)
def test_dollars_are_read_as_people_write_them(written: str | float, micro: int) -> None:
    assert micro_dollars(written) == micro


@pytest.mark.parametrize("written", ["", "much", "-1", "nan", "inf", "1000001", "1 2"])
def test_what_is_no_amount_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="write dollars"):
        micro_dollars(written)


@given(st.integers(0, 10**12))
def test_what_is_shown_is_read_again_as_the_same(micro: int) -> None:
    assert micro_dollars(dollars(micro)) == micro


@given(*(st.integers(0, 10**9) for _ in range(4)))
def test_cost_is_never_below_the_price(question: int, answer: int, of_question: int, of_answer: int) -> None:
    exact = question * of_question + answer * of_answer
    found = cost(question, answer, of_question, of_answer)
    assert found is not None and 0 <= found * MICRO - exact < MICRO


def test_unknown_price_is_not_zero() -> None:
    assert cost(10, 10, None, 1) is None is cost(10, 10, 1, None)
    assert cost(10, 10, 0, 0) == 0

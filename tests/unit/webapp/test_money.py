"""Money and tokens in words."""

import pytest

from webapp.money import money, price, price_typed, tokens


@pytest.mark.parametrize(
    ("micro", "shown"),
    [(None, "unknown"), (0, "$0"), (1, "$0.000001"), (42, "$0.000042"), (4_200, "$0.0042"), (31_000, "$0.031"),
     (310_000, "$0.31"), (12_400_000, "$12.40"), (1_204_000_000, "$1,204.00")],
)  # fmt: skip
def test_money_keeps_the_digits_that_say_something(micro: int | None, shown: str) -> None:
    assert money(micro) == shown


def test_an_unknown_price_is_never_nothing() -> None:
    assert (price(None), price(0), price(150_000)) == ("unknown", "free", "$0.15")


@pytest.mark.parametrize(
    ("micro", "typed"), [(None, ""), (0, "0"), (150_000, "0.15"), (2_000_000, "2"), (7, "0.000007")]
)
def test_a_price_comes_back_as_it_was_typed(micro: int | None, typed: str) -> None:
    assert price_typed(micro) == typed


@pytest.mark.parametrize(
    ("count", "shown"), [(None, "–"), (812, "812"), (9_999, "9,999"), (12_440, "12.4 k"), (3_100_000, "3.1 M")]
)
def test_tokens_are_short(count: int | None, shown: str) -> None:
    assert tokens(count) == shown

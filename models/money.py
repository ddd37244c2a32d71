"""Money as whole micro-dollars: a million to the US dollar, so that sums are exact.  Prices are per million tokens."""

from decimal import ROUND_CEILING, Decimal, InvalidOperation

MICRO = 1_000_000
MOST_DOLLARS = 1_000_000


def micro_dollars(written: str | float | int | Decimal) -> int:
    """What people write as dollars, `0.15` or `$1,200`, in micro-dollars; a part of one is rounded up.

    Raises:
        ValueError: it is no amount from 0 to a million dollars.
    """
    try:
        amount = Decimal(str(written).strip().removeprefix("$").replace(",", ""))
    except InvalidOperation as error:
        raise ValueError("write dollars, such as 0.15") from error
    if not amount.is_finite() or not 0 <= amount <= MOST_DOLLARS:
        raise ValueError("write dollars from 0 to a million, such as 0.15")
    return int((amount * MICRO).to_integral_value(ROUND_CEILING))


def dollars(micro: int) -> str:
    """The amount as people read it: `$0.15`, with as many places as it has, two at least."""
    places = format(Decimal(micro) / MICRO, "f").partition(".")[2].rstrip("0")
    return f"${Decimal(micro) / MICRO:,.{max(2, len(places))}f}"


def cost(input_tokens: int, output_tokens: int, input_price: int | None, output_price: int | None) -> int | None:
    """What so many tokens cost, a part of a micro-dollar rounded up; None where a price is unknown."""
    if input_price is None or output_price is None:
        return None
    return -(-(input_tokens * input_price + output_tokens * output_price) // MICRO)

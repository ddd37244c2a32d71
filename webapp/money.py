"""Money and tokens as people read them: filters of the templates.

Money is whole micro-dollars, a price micro-dollars per million tokens; None is unknown, and said so, never zero.
"""

from models.money import MICRO
from webapp.amounts import number

MILLION = 1_000_000
"""Of tokens."""
UNKNOWN = "unknown"


def money(micro: int | None) -> str:
    """`$0`, `$0.0042`, `$0.31`, `$12.40`, `$1,204.00`; `unknown` for None."""
    if micro is None:
        return UNKNOWN
    dollars = micro / MICRO
    if micro == 0:
        return "$0"
    if abs(dollars) >= 0.1:
        return f"${dollars:,.2f}"
    # Two digits that say something, however small it is.
    digits = next(places for places in range(2, 8) if abs(dollars) >= 10 ** (1 - places) or places == 7)
    return f"${dollars:.{min(digits, 6)}f}"


def price(micro: int | None) -> str:
    """Per million tokens: `$0.15`, `free`, `unknown`."""
    return "free" if micro == 0 else money(micro)


def price_typed(micro: int | None) -> str:
    """A price, or a limit in money, as somebody would type it: `0.15`; empty for none."""
    return "" if micro is None else f"{micro / MICRO:.6f}".rstrip("0").rstrip(".")


def tokens(count: int | None) -> str:
    """`812`, `12.4 k`, `3.1 M`; a dash for None."""
    if count is None:
        return "–"
    if count < 10_000:
        return number(count)
    return f"{count / 1000:.1f} k" if count < 999_950 else f"{count / MILLION:.1f} M"

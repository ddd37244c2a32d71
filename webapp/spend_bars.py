"""What model calls cost or used on each of the last days, as bars: drawn by templates/pages/spend.html.

The sums: models/spend_list.py.  As throughput.py: SVG with plain attributes, no inline style.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from models.spend_list import Spent
from webapp.amounts import counted
from webapp.money import money, tokens

DAYS = 30
WIDTH, HEIGHT = 600, 96
LEAST = 1.5
"""Height of a day on which there was anything."""
NOTHING = Spent(name="", calls=0, tokens=0, input_tokens=0, output_tokens=0, cost=0, unpriced=0, lost=0, open=0)


@dataclass(frozen=True)
class Bar:
    """One day, in the drawing's units; `label` says it in words."""

    day: date
    spent: Spent
    x: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class Bars:
    """The days from the oldest to today; `highest` is what the highest bar stands for."""

    bars: list[Bar]
    highest: int
    is_money: bool


def of(by_day: Iterable[Spent], today: date, *, is_money: bool) -> Bars:
    """The bars of the last days, one for each, whether there was anything or not."""
    known = {spent.name: spent for spent in by_day}
    days = [today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    every = [known.get(day.isoformat(), NOTHING) for day in days]
    amounts = [spent.cost if is_money else spent.tokens for spent in every]
    highest = max(amounts)
    step = WIDTH / DAYS
    bars = [
        Bar(day, spent, round(at * step, 2), round(step * 0.72, 2), _height(amount, highest), _label(day, spent))
        for at, (day, spent, amount) in enumerate(zip(days, every, amounts, strict=True))
    ]
    return Bars(bars, highest, is_money)


def _height(amount: int, highest: int) -> float:
    return round(max(HEIGHT * amount / highest, LEAST), 2) if amount else 0


def _label(day: date, spent: Spent) -> str:
    unknown = f", {counted(spent.unpriced, 'call')} of unknown price" if spent.unpriced else ""
    calls = counted(spent.calls, "call")
    return f"{day.day} {day:%b}: {money(spent.cost)}, {tokens(spent.tokens)} tokens, {calls}{unknown}"

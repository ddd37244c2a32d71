"""How many tasks ended in the last hour, as bars: counted here, drawn by templates/parts/throughput.html.

The drawing is SVG with plain attributes: the content security policy allows no inline style.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.states import State

SPAN = timedelta(hours=1)
EACH = timedelta(minutes=2)
# More rows are not read: the bars are capped long before.
MOST = 20_000
WIDTH, HEIGHT = 300, 56


@dataclass(frozen=True)
class Bar:
    """One bar; lengths are in the drawing's units, `failed` stands below `succeeded`."""

    x: float
    width: float
    succeeded: float
    failed: float
    label: str


@dataclass(frozen=True)
class Throughput:
    """The hour: its bars from the oldest to now, and its sums."""

    bars: list[Bar]
    succeeded: int
    failed: int

    @property
    def total(self) -> int:
        return self.succeeded + self.failed


def of(ended: Iterable[tuple[datetime, State]], at: datetime) -> Throughput:
    """The throughput of the hour before `at`, from (time, state) of each task that ended in it."""
    slots = int(SPAN / EACH)
    good, bad = [0] * slots, [0] * slots
    for when, state in ended:
        slot = min(max(int((when - (at - SPAN)) / EACH), 0), slots - 1)
        counts = good if state == State.SUCCEEDED else bad
        counts[slot] += 1
    highest = max((a + b for a, b in zip(good, bad, strict=True)), default=0) or 1
    step = WIDTH / slots
    bars = [
        Bar(
            x=round(index * step, 2),
            width=round(step * 0.68, 2),
            succeeded=round(HEIGHT * a / highest, 2),
            failed=round(HEIGHT * b / highest, 2),
            label=_label(slots - index, a, b),
        )
        for index, (a, b) in enumerate(zip(good, bad, strict=True))
    ]
    return Throughput(bars, sum(good), sum(bad))


def _label(slots_ago: int, good: int, bad: int) -> str:
    minutes = int(slots_ago * EACH.total_seconds() // 60)
    failed = f", {bad} not" if bad else ""
    return f"{minutes} to {minutes - 2} min ago: {good} succeeded{failed}"

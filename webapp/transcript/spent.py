"""What the model calls of some steps used in all."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from models.step import Step
from webapp.amounts import counted
from webapp.money import money


@dataclass(frozen=True)
class Spent:
    """Tokens, and micro-dollars as far as they are known."""

    calls: int = 0
    input: int = 0
    output: int = 0
    cost: int = 0
    unknown: int = 0
    """Calls whose cost nobody knows: they are in no sum."""

    @property
    def cost_in_words(self) -> str:
        """The sum, and for how many calls it is not known."""
        if self.unknown == self.calls:
            return money(None)
        more = f" and {counted(self.unknown, 'call')} of unknown price" if self.unknown else ""
        return money(self.cost) + more

    def with_call(self, usage: dict[str, Any]) -> "Spent":
        """The sum with one more call: `Step.usage`."""
        cost = usage.get("cost")
        return Spent(
            self.calls + 1,
            self.input + (usage.get("input_tokens") or 0),
            self.output + (usage.get("output_tokens") or 0),
            self.cost + (cost or 0),
            self.unknown + (cost is None),
        )


def spent(steps: Iterable[Step]) -> Spent:
    """The sum over the steps that have a usage."""
    total = Spent()
    for step in steps:
        total = total.with_call(step.usage) if step.usage else total
    return total

"""What the model calls of some steps used in all."""

from collections.abc import Iterable
from dataclasses import dataclass

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


def spent(steps: Iterable[Step]) -> Spent:
    """The sum over the steps that have a usage."""
    used = [step.usage for step in steps if step.usage]
    known = [each["cost"] for each in used if each.get("cost") is not None]
    return Spent(
        len(used),
        sum(each.get("input_tokens") or 0 for each in used),
        sum(each.get("output_tokens") or 0 for each in used),
        sum(known),
        len(used) - len(known),
    )

"""What stands on an approval's card, name by name: the arguments of a call, or what a whole plan says.

A plan's lists are drawn as lists and its budget in words; whatever else there is stands there as JSON.  What is
shown is all that is agreed to, so nothing in it may hide, or write over what stands before it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.plans.model_plan import BudgetFields
from tools import terminal_text
from webapp.thinking_form import LIMITS, typed

BLOCK = 80
"""Values longer than this stand in a block of their own."""
MOST_ITEMS = 5
"""Of a list where not all is shown."""
NAMES = {
    "additions": "said besides",
    "files": "files of the plan",
    "models": "thinks with",
    "promises": "must leave",
    "tools": "may use",
    "turns": "answers at most",
}
"""What is not said by its own name."""
NONE = {
    "budget": "no limit of its own",
    "models": "any that covers the task's complexity",
    "promises": "no file",
    "tools": "no tool: it only answers",
}


@dataclass(frozen=True)
class Value:
    """One of them: its name, and its value as a text or as the lines of a list."""

    name: str
    text: str = ""
    items: list[str] = field(default_factory=list)
    none: str = "empty"
    """What is said where there is nothing."""

    @property
    def is_block(self) -> bool:
        """Whether it needs room of its own."""
        return len(self.text) > BLOCK or "\n" in self.text

    @property
    def length(self) -> int:
        """Characters of it."""
        return len(self.text) + sum(len(item) for item in self.items)

    @property
    def beginning(self) -> "Value":
        """The same for a list of many: of what is long the beginning."""
        items = [beginning(item) for item in self.items[:MOST_ITEMS]]
        more = len(self.items) - len(items)
        return Value(self.name, beginning(self.text), [*items, f"… {more} more"] if more else items, self.none)


def of_call(arguments: Mapping[str, Any]) -> list[Value]:
    """The arguments of a call."""
    return [Value(name, text_of(value)) for name, value in arguments.items()]


def of_plan(shown: Mapping[str, Any]) -> list[Value]:
    """What a plan says, but for its calls."""
    return [each for name, value in shown.items() for each in _of_plan(name, value)]


def text_of(value: Any) -> str:
    """A value as it is shown: a text as it stands, all else as JSON."""
    whole = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2 if value else None)
    return terminal_text.visible(whole)


def beginning(text: str) -> str:
    """The text, or the beginning of a long one."""
    most = BLOCK * 4
    return text if len(text) <= most else f"{text[:most]}\n… {len(text) - most:,} more characters"


def _of_plan(name: str, value: Any) -> list[Value]:
    title, none = NAMES.get(name, name.replace("_", " ")), NONE.get(name, "empty")
    match name, value:
        case "inputs", {**inputs}:
            return [Value(_line(f"input {each}"), text_of(said)) for each, said in inputs.items()]
        case "files", {**files}:
            return [Value(title, items=[_line(f"{path}, SHA-256 {digest}") for path, digest in files.items()])]
        case "budget", dict() as limits:
            return [Value(title, items=_budget(limits), none=none)]
        case "promises", [*promises]:
            return [Value(title, items=[_promise(each) for each in promises], none=none)]
        case (("tools" | "models"), [*names]):
            return [Value(title, items=[_line(str(each)) for each in names], none=none)]
    return [Value(title, text_of(value), none=none)]


def _budget(limits: Mapping[str, Any]) -> list[str]:
    said = typed(BudgetFields.model_validate(limits))
    return [f"{limit.title}: at most {said[limit.name]}" for limit in LIMITS if limit.name in said]


def _promise(promise: Mapping[str, Any]) -> str:
    check = promise.get("check")
    return _line(f"{promise['path']}, which must pass the check {check}" if check else str(promise["path"]))


def _line(text: str) -> str:
    """On one line: none may look like two."""
    return terminal_text.visible(text).replace("\n", "\\n")

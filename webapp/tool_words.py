"""The tools as people choose among them: in groups, each with what repeating a call does, and how much may go wrong.

What a tool is: tools/contract.py; how the risk is reckoned: tasks/approvals/card.py.  A new tool shows by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from tasks.approvals.card import risk_of
from tools.contract import Effect, Tool
from tools.registry import all_tools

# By the first part of a name; what is not here stands under it as it is.
GROUPS = {
    "files": "Files", "archive": "Files", "terminal": "Programs and code", "python": "Programs and code",
    "web": "Web and research", "research": "Web and research", "git": "Code from elsewhere",
    "team": "Other agents", "shared": "Other agents", "drill": "For exercises",
}  # fmt: skip
LAST = "For exercises"
USUAL = ("Files", "Programs and code")
"""Groups whose quiet tools are chosen where nobody has chosen."""
EFFECTS = {
    Effect.PURE: ("Changes nothing", "It only looks."),
    Effect.IDEMPOTENT: ("May be repeated", "It changes things; twice is the same as once."),
    Effect.ONCE: ("Happens once", "It must not happen twice: after a cut a person is asked."),
}
RISK_TONES = {"low": "green", "medium": "waiting", "high": "failed"}


@dataclass(frozen=True)
class Shown:
    """One tool in the list."""

    name: str
    purpose: str
    effect: str
    meaning: str
    """Of the effect."""
    risk: str
    needs: list[str]
    always_asks: bool

    @property
    def tone(self) -> str:
        return RISK_TONES[self.risk]


def grouped(tools: Iterable[Tool] | None = None) -> list[tuple[str, list[Shown]]]:
    """Every tool under its group's title, the most usual groups first, those for exercises last."""
    by_title = sorted(all_tools() if tools is None else tools, key=_place)
    return [(title, [shown(tool) for tool in each]) for title, each in groupby(by_title, key=_title)]


def usual() -> list[str]:
    """Those that an agent may use where nobody has said anything: nothing leaves this host, nobody need agree."""
    return [tool.name for tool in all_tools() if _is_usual(tool)]


def shown(tool: Tool) -> Shown:
    """The tool as it stands in the list."""
    effect, meaning = EFFECTS[tool.effect]
    needs = [words for need, words in NEEDS.items() if need in tool.needs]
    return Shown(tool.name, tool.purpose, effect, meaning, risk_of([tool]), needs, always_asks=tool.approval)


NEEDS = {"sandbox": "in the sandbox", "network": "reaches the network", "secret": "uses a secret"}


def _title(tool: Tool) -> str:
    first = tool.name.partition(".")[0]
    return GROUPS.get(first, first.replace("_", " ").capitalize())


def _place(tool: Tool) -> tuple[int, str]:
    title = _title(tool)
    titles = [*dict.fromkeys(GROUPS.values())]
    return (titles.index(title) if title in titles and title != LAST else len(titles) + (title == LAST)), title


def _is_usual(tool: Tool) -> bool:
    is_quiet = "network" not in tool.needs and "secret" not in tool.needs and not tool.approval
    return is_quiet and tool.effect is not Effect.ONCE and _title(tool) in USUAL

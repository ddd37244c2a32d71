"""What the model may call: the tools of its plan that its agent has too, and the two of the engine itself.

Providers allow no dot in a name, so `python.run` is offered as `python_run`.  What a call does: acting.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.errors import NotFound
from models.states import Stage
from tools.contract import Tool
from tools.registry import find

STAGE, FINISH = "stage.enter", "task.finish"
LONGEST_NAME = 64
_NOT_OFFERED = re.compile(r"[^a-zA-Z0-9_-]")


class EnterStage(BaseModel):
    """Where the work has come to."""

    model_config = ConfigDict(extra="forbid")

    # The last one, `complete`, is the engine's to say.
    stage: Literal[Stage.DESIGN, Stage.BUILD, Stage.TEST, Stage.REVIEW] = Field(
        description="design, build, test or review, in this order; there is no way back"
    )


class Finish(BaseModel):
    """The end of the work."""

    model_config = ConfigDict(extra="forbid")

    summary: str = Field(description="What was done and found, for the person who asked.")
    success: bool = Field(True, description="False if the task cannot be done; the summary says why.")


@dataclass(frozen=True)
class Offered:
    """One thing that may be called."""

    tool: str
    """Its name here."""
    name: str
    """Its name for the model."""
    purpose: str
    schema: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Offer:
    """All that may be called."""

    all: tuple[Offered, ...]

    def find(self, name: str) -> Offered | None:
        """What the model calls by that name; its real one is understood too."""
        return next((each for each in self.all if name in (each.name, each.tool)), None)

    @property
    def names(self) -> str:
        """As a sentence lists them."""
        return ", ".join(each.name for each in self.all)


def offer(tools: Sequence[str], of_agent: Sequence[str] | None) -> Offer:
    """What a model with these tools may call under an agent that has those, all where it is None."""
    known = [tool for tool in map(_known, may_use(tools, of_agent)) if tool is not None]
    found = [(tool.name, tool.purpose, tool.Input.model_json_schema()) for tool in known]
    found += [
        (STAGE, "Say which stage the work has come to; people watch it.", EnterStage.model_json_schema()),
        (FINISH, "End the work: it is done, or it cannot be done.", Finish.model_json_schema()),
    ]
    taken: list[str] = []
    for name, _, _ in found:
        taken.append(_free(_NOT_OFFERED.sub("_", name)[:LONGEST_NAME], taken))
    return Offer(
        tuple(Offered(tool, name, purpose, schema) for (tool, purpose, schema), name in zip(found, taken, strict=True))
    )


def may_use(tools: Sequence[str], of_agent: Sequence[str] | None) -> list[str]:
    """Those of the plan's tools that the agent has too."""
    return [name for name in tools if of_agent is None or name in of_agent]


def _known(name: str) -> Tool | None:
    try:
        return find(name)
    except NotFound:
        return None  # of another version; the model has to do without


def _free(name: str, taken: Sequence[str]) -> str:
    number = 2
    free = name
    while free in taken:
        free, number = f"{name[: LONGEST_NAME - 4]}_{number}", number + 1
    return free

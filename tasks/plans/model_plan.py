"""A model plan: no steps are known; a language model decides what to do next, within what the plan allows.

The format is explained in docs/reference/model-plans.md.  Who follows it: minds/.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.states import Stage
from tasks.plans.plan_fields import SLUG, PlanFields

MOST_TURNS = 200


class Promise(BaseModel):
    """A file that the task must leave, or it is not complete."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(min_length=1, max_length=1000)
    check: str | None = None
    """Name of a check in tasks/checks/ that its content must pass."""


class BudgetFields(BaseModel):
    """What may be spent at most; None sets no limit of its own."""

    model_config = ConfigDict(extra="forbid")

    tokens: int | None = Field(None, ge=1, le=10**12)
    """Input and output together."""
    cost: float | None = Field(None, gt=0, le=1_000_000)
    """US dollars, as people write them; in the database whole micro-dollars."""
    calls: int | None = Field(None, ge=1, le=1_000_000)
    wall_s: float | None = Field(None, gt=0, le=30 * 86400)
    """From the first claim on, without the time that the task waits for people or children."""


class ModelPlan(PlanFields):
    """What the model may use, must leave, and may spend."""

    kind: Literal["model"] = "model"
    name: str = Field("ask", pattern=SLUG)
    instructions: str = Field("", max_length=50_000)
    """For the model, besides the task's own description; `{{ inputs.… }}` may be used."""
    additions: str = Field("", max_length=50_000)
    """What the person who submits says besides; taken as it stands."""
    prompt: str = Field("agent", pattern=r"^[a-z0-9_-]{1,60}$")
    """The file of tasks/prompts/ that the conversation begins with."""
    tools: list[str] = Field(default_factory=list, max_length=100)
    """Names of the tools that it may call, none by default."""
    promises: list[Promise] = Field(default_factory=list, max_length=50)
    models: list[str] = Field(default_factory=list, max_length=10)
    """`provider/model`, the first that answers; empty: those that cover the task's complexity."""
    budget: BudgetFields = Field(default_factory=BudgetFields)
    turns: int = Field(50, ge=1, le=MOST_TURNS)
    """Model calls at most, so that one that never ends does."""
    stage: Stage = Stage.DESIGN
    """Where it begins."""

    @property
    def stages(self) -> list[Stage]:
        every = list(Stage)
        return every[every.index(self.stage) :]

    @property
    def steps(self) -> list[Any]:
        """None is known before it is done."""
        return []

"""What every plan says, whether it knows its steps (playbook.py) or decides as it goes (model_plan.py)."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from models.states import Stage

SLUG = r"^[a-z0-9][a-z0-9_-]{0,79}$"
WHOLE_PLAN = "plan"


class PlanFields(BaseModel):
    """The common part of a plan.  `files` are written into the workspace before the first step."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("playbook", pattern=SLUG)
    title: str = Field("", max_length=200)
    version: str = Field("1", max_length=40, coerce_numbers_to_str=True)
    description: str = Field("", max_length=10_000)
    complexity: int = Field(3, ge=1, le=10)
    inputs: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    files: dict[str, str] = Field(default_factory=dict)
    limits: dict[str, Any] = Field(default_factory=dict)
    """Of each step; as they were written."""
    retry: dict[str, Any] = Field(default_factory=dict)
    """Of each step that says nothing itself."""
    approvals: list[str] = Field(default_factory=list, max_length=100)
    """Names of tools whose calls a person must approve; `plan` for the whole plan, before its first step."""

    @property
    def stages(self) -> list[Stage]:
        """Those that the work passes, in order, the end included."""
        return list(Stage)

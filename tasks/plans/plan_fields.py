"""What every plan says, whether it knows its steps (playbook.py) or decides as it goes (model_plan.py)."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.approval import OnExpiry
from models.states import Stage
from tasks.orders.timing import span

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
    approval_expires: str | float | None = None
    """How long such a question stands, as it was written; None: as the installation says."""
    on_expiry: OnExpiry = OnExpiry.REJECT
    """What becomes of what nobody answered: `reject`, as if somebody had said no, or `fail`, the task fails."""

    @field_validator("approval_expires")
    @classmethod
    def _is_span(cls, value: str | float | None) -> str | float | None:
        if value is not None:
            span(value)
        return value

    @property
    def approval_expires_s(self) -> float | None:
        """That in seconds."""
        return None if self.approval_expires is None else span(self.approval_expires).total_seconds()

    @property
    def stages(self) -> list[Stage]:
        """Those that the work passes, in order, the end included."""
        return list(Stage)

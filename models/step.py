"""A step: one tool call or one model call of a task, the unit of resumption."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from models.columns import UtcTime, database_now, id_column, now
from models.database import Base
from models.scope import Owned
from models.states import Stage

MODEL_CALL = "model.call"
"""Tool of a step that is an answer of a model."""
CUT_OFF = "cut_off"
"""Error code of a step that no run went on with: nobody knows what it did."""
CUT_SHORT = frozenset({CUT_OFF, "cancelled", "deadline"})
"""Error codes of steps that were ended in the middle, and may have had their effect."""
DONE_BY_PERSON = {"answered": "done"}
"""Output of a step that was cut off and is done all the same: a person said so."""


class StepState(StrEnum):
    """Where a step stands."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


class Step(Owned, Base):
    """Belongs to the task, not to a run: a later run reads what an earlier one finished."""

    __tablename__ = "step"

    id: Mapped[str] = id_column()
    task_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), ForeignKey("task.id", ondelete="CASCADE"))
    parent_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    key: Mapped[str] = mapped_column(String(160))
    """Name in the plan, `measure` or `measure[3]`: the same in every run of an epoch."""
    epoch: Mapped[int]
    position: Mapped[int]
    run_number: Mapped[int]
    """The run that wrote it last."""
    attempt: Mapped[int] = mapped_column(default=1)
    """How often its tool has failed in this epoch, and this time; a cut by a crash does not count."""
    tried_since: Mapped[datetime | None] = mapped_column(UtcTime, default=database_now())
    """When its first attempt began, by the database's clock; None in rows of older versions."""
    title: Mapped[str] = mapped_column(String(200))
    stage: Mapped[Stage] = mapped_column(String(20))
    tool: Mapped[str] = mapped_column(String(80))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[StepState] = mapped_column(String(20), default=StepState.STARTED)
    exit_code: Mapped[int | None]
    output: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What the tool returned, for later steps: `{{ steps.measure.output.rows }}`."""
    stdout: Mapped[str] = mapped_column(Text, default="")
    stderr: Mapped[str] = mapped_column(Text, default="")
    """Head and tail of what it printed; the size of the whole is in `resources`."""
    resources: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    limits: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """The limits in force when it was called, each with who set it: `Effective.as_dict` of tools/limits.py."""
    usage: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Of a model call: model, provider, prompt, input_tokens, output_tokens, cost (micro-dollars, None: unknown)."""
    for_model: Mapped[str | None] = mapped_column(Text)
    """What the model whose call it is was told of it, to the letter; None where no model called."""
    changes: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict)
    """Paths added, changed, removed in the workspace."""
    snapshot_before: Mapped[str | None] = mapped_column(String(80))
    snapshot: Mapped[str | None] = mapped_column(String(80))
    """The workspace as this step left it: a manifest in the task's history."""
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime)
    superseded_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = (Index("uq_step_key", "task_id", "epoch", "key", unique=True),)

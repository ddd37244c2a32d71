"""What goes into the API of the inbox and of approvals, and what comes out."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from models.task_list import LARGEST_PAGE
from webapp.api.shapes import Answer, Question, QuestionShape, TaskSummary


class InboxQuery(Question):
    cursor: UUID | None = Field(None, description="`next_cursor` of the page before.")
    limit: int = Field(50, ge=1, le=LARGEST_PAGE, description="Most entries of this page.")


class ApprovalPath(Question):
    id: UUID = Field(description="Id of the approval.")


class ApprovalShape(Answer):
    """A call, or a whole plan, that a person must agree to before it happens; and what was said to it."""

    id: UUID
    task_id: UUID
    key: str = Field(description="Of the step; `plan` for a whole plan.")
    epoch: int
    tool: str = Field(description="Empty for a whole plan.")
    title: str
    arguments: dict[str, Any] = Field(description="Exact, defaults included; of a plan what it would do.")
    digest: str = Field(description="SHA-256 of the task, its epoch, the key, the tool and the arguments.")
    why: str = Field(description="Who demands it.")
    risk: Literal["low", "medium", "high", ""] = Field(description="By what the tool may do.")
    diff: str = Field(description="What files would change, where that is known before.")
    state: Literal["waiting", "approved", "edited", "rejected", "expired", "withdrawn"]
    asked_at: datetime
    expires_at: datetime | None = Field(description="Null: it waits for ever.")
    on_expiry: Literal["reject", "fail"] = Field(description="What follows if nobody answers: a no, or the task fails.")
    decided_at: datetime | None
    decided_by: str | None
    decided_arguments: dict[str, Any] | None = Field(description="Where it was edited: what the tool is handed.")
    reason: str


class AskedShape(Answer):
    """A task that waits for a person."""

    task: TaskSummary
    question: QuestionShape
    approval: ApprovalShape | None = Field(description="What is to be approved; null for other questions.")


class InboxShape(Answer):
    asked: list[AskedShape]
    next_cursor: UUID | None


class NewDecision(Question):
    choice: Literal["approve", "edit", "reject"] = Field(
        description="approve: it is done as it was shown. edit: with other arguments. reject: it is not done."
    )
    digest: str = Field(description="The approval's `digest`, of what you were shown.", min_length=1, max_length=100)
    arguments: dict[str, Any] | None = Field(None, description="Of `edit`: all of the call's.")
    reason: str = Field("", description="For the timeline, and for the agent.", max_length=1000)

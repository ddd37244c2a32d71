"""What goes into the API that controls tasks and queues, and what comes out."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from models.states import State
from models.task_list import LARGEST_PAGE
from webapp.api.shapes import Answer, Complexity, Question, Span, TaskSummary, WrittenLimits, WrittenRetry


class Nothing(Question):
    """There is nothing to say: `{}`."""


class NewPause(Question):
    now: bool = Field(False, description="End the step that runs; it is begun again later. Else after that step.")


class NewReplay(Question):
    from_step: str | int = Field(
        description="Key of the first step to repeat, or its position from 1.", examples=["measure", 3]
    )


class NewAnswer(Question):
    choice: Literal["retry", "done", "fail"] = Field(
        description="retry: do the step again. done: it happened, go on after it. fail: end the task."
    )
    step: UUID | None = Field(
        None, description="The step that you were asked about; refused if it asks about another by now."
    )


class NewClone(Question):
    """What is to be different; what is not named is as in the task."""

    inputs: dict[str, Any] = Field(default_factory=dict, description="Replace those of the same name.")
    title: str | None = Field(None, min_length=1, max_length=200)
    description: str | None = Field(None, max_length=10_000)
    complexity: Complexity | None = None
    priority: int | None = Field(None, ge=0, le=9, description="Higher is sooner.")
    agent: str | None = Field(None, description="Only this agent; null is any.", min_length=1, max_length=80)
    limits: WrittenLimits | None = None
    retry: WrittenRetry | None = None
    start_at: str | None = Field(None, description="Not before this time: RFC 3339 with a zone.", max_length=60)
    delay: Span | None = Field(None, description="Not before so long from now.")
    deadline: Span | None = Field(None, description="It fails unless it has ended so long after its start.")


class BulkFilter(Question):
    """Which tasks; what is not named lets all pass."""

    state: State | None = None
    agent: str | None = Field(None, max_length=80)
    complexity: Complexity | None = None
    q: str | None = Field(None, description="Words, as for the list.", max_length=500)
    family: str | None = Field(None, description="Only this task, by its id, and all that came from it.", max_length=36)
    dead_letters: bool = Field(False, description="Only those that failed for good and nobody has dealt with.")


class NewBulk(Question):
    """What to do to which tasks; those whose state does not allow it are left out."""

    action: Literal["cancel", "pause", "resume", "retry", "dismiss"]
    filter: BulkFilter
    dry_run: bool = Field(False, description="Only say how many there are; nothing is changed.")
    limit: int = Field(100, ge=1, le=LARGEST_PAGE, description="Most tasks of this call.")
    cursor: UUID | None = Field(None, description="`next_cursor` of the call before.")


class BulkProgress(Answer):
    """How far it came; ask again with the cursor until there is none."""

    done: int
    refused: int = Field(description="Whose state had changed before it was their turn.")
    reasons: dict[str, int] = Field({}, description="Why those were refused: each reason, and of how many tasks.")
    left: int = Field(description="How many there are still; exact up to 10,000, 10,001 stands for more.")
    next_cursor: UUID | None
    examples: list[TaskSummary] = Field(description="Of a dry run, the newest few.")


class QueuePath(Question):
    name: str = Field(description="complexity.N, agent.NAME or capability.NAME.", max_length=120)


class QueueChange(Question):
    """What to change about a queue; what is not named stays."""

    is_paused: bool = Field(False, description="Whether nothing is taken from it; what runs goes on.")
    reason: str = Field("", description="Why it is paused, for people.", max_length=300)
    max_running: int | None = Field(
        None, ge=1, le=10_000, description="So many of its tasks at a time on all hosts together; null is no limit."
    )


class QueueShape(Answer):
    name: str
    depth: int = Field(description="Tasks that wait to be taken; exact up to 1,000, 1,001 stands for more.")
    running: int = Field(description="Its tasks that run now; counted as `depth`.")
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str
    max_running: int | None = Field(description="So many at a time on all hosts together; null is no limit.")
    agents: list[str] = Field(description="The agents that serve it now.")
    workers: int = Field(description="Their workers that were heard of lately.")
    places: int = Field(description="How many tasks these workers can run at a time, of all their queues.")


class Queues(Answer):
    queues: list[QueueShape]


class NewStop(Question):
    reason: str = Field("", description="Why, for people.", max_length=300)
    limit: int = Field(100, ge=1, le=1000, description="Most runs that this call stops.")


class ReleaseQuery(Question):
    limit: int = Field(100, ge=1, le=1000, description="Most tasks that this call resumes.")


class EmergencyShape(Answer):
    """How the emergency stop stands."""

    is_on: bool
    since: datetime | None
    by: str | None
    reason: str
    held: int = Field(description="Tasks that it has stopped or is stopping; exact up to 10,000.")
    left: int = Field(description="Runs still to be stopped or, after the release, tasks still to be resumed.")

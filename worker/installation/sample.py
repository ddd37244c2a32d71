"""The sample task: submit it once, and show how it goes by reading the database.

What it does stands in tasks/library/survey-code-base/playbook.yaml.
"""

from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from models import scope
from models.columns import now
from models.database import db
from models.errors import NotFound
from models.states import TERMINAL, Stage, State
from models.step import Step, StepState
from models.task import Task
from tasks import folders
from tasks.orders.submission import SAMPLE, submit_sample

AUTHOR = "system:up"


@dataclass(frozen=True)
class StepView:
    """One step, as the terminal shows it."""

    position: int
    stage: Stage
    title: str
    state: StepState
    seconds: float
    """How long it took, or has taken so far."""
    output: str
    """The last line that it printed."""


@dataclass(frozen=True)
class TaskView:
    """The task as it stands now."""

    title: str
    state: State
    stage: Stage
    agent: str | None
    error: str | None
    done: int
    total: int
    steps: list[StepView] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in TERMINAL


def submit(app: Flask) -> str:
    """Submit the sample; returns its id.

    Raises:
        InvalidInput: the installation allows no folder that it could work on.
    """
    with app.app_context():
        return submit_sample()


def unfinished(app: Flask) -> str | None:
    """The id of the newest sample that an earlier start left unfinished."""
    with app.app_context(), scope.wide(AUTHOR):
        wanted = select(Task.id).where(Task.template == SAMPLE, Task.state.not_in(TERMINAL))
        return db.session.scalars(wanted.order_by(Task.number.desc()).limit(1)).one_or_none()


def is_first_start(app: Flask) -> bool:
    """Whether nothing was ever submitted here."""
    with app.app_context(), scope.wide(AUTHOR):
        return db.session.scalars(select(Task.number).limit(1)).one_or_none() is None


def look(app: Flask, task_id: str) -> TaskView:
    """The task now."""
    with app.app_context(), scope.wide(AUTHOR):
        task = db.session.scalars(select(Task).where(Task.id == task_id)).one()
        mine = select(Step).where(Step.task_id == task_id, Step.epoch == task.epoch)
        # A step that this input does not need would only be noise.
        steps = mine.where(Step.state != StepState.SKIPPED).order_by(Step.position)
        return TaskView(
            title=task.title,
            state=State(task.state),
            stage=Stage(task.stage),
            agent=task.agent,
            error=task.error_message,
            done=task.steps_done,
            total=task.steps_total,
            steps=[_view(step) for step in db.session.scalars(steps)],
        )


def output_folder(app: Flask, task_id: str) -> Path | None:
    """Where the task's results are; None where it never began."""
    with app.app_context(), scope.wide(AUTHOR):
        task = db.session.scalars(select(Task).where(Task.id == task_id)).one()
        try:
            workspace = folders.workspace_of(task)
        except NotFound:
            return None
        return workspace.path / "output"


def _view(step: Step) -> StepView:
    seconds = ((step.finished_at or now()) - step.started_at).total_seconds()
    # A last line that is a JSON object is for the next step, not for people.
    printed = [line for line in (step.stdout or "").splitlines() if line.strip() and line[:1] != "{"]
    return StepView(
        position=step.position,
        stage=Stage(step.stage),
        title=step.title,
        state=StepState(step.state),
        seconds=seconds,
        output=printed[-1][:120] if printed else "",
    )

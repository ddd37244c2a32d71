"""What each step did to the task's files, as diffs.  Where the history comes from: tools/history.py."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from models.database import db
from models.errors import NotFound
from models.step import Step
from tasks.folders import history_of
from webapp import task_view
from webapp.diff_lines import lines_of
from webapp.pages.task import checked_id, head_of, the_task

page = Blueprint("changes", __name__)


@page.get("/tasks/<task_id>/changes")
def show(task_id: str) -> ResponseReturnValue:
    """The Changes tab: the paths, step by step."""
    task = the_task(task_id)
    steps = [step for step in task_view.steps_of(db.session(), task) if any((step.changes or {}).values())]
    return render_template("pages/task_changes.html", tab="changes", steps=steps, **head_of(task))


@page.get("/tasks/<task_id>/changes/<step_id>")
def diff(task_id: str, step_id: str) -> ResponseReturnValue:
    """What the step did to the file `path`."""
    task = the_task(task_id, "file:read")
    step = db.session.scalars(select(Step).where(Step.task_id == task.id, Step.id == checked_id(step_id))).one_or_none()
    if step is None or step.snapshot is None:
        raise NotFound("cannot show the change: the step left no snapshot", step=step_id)
    text = history_of(task).diff(step.snapshot_before, step.snapshot, request.args.get("path", ""))
    lines, left_out = lines_of(text)
    return render_template("parts/diff.html", lines=lines, left_out=left_out)

"""A task's transcript as a file to keep.  What is in it: webapp/transcript/."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from webapp import gate
from webapp.pages.task import the_task
from webapp.transcript import exported

page = Blueprint("transcript", __name__)


@page.get("/tasks/<task_id>/transcript.<form>")
def save(task_id: str, form: str) -> ResponseReturnValue:
    """The whole run, as `html` or `md`."""
    task = the_task(task_id)
    gate.allow("file:read", task)
    return exported(task, form)

"""The new_task page."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

page = Blueprint("new_task", __name__)


@page.get("/tasks/new")
def choose() -> ResponseReturnValue:
    """The page."""
    return render_template("pages/home.html")

"""The tasks page."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

page = Blueprint("tasks", __name__)


@page.get("/tasks")
def show() -> ResponseReturnValue:
    """The page."""
    return render_template("pages/home.html")

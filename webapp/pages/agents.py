"""The agents page."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

page = Blueprint("agents", __name__)


@page.get("/agents")
def show() -> ResponseReturnValue:
    """The page."""
    return render_template("pages/home.html")

"""Home: what runs now, what needs you, the last results, the last hour, the agents."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

page = Blueprint("home", __name__)


@page.get("/")
def show() -> ResponseReturnValue:
    """The page."""
    return render_template("pages/home.html")

"""The stream page."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

page = Blueprint("stream", __name__)


@page.get("/stream")
def listen() -> ResponseReturnValue:
    """The page."""
    return render_template("pages/home.html")

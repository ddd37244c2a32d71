"""Home: what runs now, what needs you, the last results, the last hour, the agents."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from models.columns import clock
from models.database import db
from webapp import glance

page = Blueprint("home", __name__)


@page.get("/")
def show() -> ResponseReturnValue:
    """The page; its live part asks for itself again when something changed."""
    session = db.session()
    at = clock(session.connection())
    return render_template(
        "pages/home.html",
        is_new=glance.is_new(session),
        running=glance.running(session),
        needs=glance.needs_you(session, at),
        results=glance.results(session),
        hour=glance.last_hour(session, at),
        agents=glance.agents(session),
    )

"""The outside services that tools call: which are left alone because they failed, and calling one again.

When a service is left alone, and for how long: models/circuit.py.
"""

from flask import Blueprint, current_app, render_template, url_for
from flask.typing import ResponseReturnValue

from models import service_list
from models.database import db
from models.errors import NotFound
from models.service_list import Known
from tasks.runs import services
from webapp import gate
from webapp.amounts import duration
from webapp.ask import Question, ask, done

page = Blueprint("services", __name__)


@page.get("/services")
def show() -> ResponseReturnValue:
    """Every service that there is something to say of."""
    gate.allow("service:read")
    found = service_list.known(db.session())
    rates = current_app.config["OPSCORE"].rates
    return render_template(
        "pages/services.html",
        services=found,
        rate_of=lambda name: services.written_rate(rates, name),
    )


@page.get("/services/<name>/reset")
def ask_reset(name: str) -> ResponseReturnValue:
    """What calling it again would mean."""
    found = _found(name)
    left = f" for another {duration(found.left_s)}" if found.left_s else ""
    return ask(
        Question(
            title=f"Call {name} again?",
            action=url_for("services.reset", name=name),
            yes="Call it again",
            back=url_for("services.show"),
            says=[
                f"It would be left alone{left}, since its last {found.failures} calls failed.",
                "The next call is made at once, and its failures are forgotten. If it is still away, it is left "
                "alone again after as many failures as before.",
            ],
            stays="Tasks that wait for their next attempt come at their time.",
            is_harm=False,
        )
    )


@page.post("/services/<name>/reset")
def reset(name: str) -> ResponseReturnValue:
    """Call it again."""
    gate.allow("service:change")
    services.reset(name)
    return done(f"{name} is called again.", url_for("services.show"))


def _found(name: str) -> Known:
    gate.allow("service:change")
    found = service_list.one(db.session(), name)
    if found is None:
        raise NotFound("cannot find the service: nothing is known of it", service=name)
    return found

"""Sign in with a one-time link, and out.

Opening the link only shows a button (pressed at once by static/js/sign-in.js): a mail program that looks at
links before a person does must not use it up.
"""

from flask import Blueprint, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from models.database import writing
from models.sign_in import redeem
from webapp import gate

page = Blueprint("sign_in", __name__)


@page.get("/sign-in")
def how() -> ResponseReturnValue:
    """How to get a link."""
    if gate.is_signed_in():
        return redirect(url_for("home.show"))
    return render_template("pages/sign_in.html", secret=None, is_used=False)


@page.get("/sign-in/<secret>")
def confirm(secret: str) -> ResponseReturnValue:
    """One button."""
    return render_template("pages/sign_in.html", secret=secret, is_used=False)


@page.post("/sign-in/<secret>")
def enter(secret: str) -> ResponseReturnValue:
    """Use the link up."""
    with writing() as transaction:
        is_good = redeem(transaction, secret)
    if is_good:
        return redirect(gate.sign_in())
    if gate.is_signed_in():
        return redirect(url_for("home.show"))
    return render_template("pages/sign_in.html", secret=None, is_used=True), 403


@page.post("/sign-out")
def leave() -> ResponseReturnValue:
    """Forget who this browser belongs to."""
    session.clear()
    return redirect(url_for("sign_in.how"))

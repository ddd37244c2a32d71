"""Who may see the pages: people who signed in with a one-time link (models/sign_in.py).

Every page's requests pass `_admit`; the API has its own gate, by bearer token.  Inside a page the queries
act for the person who signed in.
"""

from contextlib import ExitStack
from typing import Any

from flask import Flask, Response, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from models.scope import acting
from webapp.access import Asker, require
from webapp.security import csrf

PERSON = "person:local"
OPEN_PAGES = frozenset({"sign_in"})
WANTED = "wanted"


def guard(app: Flask) -> None:
    """Put every page behind the gate."""
    app.before_request(_admit)
    app.teardown_request(_leave_scope)


def is_signed_in() -> bool:
    """Whether this request's session belongs to a person."""
    return session.get("person") == PERSON


def sign_in() -> str:
    """Make this a person's session; returns the page that they wanted before."""
    wanted = str(session.get(WANTED, "/"))
    session.clear()
    session.permanent = True
    session["person"] = PERSON
    return wanted


def allow(permission: str, subject: Any = None) -> None:
    """Return only when the person may do this; see access.py.

    Raises:
        Forbidden: they may not.
    """
    require(Asker(PERSON) if is_signed_in() else None, permission, subject)


def _admit() -> ResponseReturnValue | None:
    if not is_page(request.blueprint):
        return None
    if request.blueprint not in OPEN_PAGES and not is_signed_in():
        return _ask_to_sign_in()
    csrf.protect()
    g.page_scope = ExitStack()
    g.page_scope.enter_context(acting(PERSON))
    return None


def is_page(blueprint: str | None) -> bool:
    """Whether the blueprint is a page for people (pages/) and not part of the API."""
    from webapp.pages import names  # pages import this module

    return blueprint in names()


def _ask_to_sign_in() -> ResponseReturnValue:
    target = url_for("sign_in.how")
    if "HX-Request" in request.headers:
        return Response(status=401, headers={"HX-Redirect": target})
    if request.accept_mimetypes.best == "text/event-stream":
        return Response("sign in first\n", status=401, mimetype="text/plain")
    if request.method == "GET":
        session[WANTED] = request.full_path.rstrip("?")
    return redirect(target)


def _leave_scope(_error: BaseException | None) -> None:
    scope = g.pop("page_scope", None)
    if scope is not None:
        scope.close()

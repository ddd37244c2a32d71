"""An error as a person sees it: what happened, and how to go on.

The error tree: models/errors.py.  `status_of` maps its codes to HTTP.  Errors of the API: api/problems.py.
"""

from flask import Flask, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException

from models.errors import Conflict, OpsCoreError
from tasks.control.standing import STANDS
from tasks.logs import logger
from webapp.api import problems as of_api

log = logger(__name__)
RETRY_AFTER_S = 5

TITLES = {
    400: "That did not work",
    422: "That did not work",
    401: "Please sign in",
    403: "This is not for you",
    404: "There is nothing here",
    405: "That did not work",
    409: "That came too late",
    413: "That is too large",
    500: "Something broke here",
    502: "A tool broke",
    503: "This host cannot do that now",
}
CAUSES = {
    "disk is full": "its disk is full; free some room on it",
    "no space left": "its disk is full; free some room on it",
    "is locked": "another process has kept it locked for too long",
}
"""By what the databases say."""
ADVICE = {
    422: "Go back, look again at what was entered, and send it once more.",
    400: "Go back, look again at what was entered, and send it once more.",
    404: "It may have been deleted, or the address has a typing error.",
    409: "Load the page again to see how things stand now.",
    413: "Choose a smaller file; the limit is the setting OPSCORE_UPLOAD_MAX_BYTES.",
    503: "Try again in a few seconds; bin/opscore doctor says what is missing.",
    500: "The log of the web process says more. If it happens again, run bin/opscore doctor.",
}


def answer(app: Flask) -> None:
    """Show errors of pages as pages; those of the API are for api/problems.py."""
    app.register_error_handler(OpsCoreError, _of_error)
    for away in (OperationalError, InterfaceError):
        app.register_error_handler(away, _of_database)
    app.register_error_handler(HTTPException, _of_http)


def _of_error(error: OpsCoreError) -> Response:
    if of_api.is_api():
        return of_api.of_error(error)
    # The button was right when the page was drawn: what is worth knowing is what became of the task since.
    stands = STANDS.get(error.details.get("state", "")) if isinstance(error, Conflict) else None
    return page(of_api.STATUS.get(error.code, 500), f"It {stands} meanwhile" if stands else str(error))


def _of_database(error: OperationalError | InterfaceError) -> Response:
    """The database cannot be asked now: no fault of the request, and soon over, mostly."""
    log.error("web.no_database", error=str(error.orig))
    reason = _why_away(error)
    answer = of_api.problem(503, "unavailable", reason) if of_api.is_api() else page(503, reason)
    answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _of_http(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error  # a redirect is an answer, not a problem
    if of_api.is_api():
        return of_api.of_http(error)
    # What werkzeug says of a wrong address, the advice says too.
    return page(error.code, "" if error.code == 404 else error.description or "")


def page(status: int, reason: str) -> Response:
    """The problem as a whole page, or as a notice when htmx asked for a part of one."""
    is_part = "HX-Request" in request.headers
    body = render_template(
        "parts/problem_notice.html" if is_part else "pages/problem.html",
        title=TITLES.get(status, TITLES[500]),
        reason=reason,
        advice=ADVICE.get(status, ""),
        status=status,
    )
    response = make_response(body, status)
    if is_part:
        # Wherever the part was meant to go, what is shown there stays.
        response.headers["HX-Retarget"] = "#notices"
        response.headers["HX-Reswap"] = "beforeend"
    return response


def _why_away(error: OperationalError | InterfaceError) -> str:
    said = str(error.orig).lower()
    cause = next((told for sign, told in CAUSES.items() if sign in said), "it does not answer")
    done = "" if request.method in ("GET", "HEAD") else "; whether this was done is not known: look before repeating it"
    return f"cannot use the database now: {cause}{done}"

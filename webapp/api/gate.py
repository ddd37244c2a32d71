"""Who may call the API: the holder of the token, or a person whose browser is signed in.

A bearer token cannot be sent by another site's page; a cookie can, so what changes something and comes with a
cookie must carry the page's CSRF token as well (X-CSRFToken).  What a call may do: webapp/access.py.
"""

from contextlib import ExitStack
from typing import Any

from flask import Response, current_app, g, request
from flask_openapi import APIBlueprint
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from models.errors import InvalidInput, Problem
from models.scope import acting
from webapp import access
from webapp import gate as pages_gate
from webapp.access import Asker
from webapp.api import problems
from webapp.security import csrf

TOKEN_HOLDER = Asker("program:token")
READING = frozenset({"GET", "HEAD", "OPTIONS"})
WITH_BODY = frozenset({"POST", "PATCH"})
OPEN = frozenset({"health.health"})
RAW_BODY = frozenset({"uploads.upload"})
LARGEST_JSON_BYTES = 16 * 2**20
DEEPEST = 50


def guard(part: APIBlueprint) -> None:
    """Ask who calls before every view of the part."""
    part.before_request(_admit)
    part.teardown_request(_leave_scope)


def require(permission: str, subject: Any = None) -> None:
    """Return only when this request's asker may do this; see access.require."""
    access.require(g.asker, permission, subject)


def _admit() -> Response | None:
    if request.endpoint in OPEN:
        return None
    asker = _asker()
    if asker is None:
        return _refuse()
    if not _has_token() and request.method not in READING:
        csrf.protect()
    g.asker = asker
    g.api_scope = ExitStack()
    g.api_scope.enter_context(acting(asker.name, asker.tenant))
    _check_text()
    if request.method in WITH_BODY and request.endpoint not in RAW_BODY:
        _check_body()
    return None


def _asker() -> Asker | None:
    if _has_token():
        return TOKEN_HOLDER
    if "Authorization" in request.headers:
        return None  # a wrong token is an error, also from a browser that is signed in
    return Asker(pages_gate.PERSON) if pages_gate.is_signed_in() else None


def _has_token() -> bool:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    return kind.lower() == "bearer" and access.is_token(given.strip(), current_app.config["OPSCORE"].token)


def _refuse() -> Response:
    detail = "Send the header `Authorization: Bearer TOKEN`; `bin/opscore token` prints the token."
    answer = problems.problem(401, "unauthorized", detail)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="opscore"'
    return answer


def _check_text() -> None:
    """Refuse what no text column can hold, before a database does so in its own words."""
    sent = [request.path, *(text for name, values in request.args.lists() for text in (name, *values))]
    if any("\0" in text for text in sent):
        raise _unreadable("query", "must not contain a NUL character")


def _check_body() -> None:
    request.max_content_length = LARGEST_JSON_BYTES
    if not request.is_json:
        raise UnsupportedMediaType("Send JSON, with the header `Content-Type: application/json`.")
    try:
        body = request.get_json()
    except (BadRequest, RecursionError) as error:
        raise BadRequest("The body is no JSON, or is nested too deeply.") from error
    if not isinstance(body, dict):
        raise _unreadable("body", "must be a JSON object")
    if not _is_storable(body):
        raise _unreadable("body", "must not contain NUL or halves of surrogate pairs, nor be nested too deeply")


def _is_storable(value: Any, depth: int = 0) -> bool:
    if isinstance(value, str):
        return not any(sign == "\0" or "\ud800" <= sign < "\ue000" for sign in value)
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        return depth < DEEPEST and all(_is_storable(item, depth + 1) for item in value)
    return True


def _unreadable(path: str, message: str) -> InvalidInput:
    return InvalidInput("cannot use what was handed in", problems=[Problem(path=path, message=message)])


def _leave_scope(_error: BaseException | None) -> None:
    scope = g.pop("api_scope", None)
    if scope is not None:
        scope.close()

"""Errors as programs read them: application/problem+json (RFC 9457) with a stable `code`.

Programs match on `code`; `detail` says what happened and, for what was handed in, `problems` names each field
and its cure.  The error tree: models/errors.py.  Errors of pages: webapp/problems.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from flask import Response, json, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from models.errors import InvalidInput, OpsCoreError, Problem
from tasks.logs import logger
from tools import mistakes

log = logger(__name__)

MEDIA_TYPE = "application/problem+json"
STATUS = {
    "invalid_input": 422,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "budget_exceeded": 409,
    "price_unknown": 409,
    "tool_failed": 502,
    "service_unavailable": 503,
    "sandbox_unavailable": 503,
    "misconfigured": 500,
}
CODES = {
    400: "malformed_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    411: "length_required",
    413: "too_large",
    414: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    422: "invalid_input",
    500: "internal",
    503: "unavailable",
}
TITLES = {
    "malformed_request": "The request cannot be read",
    "unauthorized": "Say who asks",
    "forbidden": "Not allowed",
    "not_found": "Not found",
    "method_not_allowed": "The address does not know this method",
    "not_acceptable": "Not available in this form",
    "conflict": "It changed meanwhile, or does not allow this",
    "length_required": "Say how long the body is",
    "too_large": "Too large",
    "unsupported_media_type": "Not in this media type",
    "range_not_satisfiable": "There is no such part",
    "invalid_input": "What was handed in is wrong",
    "internal": "Something broke here",
    "unavailable": "Not available now",
    "tool_failed": "A tool broke",
    "service_unavailable": "An outside service is left alone",
    "sandbox_unavailable": "This host cannot isolate commands",
    "misconfigured": "The installation is not set up right",
}


class FieldProblem(BaseModel):
    """One mistake in what was handed in."""

    path: str = Field(description="Which field, dotted: `inputs.source`, `playbook.steps[2].with.file`.")
    message: str = Field(description="What is wrong with it and what would be right.")
    line: int | None = Field(None, description="Line of a playbook's text, from 1.")


class ProblemDocument(BaseModel):
    """An error; `code` never changes, the words may."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str = Field(description="`urn:opscore:problem:` and the code.")
    title: str
    status: int
    code: str = Field(description="Stable name of the kind of error: match on this.")
    detail: str = Field(description="What happened this time.")
    instance: str = Field(description="The path that was asked for.")
    problems: list[FieldProblem] = Field(default_factory=list)


def is_api() -> bool:
    """Whether this request is for the API, whose errors are JSON even where no route matches."""
    return request.path.startswith("/v1/") or request.path in ("/v1", "/health", "/openapi.json")


def of_error(error: OpsCoreError) -> Response:
    """The problem document of an error that was foreseen."""
    status = STATUS.get(error.code, 500)
    if status >= 500:
        log.error("api.failed", code=error.code, error=str(error))
    problems = error.problems if isinstance(error, InvalidInput) else []
    return problem(status, error.code, error.message, problems, error.details)


def of_http(error: HTTPException) -> Response:
    """The problem document of an error of HTTP itself, or of one that nobody foresaw."""
    if error.response is not None:
        return cast(Response, error.response)
    status = error.code or 500
    code = CODES.get(status, "malformed_request" if status < 500 else "internal")
    detail = error.description or ""
    if isinstance(error, RequestEntityTooLarge):
        detail = "The body is larger than this installation takes; see OPSCORE_UPLOAD_MAX_BYTES."
    if status == 404:
        detail = "There is no such address; /openapi.json lists those that there are."
    if status == 500:
        detail = "The log of the web process says more."
    answer = problem(status, code, detail)
    # Such as Allow of a 405; the body and its type are ours.
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value
    return answer


def of_validation(error: ValidationError) -> Response:
    """The problem document of arguments that do not have the form they should."""
    found = [
        Problem(path=".".join(str(part) for part in each["loc"]) or "body", message=mistakes.of_error(each))
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return problem(422, "invalid_input", "cannot use what was handed in", found)


def problem(
    status: int,
    code: str,
    detail: str,
    problems: Sequence[Problem] = (),
    details: Mapping[str, Any] | None = None,
) -> Response:
    """A problem document as an answer."""
    document = {
        **(details or {}),
        "type": f"urn:opscore:problem:{code}",
        "title": TITLES[code],
        "status": status,
        "code": code,
        "detail": detail,
        "instance": request.path,
        "problems": [{"line": None, **each} for each in problems],
    }
    return Response(json.dumps(document, default=str), status, mimetype=MEDIA_TYPE)

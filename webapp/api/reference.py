"""The API's OpenAPI document and the page at /docs that shows it; both work without the internet.

The words of the document are the docstrings and descriptions of this package.  `python -m webapp.api.reference`
prints it; docs/reference/openapi.json is that (docs/generate.py), and a test compares the two.
"""

import json
import sys
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Blueprint, Response, current_app, render_template, send_from_directory
from flask.typing import ResponseReturnValue
from flask_openapi import Info
from pydantic import BaseModel

from settings import VERSION, Settings
from tools.terminal_text import escaped

DESCRIPTION = """Submit tasks to OpsCore's agents, watch them work, and fetch what they made.

Send `Authorization: Bearer TOKEN`; `bin/opscore token` prints the token of this installation.
Errors are `application/problem+json` with a stable `code`. Lists are read page by page: ask again with
`next_cursor` as `cursor`. A POST with an `Idempotency-Key` may be repeated safely."""
INFO = Info(title="OpsCore", version=VERSION, description=DESCRIPTION)
SECURITY: dict[str, Any] = {"token": {"type": "http", "scheme": "bearer"}}
SIGNED_IN: list[dict[str, list[str]]] = [{"token": []}]
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
# Any call may meet these.
ALWAYS = (401, 403, 422, 500)
# The reference's own script and style are the only ones; it draws with inline styles and data images.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
SWAGGER = str(files("flask_openapi_swagger") / "templates" / "swagger")

page = Blueprint("reference", __name__)


def answers(*statuses: int, **shapes: type[BaseModel]) -> Any:
    """What a call may answer: `answers(404, _200=TaskDetail)`; the statuses are those of problems."""
    good = {name.lstrip("_"): shape for name, shape in shapes.items()}
    bad = {str(status): _problem(status) for status in sorted({*ALWAYS, *statuses})}
    return {**good, **bad}


def sent(shape: BaseModel, status: int = 200) -> Response:
    """The shape as an answer."""
    # Somebody may look at it with curl, in a terminal.
    return Response(escaped(shape.model_dump_json()), status, mimetype="application/json")


def _problem(status: int) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase, "content": PROBLEM}


@page.get("/openapi.json")
def document() -> ResponseReturnValue:
    """The OpenAPI document."""
    return current_app.api_doc  # type: ignore[attr-defined]


@page.get("/docs")
def show() -> ResponseReturnValue:
    """The document for people, with forms to try each call."""
    answer = Response(render_template("pages/reference.html"))
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


@page.get("/docs/swagger/<path:name>")
def asset(name: str) -> ResponseReturnValue:
    """A file of the page."""
    return send_from_directory(SWAGGER, name)


def as_text() -> str:
    """The document as it stands in docs/reference/openapi.json."""
    from webapp import create_app  # it imports this module

    with TemporaryDirectory() as folder:
        app = create_app(Settings(data_dir=Path(folder)))
    return json.dumps(app.api_doc, indent=1, sort_keys=True, ensure_ascii=False) + "\n"  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.stdout.write(as_text())

"""Uploads: bring a file, then name it as a task's input."""

from typing import Any, BinaryIO, cast

from flask import Response, current_app, request
from flask_openapi import APIBlueprint, RequestBody, Tag

from models.errors import InvalidInput, Problem
from tasks.orders.uploads import store
from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import UploadQuery, UploadShape

# Room for the parts' headers around the file.
ENVELOPE_BYTES = 64 * 1024
BODY: Any = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        },
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}

part = APIBlueprint("uploads", __name__, url_prefix="/v1/uploads", abp_tags=[Tag(name="Files")], abp_security=SIGNED_IN)


@part.post(
    "",
    operation_id="upload",
    request_body=RequestBody.model_validate(BODY),
    responses=answers(400, 413, 415, _201=UploadShape),
)
def upload(query: UploadQuery) -> Response:
    """Upload a file.

    Either as the part `file` of a form, or as the body itself with its name in the query (`?name=data.csv`).
    Use `input` of the answer as the value of a task's input.
    """
    require("upload:create")
    request.max_content_length = current_app.config["OPSCORE"].upload_max_bytes + ENVELOPE_BYTES
    name, stream = _from_form() if request.mimetype == "multipart/form-data" else _from_body(query.name)
    row = store(name, stream)
    columns = {each: getattr(row, each) for each in UploadShape.model_fields if each != "input"}
    return sent(UploadShape(**columns, input=f"upload:{row.id}"), 201)


def _from_form() -> tuple[str, BinaryIO]:
    file = request.files.get("file")
    if file is None:
        raise _wrong("file", "is missing: send the file as the form's part `file`, with a file name")
    return file.filename or "", cast(BinaryIO, file.stream)


def _from_body(name: str | None) -> tuple[str, BinaryIO]:
    if not name:
        raise _wrong("name", "is missing: say `?name=data.csv`, or send a form with the part `file`")
    return name, cast(BinaryIO, request.stream)


def _wrong(path: str, message: str) -> InvalidInput:
    return InvalidInput("cannot take this file", problems=[Problem(path=path, message=message)])

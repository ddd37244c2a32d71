"""Take a file from the form of a new task, while the person still fills in the rest."""

from typing import BinaryIO, cast

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from models.errors import InvalidInput
from tasks.orders import uploads
from webapp import gate

page = Blueprint("new_upload", __name__)


@page.post("/uploads")
def take() -> ResponseReturnValue:
    """Keep the body of the request under the name in `name`; answers JSON, for static/js/upload.js."""
    gate.allow("upload:create")
    request.max_content_length = current_app.config["OPSCORE"].upload_max_bytes + 1
    try:
        upload = uploads.store(request.args.get("name", ""), cast(BinaryIO, request.stream))
    except InvalidInput as error:
        return {"problem": error.problems[0]["message"] if error.problems else error.message}, 422
    return {"value": f"upload:{upload.id}", "name": upload.name, "size": upload.size_bytes}, 201

"""Paths in the workspace as fields of a tool's `Input`: one that cannot be used is refused before the call.

So it is said at the field, while the plan is checked or a person edits the call.  What is really there is for
files_at.py to see, when the call is made; the path itself stays as it was written.
"""

from typing import Annotated

from pydantic import AfterValidator

from models.errors import InvalidInput
from tools import files_at


def _any(path: str) -> str:
    try:
        files_at.clean(path)
    except InvalidInput as error:
        raise ValueError(error.message) from error
    return path


def _file(path: str) -> str:
    if not path.strip():
        raise ValueError("cannot be empty: name a file of the workspace, such as output/report.md")
    if files_at.clean(_any(path)) == ".":
        raise ValueError("cannot use the workspace itself here: name a file in it, such as output/report.md")
    return path


AnyPath = Annotated[str, AfterValidator(_any)]
"""May be the workspace itself, or empty where that means something."""

FilePath = Annotated[str, AfterValidator(_file)]
"""Something in the workspace, which need not be there."""

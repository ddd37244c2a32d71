"""`research/notes.jsonl`: what was found out, a line each: the claim, its source, the words of that, and when."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import InvalidInput, NotFound
from tools.workspace import Workspace

FILE = "research/notes.jsonl"
MOST_BYTES = 8 * 2**20


class Note(BaseModel):
    """One claim."""

    model_config = ConfigDict(extra="forbid")

    id: str
    claim: str
    url: str
    quote: str
    accessed: datetime
    """When the page was fetched."""
    source: int
    """Its number in research/sources.json."""


def read(workspace: Workspace) -> list[Note]:
    """All of them, in their order.

    Raises:
        InvalidInput: the file is not as we write it; names the line.
    """
    try:
        # Not `splitlines`: a note may hold other characters that part lines, and only this one parts notes.
        lines = workspace.read_bytes(FILE, MOST_BYTES).decode("utf-8", "replace").split("\n")
    except NotFound:
        return []
    return [_note(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def add(workspace: Workspace, note: Note) -> None:
    """One more."""
    line = f"{note.model_dump_json()}\n".encode("utf-8", "replace")
    workspace.write_bytes(FILE, line, append=True)


def _note(number: int, line: str) -> Note:
    try:
        return Note.model_validate_json(line)
    except ValidationError as error:
        cure = "delete it, and note the claims again"
        raise InvalidInput("cannot use the notes: a line is damaged", path=FILE, line=number, cure=cure) from error

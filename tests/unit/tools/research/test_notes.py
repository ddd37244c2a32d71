"""What is noted is read again, whatever it says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.errors import InvalidInput
from tools.research import notes
from tools.research.notes import Note
from tools.workspace import Workspace

AT = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)


def note(number: int, claim: str) -> Note:
    return Note(id=f"n{number}", claim=claim, url="https://sea.example/", quote=claim, accessed=AT, source=1)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspaces", "w1")


def test_notes_are_read_as_they_were_written_with_whatever_parts_lines_in_them(workspace: Workspace) -> None:
    written = [note(1, "one\u2028two\u2029three"), note(2, "four\x85five\x0b\x0c\x1csix"), note(3, "seven\neight\r\n")]
    for each in written:
        notes.add(workspace, each)
    assert notes.read(workspace) == written


def test_damaged_line_is_named(workspace: Workspace) -> None:
    notes.add(workspace, note(1, "one"))
    workspace.write_bytes(notes.FILE, b"{\n", append=True)
    with pytest.raises(InvalidInput) as damaged:
        notes.read(workspace)
    assert damaged.value.details["line"] == 2

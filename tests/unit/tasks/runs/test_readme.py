"""A workspace's README.md says what the task is and how far it has come."""

import pytest

from models.states import Stage
from models.task import Task
from tasks.runs.readme import readme

STAGES = [Stage.DESIGN, Stage.BUILD, Stage.COMPLETE]


def text(stage: Stage | None, description: str = "All of them.") -> str:
    return readme(Task(id="t1", title="Count rows", description=description), stage, STAGES).decode()


def test_title_description_and_id_are_there() -> None:
    assert text(None).startswith("# Count rows\n\nAll of them.\n\n## Stages\n")
    assert text(None).endswith("Task `t1`\n")


def test_empty_description_leaves_no_gap() -> None:
    assert text(None, "  ").startswith("# Count rows\n\n## Stages\n")


@pytest.mark.parametrize(
    ("stage", "boxes"),
    [(None, "   "), (Stage.DESIGN, "   "), (Stage.BUILD, "x  "), (Stage.COMPLETE, "xxx")],
)
def test_stages_that_are_behind_are_ticked(stage: Stage | None, boxes: str) -> None:
    shown = [line[3] for line in text(stage).splitlines() if line.startswith("- [")]
    assert "".join(shown) == boxes

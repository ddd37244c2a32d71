"""The README.md of a workspace: what the task is and how far it has come."""

from models.states import Stage
from models.task import Task

FILE = "README.md"


def readme(task: Task, stage: Stage | None, stages: list[Stage]) -> bytes:
    """The text when the work has come to `stage`; None before it begins, COMPLETE at its end."""
    reached = list(Stage).index(stage) if stage else -1
    boxes = [f"- [{_mark(each, reached)}] {each}" for each in stages]
    parts = [f"# {task.title}", task.description.strip(), "## Stages", "\n".join(boxes), f"Task `{task.id}`"]
    return ("\n\n".join(part for part in parts if part) + "\n").encode()


def _mark(stage: Stage, reached: int) -> str:
    return "x" if list(Stage).index(stage) < reached or reached == list(Stage).index(Stage.COMPLETE) else " "

"""A waiting task's question in plain words, with what is known and what each answer means.

Which questions there are, and what an answer does: tasks/control/questions.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.step import Step
from models.task import Task
from tasks.control.questions import CHOICES
from webapp.amounts import duration, size, when


@dataclass(frozen=True)
class Choice:
    """One answer: what its button says, and what follows."""

    value: str
    label: str
    icon: str
    means: str


@dataclass(frozen=True)
class Asked:
    """The question; `known` are names and values."""

    words: str
    known: list[tuple[str, object]]
    choices: list[Choice]
    step: Step | None


ANSWERS = {
    "retry": Choice(
        "retry", "Do it again", "refresh",
        "Choose this if it had no effect yet, or if twice does no harm. The step begins from its start.",
    ),
    "done": Choice(
        "done", "It has happened", "check",
        "Choose this if you saw its effect. The step counts as done, without a result, and the next one begins.",
    ),
    "fail": Choice(
        "fail", "Give up", "failed",
        "The step counts as failed, and so does the task. It can still be retried later.",
    ),
}  # fmt: skip


def asked_by(task: Task, steps: Sequence[Step]) -> Asked | None:
    """What the task asks; None when it asks nothing that is known here."""
    asked = task.question or {}
    choices = [ANSWERS[value] for value in asked.get("choices", CHOICES) if value in ANSWERS]
    if asked.get("kind") != "once_cut" or not choices:
        return None
    step = next((step for step in steps if step.id == asked.get("step")), None)
    title = asked.get("title") or (step.title if step else asked.get("key", ""))
    words = (
        f"The step “{title}” was cut off while it ran, and it may have had its effect. "
        "Nobody can know from here. What shall happen?"
    )
    return Asked(words, _known(asked, step), choices, step)


def one_line(task: Task) -> str:
    """The question in short, for lists."""
    asked = task.question or {}
    if asked.get("kind") == "approval":
        return f"May “{asked.get('title')}” be done? ({asked.get('tool') or 'the whole plan'})"
    if asked.get("kind") != "once_cut":
        return "It waits for a person."
    return f"Did “{asked.get('title') or asked.get('key', 'a step')}” happen? It was cut off while it ran."


def _known(asked: dict[str, str], step: Step | None) -> list[tuple[str, object]]:
    known: list[tuple[str, object]] = [("Tool", asked.get("tool") or (step.tool if step else ""))]
    if step is None:
        return known
    known.append(("Began", when(step.started_at)))
    if step.finished_at:
        known.append(("Cut off after", duration((step.finished_at - step.started_at).total_seconds())))
    printed = (step.resources or {}).get("stdout_bytes", 0) + (step.resources or {}).get("stderr_bytes", 0)
    known.append(("Output", size(printed) if printed else "nothing was kept"))
    return known

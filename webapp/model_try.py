"""Try a model once: the task that a message becomes.  The page: pages/playground.py; tools: playground.py."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.errors import NotFound, Problem
from models.task import Task
from tasks.orders.submission import Order
from webapp.playground import NAME

MOST_TURNS = 2
"""One answer, and one more where it calls what it was asked not to."""
LONGEST = 20_000


@dataclass
class ModelTry:
    """What stands in the form."""

    model: str = ""
    """`provider/model`."""
    message: str = ""
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def sent(cls, form: Mapping[str, str]) -> "ModelTry":
        """What was sent, with what is wrong with it."""
        tried = cls(form.get("model", "").strip(), form.get("message", "").replace("\r\n", "\n").strip())
        if not tried.message:
            tried.problems.append(Problem(path="message", line=None, message="write what the model is to answer"))
        elif len(tried.message) > LONGEST:
            tried.problems.append(Problem(path="message", line=None, message=f"is longer than {LONGEST:,} characters"))
        if not tried.model:
            tried.problems.append(Problem(path="model", line=None, message="choose a model"))
        return tried

    @classmethod
    def of(cls, task: Task) -> "ModelTry":
        """As the task was made.

        Raises:
            NotFound: it is no try of a model.
        """
        if not is_of_model(task):
            raise NotFound("cannot show this task here: nobody tried a model with it", task=task.id)
        return cls(next(iter(task.plan.content.get("models", [])), ""), task.description)

    @property
    def order(self) -> Order:
        """The task that it becomes: one model, no tools, one answer, and no second try."""
        plan = {
            "kind": "model",
            "name": NAME,
            "title": f"Playground: {self.model}"[:200],
            "complexity": 1,
            "prompt": NAME,
            "models": [self.model],
            "turns": MOST_TURNS,
            "retry": {"attempts": 1},
        }
        return Order(playbook=json.dumps(plan), description=self.message)

    def problem_of(self, name: str) -> str:
        """What is wrong with a field."""
        found = next((each["message"] for each in self.problems if each["path"].startswith(name)), "")
        return f"{found[:1].upper()}{found[1:]}." if found else ""


def is_of_model(task: Task) -> bool:
    """Whether somebody tried a model with it."""
    return task.plan.content.get("name") == NAME and task.plan.content.get("kind") == "model"

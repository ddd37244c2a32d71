"""Who answers what a waiting task asks: a person who looks at the outside world, here the ledger, and then says.

A `once` step that was cut off has had its effect if its line is in the ledger ("done"), and has not if it is not
("retry").
"""

import threading
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from models import scope
from models.database import reading
from models.errors import OpsCoreError
from models.states import State
from models.task import Task
from tasks.control import questions
from worker.chaos.outside import keys_in

LOOKS_EVERY_S = 1.0


class Person(threading.Thread):
    """Looks for questions every second and answers them, as `bin/opscore task answer` would."""

    def __init__(self, app: Any, ledger: Path) -> None:
        super().__init__(name="person", daemon=True)
        self.app = app
        self.ledger = ledger
        self.answers: Counter[str] = Counter()
        self.stopping = threading.Event()

    def run(self) -> None:
        """Answer until told to stop; while the database is away there is nothing to look at."""
        with self.app.app_context(), scope.acting("person:chaos"):
            while not self.stopping.wait(LOOKS_EVERY_S):
                try:
                    self._look()
                except SQLAlchemyError:
                    continue

    def _look(self) -> None:
        asking = select(Task.id, Task.epoch, Task.question).where(Task.state == State.WAITING)
        with reading() as session:
            found = session.execute(asking).all()
        seen = keys_in(self.ledger) if found else frozenset()
        for task_id, epoch, question in found:
            choice = "done" if f"{task_id}/{epoch}/{question['key']}" in seen else "retry"
            try:
                questions.answer(task_id, choice, question["step"])
            except OpsCoreError:
                continue  # it asks something else by now
            self.answers[choice] += 1

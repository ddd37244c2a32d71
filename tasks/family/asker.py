"""The call that acts within a family: whose run, which step, which try of it; and that its run has the task still.

A run that was given up goes on until it notices: whatever it would write here is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.claim import Fenced
from models.states import State
from models.task import Task
from tasks.family.tree import locked_in_order

T = TypeVar("T")


class Patiently(Protocol):
    """Does the work, and does it again while the database is away."""

    def __call__(self, work: Callable[[], T]) -> T: ...


def at_once(work: Callable[[], T]) -> T:
    """Do the work once: of a call that no run makes."""
    return work()


@dataclass(frozen=True)
class Asker:
    """One call of a tool."""

    task_id: str
    run_number: int
    epoch: int
    step_key: str
    attempt: int = 1

    @property
    def try_name(self) -> str:
        return f"{self.epoch}.{self.attempt}"

    @property
    def call_name(self) -> str:
        """The same however often the call is repeated."""
        return f"{self.task_id}/{self.epoch}/{self.step_key}"

    def locked(self, session: Session) -> Task:
        """The row of its task, with that of the family's first before it; nobody else adds to the family now.

        Raises:
            Fenced: its run does not have the task any more.
        """
        mine = select(Task.root_id).where(Task.id == self.task_id)
        first = session.scalars(mine).one() or self.task_id
        rows = locked_in_order(session, select(Task).where(Task.id.in_({first, self.task_id})))
        task = next(row for row in rows if row.id == self.task_id)
        if task.state != State.RUNNING or task.run_number != self.run_number:
            raise Fenced("cannot go on: another run has the task", task_id=task.id, run=self.run_number)
        return task

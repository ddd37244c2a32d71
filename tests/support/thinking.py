"""Tasks that a model works on, as their runs have them, and models to ask: for tests of budgets."""

from typing import Any

from sqlalchemy import update

from models.claim import Claim, close_run
from models.database import writing
from models.provider import ProviderKind
from models.run import Run
from models.states import State
from models.task import Task
from tasks.plans.model_plan import BudgetFields
from tasks.providers.choice import Candidate
from tasks.spending import budgets
from tests.support.factories import make_task

CHEAP: dict[str, Any] = {"input_price": 1_000_000, "output_price": 2_000_000}
"""A micro-dollar for each token of the question, two for each of the answer."""


def model(name: str = "small", **values: Any) -> Candidate:
    """A model whose answers have 100 tokens at most."""
    known = {"output_tokens": 100, "context_tokens": None, **CHEAP, **values}
    return Candidate("here", ProviderKind.OPENAI, "http://127.0.0.1:9/v1", name, None, **known)


def running(limits: BudgetFields | None = None, parent: Claim | str | None = None, agent: str = "scout") -> Claim:
    """A task that a run has, with its budget; part of another one where that, or its id, is given."""
    with writing() as session:
        task = make_task(session, state=State.RUNNING, agent=agent, run_number=1)
        task.parent_id = parent.task_id if isinstance(parent, Claim) else parent
        budgets.open_for(session, task, limits or BudgetFields())
        session.flush()
        session.add(_run(task.id, 1, agent))
    return Claim(task.id, task.tenant, 1, task.epoch, agent, task.queue, task)


def next_run(claim: Claim) -> Claim:
    """The run that takes over when this one has died."""
    number = claim.run_number + 1
    with writing() as session:
        session.execute(update(Task).where(Task.id == claim.task_id).values(run_number=number))
        close_run(session, claim.task_id, claim.run_number, "lost")
        session.add(_run(claim.task_id, number, claim.agent))
    return Claim(claim.task_id, claim.tenant, number, claim.epoch, claim.agent, claim.queue, claim.task)


def _run(task_id: str, number: int, agent: str) -> Run:
    return Run(task_id=task_id, number=number, epoch=1, agent=agent, host="here", pid=1, process_started_at=0.0)

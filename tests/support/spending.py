"""Spend the budgets of tasks in processes of their own until there is nothing left, as runaway agents do.

    python -m tests.support.spending MODEL-URL ESTIMATE TASK[:POINT] …

A process for each task, all at once; where one has a POINT (tools/triggers.py) they come one after the other, and it
is killed there.  Each is a new run of its task.  Prints the exit codes: 0 where a budget said no.
"""

import os
import sys
import traceback
from typing import Any

import requests
from sqlalchemy import select, update

import settings
from models import scope
from models.claim import Claim
from models.database import bare_app, writing
from models.errors import BudgetExceeded
from models.task import Task
from tasks.spending import budgets
from tests.support.thinking import model
from tools import triggers


def main() -> None:
    url, estimate, *jobs = sys.argv[1:]
    in_turn = any(":" in job for job in jobs)
    started, codes = [], []
    for job in jobs:
        task_id, _, point = job.partition(":")
        started.append(_forked(url, int(estimate), task_id, point))
        if in_turn:
            codes.append(_ended(started.pop()))
    print(*codes, *map(_ended, started), flush=True)


def _forked(url: str, estimate: int, task_id: str, point: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        os.environ[triggers.VARIABLE] = f"{point}=kill" if point else ""
        triggers.of_this_process.cache_clear()
        with bare_app(settings.load()).app_context(), scope.acting("agent:scout"):
            _spend(url, estimate, _taken_over(task_id))
        os._exit(0)
    except BaseException:  # noqa: BLE001  (a fork must not go on as its parent)
        traceback.print_exc()
        os._exit(1)


def _ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _taken_over(task_id: str) -> Claim:
    with writing() as session:
        raised = update(Task).where(Task.id == task_id).values(run_number=Task.run_number + 1)
        session.execute(raised.execution_options(synchronize_session=False))
        task = session.scalars(select(Task).where(Task.id == task_id)).one()
    return Claim(task.id, task.tenant, task.run_number, task.epoch, "scout", task.queue, task)


def _spend(url: str, estimate: int, claim: Claim) -> None:
    for number in range(1, 1000):
        try:
            reservation = budgets.reserve(claim, f"m{number}", model(), estimate)
        except BudgetExceeded:
            return
        used = _asked(url, claim.task_id)
        triggers.at("step.after_call")
        with writing() as session:
            budgets.settle(session, reservation, used)
            triggers.at("write.before_commit")
    raise AssertionError("no budget said no")


def _asked(url: str, task_id: str) -> budgets.Usage | None:
    question: dict[str, Any] = {"model": "small", "messages": [{"role": "user", "content": f"Go on with {task_id}."}]}
    told = requests.post(f"{url}/chat/completions", json=question, timeout=60).json()["usage"]
    return budgets.usage_told(told["prompt_tokens"], told["completion_tokens"])


if __name__ == "__main__":
    main()

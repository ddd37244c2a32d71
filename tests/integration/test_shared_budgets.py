"""Runaway agents on eight processes share one budget, and die in the middle of calls: the model's server counts too."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from models.budget import Budget, BudgetKind, Spend, SpendState
from models.claim import Claim
from models.database import reading
from settings import PROJECT
from tasks.plans.model_plan import BudgetFields
from tasks.spending import lost_calls
from tests.support.model_server import playing
from tests.support.thinking import running
from worker.demo.server import ModelServer

SIGKILLED = str(-signal.SIGKILL)
QUESTION, ANSWER = 300, 100
ONE_CALL = QUESTION + ANSWER


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    """Answers whatever it is asked, for ever, and says that it used the same each time."""
    script = [{"text": "And on.", "usage": {"input": QUESTION, "output": ANSWER}, "endless": True}]
    with playing(script) as found:
        yield found


def spend(server: ModelServer, estimate: int, *jobs: str) -> list[str]:
    """The exit codes of the processes that spend what there is."""
    command = [sys.executable, "-m", "tests.support.spending", server.url, str(estimate), *jobs]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=240, check=False)
    print(done.stderr)
    assert done.returncode == 0
    return done.stdout.split()


def served(server: ModelServer, *tasks: Claim) -> int:
    """Tokens of these tasks' calls by the server's own count."""
    ids = {task.task_id for task in tasks}
    entries = [each for each in server.journal.entries() if each["usage"]]
    about = {each["number"]: server.journal.messages(each["number"]) or [] for each in entries}
    mine = [each for each in entries if any(each_id in str(about[each["number"]]) for each_id in ids)]
    return sum(each["usage"]["total_tokens"] for each in mine)


def of(claim: Claim) -> Budget:
    with reading() as session:
        mine = select(Budget).where(Budget.kind == BudgetKind.TASK, Budget.name == claim.task_id)
        return session.scalars(mine).one()


@pytest.mark.parametrize(
    "estimate",
    [pytest.param(QUESTION, id="estimated-right", marks=pytest.mark.long), pytest.param(100, id="estimated-too-low")],
)
def test_eight_processes_stop_at_their_shared_limit_with_at_most_one_call_too_much(
    app: Flask, server: ModelServer, estimate: int
) -> None:
    limit = 32 * ONE_CALL
    parent = running(BudgetFields(tokens=limit))
    children = [running(parent=parent) for _ in range(8)]
    assert spend(server, estimate, *(each.task_id for each in children)) == ["0"] * 8
    total = served(server, *children)
    assert limit - ONE_CALL < total <= limit + (0 if estimate == QUESTION else ONE_CALL)
    assert (of(parent).used_tokens, of(parent).reserved_tokens) == (total, 0)
    assert sum(of(each).used_calls for each in children) == of(parent).used_calls == total // ONE_CALL


def test_crash_at_every_point_of_a_call_frees_nothing_that_may_have_been_spent(app: Flask, server: ModelServer) -> None:
    claim = running(BudgetFields(tokens=6 * ONE_CALL))
    points = ("budget.before_commit", "budget.after_reserve", "step.after_call", "write.before_commit")
    codes = spend(server, QUESTION, *(f"{claim.task_id}:{point}" for point in points), f"{claim.task_id}:")
    assert codes == [*[SIGKILLED] * 4, "0"]
    # One before it was reserved, one before it was sent, two after the answer came: three count in full.
    with reading() as session:
        states = list(session.scalars(select(Spend.state).where(Spend.task_id == claim.task_id)))
    assert sorted(states) == [*[SpendState.LOST] * 3, *[SpendState.SETTLED] * 3]
    assert served(server, claim) == 5 * ONE_CALL <= of(claim).used_tokens == 6 * ONE_CALL
    assert of(claim).reserved_tokens == 0 == lost_calls.lose_left(claim)

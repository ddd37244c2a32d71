"""Models that never come to an end, on eight worker processes of two agents: a budget stops them; the server counts."""

from collections.abc import Iterator

import pytest
from pytest_celery import CeleryWorkerCluster

from models import scope
from models.budget import BudgetKind
from models.states import TERMINAL
from tasks.spending import budget_limits
from tests.support.language_models import configure
from tests.support.model_server import playing
from tests.support.processes import wait_until
from tests.support.workplace import AgentWanted, Workplace
from worker.demo.server import ModelServer

pytestmark = pytest.mark.long
QUESTION, ANSWER = 3000, 200
ONE_CALL = QUESTION + ANSWER
LIMIT = 40 * ONE_CALL
MANY = 12


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    return [AgentWanted("scout", "1-10", concurrency=4), AgentWanted("smith", "1-10", concurrency=4)]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """Wants another file written, for ever."""
    write = {"name": "files.write", "arguments": {"path": "src/${turn}.txt", "text": "${turn}"}}
    usage = {"input": QUESTION, "output": ANSWER}
    with playing([{"text": "One more.", "tool_calls": [write], "usage": usage, "endless": True}]) as found:
        yield found


def test_eight_worker_processes_stop_together_at_the_days_limit(
    workplace: Workplace, celery_worker_cluster: CeleryWorkerCluster, server: ModelServer
) -> None:
    configure(server.url, "endless", input_price=1_000_000, output_price=1_000_000, output_tokens=ANSWER)
    with scope.acting("person:alice"):
        budget_limits.set_limits(BudgetKind.DAY, "", {"tokens": LIMIT})
    tasks = [workplace.submit(description=f"Never stop, {n}.", tools=["files.write"]) for n in range(MANY)]
    wait_until(lambda: all(workplace.task(each).state in TERMINAL for each in tasks), 240, "the end of all tasks")
    assert {workplace.task(each).error_code for each in tasks} == {"budget_exceeded"}
    total = sum(each["usage"]["total_tokens"] for each in server.journal.entries() if each["usage"])
    assert LIMIT - 3 * ONE_CALL < total <= LIMIT + ONE_CALL
    with scope.acting("person:alice"):
        day = budget_limits.show(BudgetKind.DAY)
        assert (day.tokens.used, day.tokens.reserved) == (total, 0)
    assert {workplace.task(each).agent for each in tasks} == {"scout", "smith"}

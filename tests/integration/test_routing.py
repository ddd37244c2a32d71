"""Work reaches an agent whose range covers it, and is done once."""

import pytest
from pytest_celery import CeleryWorkerCluster

from models.states import TERMINAL
from tests.support.processes import wait_until
from tests.support.workplace import BUILDER, LOOK, SCOUT, AgentWanted, Workplace, plan

COVERING = {level: {"scout"} if level < 4 else {"builder"} for level in range(1, 11)} | {
    level: {"scout", "builder"} for level in (4, 5)
}
WHOLE_LIFE = [
    "task.submitted", "task.claimed", "stage.entered", "workspace.ready",
    "step.started files_list_1", "step.finished files_list_1", "task.succeeded",
]  # fmt: skip


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    return [AgentWanted(SCOUT.name, SCOUT.levels, 2), AgentWanted(BUILDER.name, BUILDER.levels, 2)]


def test_hundred_tasks_are_done_once_each_by_an_agent_that_covers_them(
    workplace: Workplace, celery_worker_cluster: CeleryWorkerCluster
) -> None:
    level_of = {workplace.submit(plan(LOOK), complexity=index % 10 + 1): index % 10 + 1 for index in range(100)}
    for task_id in level_of:
        wait_until(lambda: workplace.task(task_id).state in TERMINAL, 60)  # noqa: B023  (called before the next)
    for task_id, level in level_of.items():
        assert workplace.task(task_id).agent in COVERING[level]
        events = workplace.events(task_id)
        assert workplace.kinds(task_id) == WHOLE_LIFE
        assert [event.number for event in events] == [1, 2, 3, 4, 5, 6, 7]
        assert events[1].data["agent"] in COVERING[level]
    assert {workplace.task(task_id).agent for task_id in level_of} == {"scout", "builder"}


def test_task_for_one_agent_waits_for_it_though_another_covers_its_complexity(
    workplace: Workplace, celery_worker_cluster: CeleryWorkerCluster
) -> None:
    for _ in range(5):
        assert workplace.succeeded(workplace.submit(plan(LOOK), complexity=1, agent="builder")).agent == "builder"

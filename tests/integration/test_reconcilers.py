"""Of several reconcilers one leads, another takes over, and what is due is done once."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pytest_celery import CeleryBrokerCluster
from sqlalchemy import func, select, update

from models import scope
from models.columns import database_now
from models.database import reading, writing
from models.leadership import RECONCILER, Leadership, lead, resign
from models.schedule import Firing
from models.states import State
from models.task import Task
from settings import PROJECT
from tasks import live
from tasks.orders.submission import Order
from tasks.scheduling import schedules
from tests.support.processes import LocalProcess, wait_until
from tests.support.workplace import LOOK, AgentWanted, Workplace, plan
from worker.reconciler import Listener

# What both databases do alike is asked of PostgreSQL in a long run only.
ON_POSTGRESQL_IN_A_LONG_RUN = pytest.mark.parametrize(
    "database_kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True, scope="module"
)
COMMAND = [sys.executable, "-m", "worker.reconciler"]


class Reconcilers:
    """Processes of their own, by the order of their start."""

    def __init__(self, workplace: Workplace) -> None:
        self.workplace = workplace
        self.processes: list[LocalProcess] = []

    def start(self) -> LocalProcess:
        """Start one more; returns once it is at work, leading or not."""
        name = f"reconciler-{len(self.processes)}"
        process = LocalProcess(name, COMMAND, self.workplace.environment, self.workplace.logs / f"{name}.log")
        self.processes.append(process)
        wait_until(lambda: b"reconciler.started" in process.logs(), 60, name)
        return process

    def leader(self) -> LocalProcess | None:
        """The one whose row stands."""
        with scope.wide("system:test"), reading() as session:
            holds = (Leadership.work == RECONCILER, Leadership.expires_at > database_now())
            holder = session.scalar(select(Leadership.holder).where(*holds)) or ""
        return next((each for each in self.processes if holder.split(":")[1:2] == [str(each.pid)]), None)

    def led_by(self, process: LocalProcess) -> None:
        wait_until(lambda: self.leader() is process, 60, lambda: f"{process.name} leads")


@pytest.fixture
def reconcilers(workplace: Workplace, celery_broker_cluster: CeleryBrokerCluster) -> Iterator[Reconcilers]:
    found = Reconcilers(workplace)
    yield found
    for process in found.processes:
        if process.status == "running":
            process.kill("SIGCONT")
        process.end()
    with scope.wide("system:test"), writing() as session:
        session.execute(update(Leadership).values(expires_at=database_now(-timedelta(seconds=1))))


def once_schedule(name: str) -> str:
    """A schedule for a time that is a moment away, of a task that nobody takes."""
    order = Order(playbook='{"steps": [{"stage": "build", "tool": "files.list"}]}', complexity=10)
    at = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    with scope.acting("person:alice"):
        return schedules.create(schedules.Wanted(name=name, order=order, repeats="once", rule=at)).id


def test_lead_is_one_holders_until_it_resigns_or_is_silent(workplace: Workplace) -> None:
    def asks(holder: str) -> bool:
        with scope.wide("system:test"), writing() as session:
            return lead(session, "a-work", holder)

    assert [asks("one"), asks("two"), asks("one")] == [True, False, True]
    with scope.wide("system:test"), writing() as session:
        session.execute(update(Leadership).values(expires_at=database_now(-timedelta(seconds=1))))
    assert [asks("two"), asks("one")] == [True, False]
    with scope.wide("system:test"), writing() as session:
        resign(session, "a-work", "one")
    assert not asks("one")
    with scope.wide("system:test"), writing() as session:
        resign(session, "a-work", "two")
    assert asks("one")


@ON_POSTGRESQL_IN_A_LONG_RUN
def test_hint_ends_the_wait_for_the_next_round(
    workplace: Workplace, celery_broker_cluster: CeleryBrokerCluster
) -> None:
    woken, stopping = threading.Event(), threading.Event()
    listener = Listener(woken, stopping)
    listener.start()

    def is_heard() -> bool:
        live.round_wanted()  # again until it listens
        return woken.is_set()

    wait_until(is_heard, 30, "the hint")
    stopping.set()
    listener.join(30)
    assert not listener.is_alive()


def test_leader_that_dies_or_leaves_is_followed_and_nothing_is_fired_twice(
    workplace: Workplace, reconcilers: Reconcilers
) -> None:
    first = reconcilers.start()
    reconcilers.led_by(first)
    second = reconcilers.start()
    schedule_id = once_schedule("while the lead changes")
    delayed = workplace.submit(plan(LOOK), complexity=10, delay="2 s")
    first.kill()
    reconcilers.led_by(second)
    wait_until(lambda: workplace.task(delayed).waits_until is None, 60, "the start")
    wait_until(lambda: fired(schedule_id), 60, "the firing")
    third = reconcilers.start()
    second.kill("SIGTERM")
    reconcilers.led_by(third)
    assert second.process.wait(30) == 0
    again = workplace.submit(plan(LOOK), complexity=10, delay="1 s")
    wait_until(lambda: workplace.task(again).waits_until is None, 60, "the start")
    assert fired(schedule_id) == 1
    with scope.acting("person:alice"), reading() as session:
        assert session.scalar(select(func.count()).where(Task.schedule_id == schedule_id)) == 1


def fired(schedule_id: str) -> int:
    with scope.acting("person:alice"), reading() as session:
        return session.scalar(select(func.count()).select_from(Firing).where(Firing.schedule_id == schedule_id)) or 0


@ON_POSTGRESQL_IN_A_LONG_RUN
def test_stopped_leader_that_wakes_again_follows(workplace: Workplace, reconcilers: Reconcilers) -> None:
    first = reconcilers.start()
    reconcilers.led_by(first)
    second = reconcilers.start()
    os.kill(first.pid, signal.SIGSTOP)
    reconcilers.led_by(second)
    os.kill(first.pid, signal.SIGCONT)
    task_id = workplace.submit(plan(LOOK), complexity=10, delay="1 s")
    wait_until(lambda: workplace.task(task_id).waits_until is None, 60, "the start")
    assert reconcilers.leader() is second
    assert first.status == "running"


def test_emptied_broker_is_filled_again_and_lost_wake_ups_are_sent_by_the_leader(
    workplace: Workplace, reconcilers: Reconcilers, celery_broker_cluster: CeleryBrokerCluster
) -> None:
    waiting = [workplace.submit(plan(LOOK), complexity=9) for _ in range(10)]
    celery_broker_cluster[0].container.client.flushall()
    reconcilers.start()
    workplace.ready_worker(AgentWanted("late", "9"))
    for task_id in waiting:
        assert workplace.succeeded(task_id).losses == 0


@ON_POSTGRESQL_IN_A_LONG_RUN
def test_task_of_a_submitter_that_died_between_commit_and_publish_is_done(
    workplace: Workplace, reconcilers: Reconcilers
) -> None:
    workplace.ready_worker(AgentWanted("patient", "8"))
    submit = (
        "import settings, json; from models import scope; from models.database import bare_app\n"
        "from tasks.orders.submission import Order, submit\n"
        "text = json.dumps({'steps': [{'stage': 'build', 'tool': 'files.list'}]})\n"
        "with bare_app(settings.load()).app_context(), scope.acting('person:alice'):\n"
        "    submit(Order(playbook=text, title='cut off', complexity=8))\n"
    )
    told = {"OPSCORE_DEBUG_TRIGGERS": "submit.between_commit_and_publish=kill", "PYTHONPATH": str(PROJECT)}
    command, log = [sys.executable, "-c", submit], workplace.logs / "submitter.log"
    submitter = LocalProcess("submitter", command, workplace.environment | told, log)
    assert submitter.process.wait(60) == -signal.SIGKILL, submitter.logs()
    with scope.acting("person:alice"), reading() as session:
        task = session.scalars(select(Task).where(Task.title == "cut off")).one()
    assert task.state == State.QUEUED
    reconcilers.start()
    assert workplace.succeeded(task.id).agent == "patient"

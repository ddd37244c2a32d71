"""The two sides of bench/throughput.py, each a process of its own: `python -m bench.sides bare|opscore`.

A side takes one command a line and answers with one number a line:
    fill N      submit N tasks; the seconds that took
    drain N     wait until these N are done; tasks per second, from the first start to the last end
    once        submit one task and wait for it; milliseconds from the submission to its start
    is_free     1 if tasks can be submitted while the workers stand still, else 0
"""

import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any, Protocol

import redis
from celery import Celery
from sqlalchemy import func, select

import settings
from models.database import bare_app, reading
from models.scope import acting
from models.step import Step
from models.task import Task
from tasks.orders.submission import Order, submit

QUEUE, MARKS = "bench", "bench.marks"
WITHIN_S = 60
app = Celery("bare", broker=os.environ.get("BENCH_BROKER_URL", ""), set_as_current=False)
app.conf.update(
    task_default_queue=QUEUE,
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    # As whoever cares for the tasks has it: a worker that dies gives them back.
    task_acks_late=True,
    worker_prefetch_multiplier=1,
)


@app.task(name="nothing")
def nothing() -> None:
    """What bare Celery is measured with."""


@app.task(name="mark")
def mark() -> None:
    """Say when this ran."""
    redis.Redis.from_url(os.environ["BENCH_BROKER_URL"]).rpush(MARKS, time.time())


class Side(Protocol):
    """One system under measurement."""

    def fill(self, count: int) -> None: ...
    def drain(self, count: int) -> float: ...
    def once(self) -> float: ...
    def is_free(self) -> bool: ...


class Bare:
    """Celery alone: tasks that do nothing, between marks that say when."""

    def __init__(self) -> None:
        self.client = redis.Redis.from_url(os.environ["BENCH_BROKER_URL"])

    def fill(self, count: int) -> None:
        """Submit the tasks, and a mark before and after them."""
        mark.delay()
        for _ in range(count):
            nothing.delay()
        mark.delay()

    def drain(self, count: int) -> float:
        """Tasks per second between the marks."""
        first, last = self._mark(), self._mark()
        return count / (last - first)

    def once(self) -> float:
        """Milliseconds from the submission to the start."""
        begun = time.time()
        mark.delay()
        return (self._mark() - begun) * 1000

    def is_free(self) -> bool:
        """A worker that was stopped holds nothing that a submission needs."""
        return True

    def _mark(self) -> float:
        found = self.client.blpop([MARKS], timeout=WITHIN_S)
        if found is None:
            raise SystemExit(f"bare Celery did not end within {WITHIN_S} s")
        return float(found[1])


class OpsCore:
    """OpsCore: tasks of one step, `drill.nothing`, which does nothing; every row and event of it is written."""

    def __init__(self) -> None:
        bare_app(settings.load()).app_context().push()
        self.order = Order(playbook=json.dumps({"steps": [{"stage": "build", "tool": "drill.nothing"}]}), complexity=1)
        self.before = 0
        """The number of the last task before the last filling."""

    def fill(self, count: int) -> None:
        """Submit the tasks."""
        with acting("person:bench"), reading() as session:
            self.before = session.scalar(select(func.max(Task.number))) or 0
        for _ in range(count):
            self._submit()

    def drain(self, count: int) -> float:
        """Tasks per second, from the first claim to the last end."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            found = self._look()
            if found.failed:
                raise SystemExit(f"{found.failed} tasks did not succeed")
            if found.ended == count:
                return float(count / (found.last - found.first).total_seconds())
            time.sleep(0.2)  # whoever measures must not be what is measured
        raise SystemExit(f"the tasks did not end within {WITHIN_S} s")

    def _look(self) -> Any:
        """How far the tasks of the last filling have come."""
        is_wrong = Task.finished_at.is_not(None) & (Task.state != "succeeded")
        facts = (
            func.count(Task.finished_at).label("ended"),
            func.count().filter(is_wrong).label("failed"),
            func.min(Task.started_at).label("first"),
            func.max(Task.finished_at).label("last"),
        )
        with acting("person:bench"), reading() as session:
            return session.execute(select(*facts).where(Task.number > self.before)).one()

    def once(self) -> float:
        """Milliseconds from the submission to the start of the first step."""
        begun = datetime.now(UTC)
        task_id = self._submit()
        self._wait(task_id)
        with acting("person:bench"), reading() as session:
            started_at = session.scalars(select(Step.started_at).where(Step.task_id == task_id)).one()
        return (started_at - begun).total_seconds() * 1000

    def is_free(self) -> bool:
        """As of bare Celery: an idle worker only reads."""
        return True

    def _submit(self) -> str:
        with acting("person:bench"):
            return submit(self.order).task.id

    def _wait(self, task_id: str) -> Task:
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            with acting("person:bench"), reading() as session:
                task = session.scalars(select(Task).where(Task.id == task_id)).one()
            if task.finished_at is not None:
                if task.state != "succeeded":
                    raise SystemExit(f"a task did not succeed: {task.error_message}")
                return task
            time.sleep(0.02)
        raise SystemExit(f"a task did not end within {WITHIN_S} s")


def serve(side: Side) -> None:
    """Take the commands until the input ends."""
    for line in sys.stdin:
        command, *number = line.split()
        begun = time.perf_counter()
        match command, number:
            case "fill", [count]:
                side.fill(int(count))
                print(time.perf_counter() - begun, flush=True)
            case "drain", [count]:
                print(side.drain(int(count)), flush=True)
            case "is_free", []:
                print(float(side.is_free()), flush=True)
            case _:
                print(side.once(), flush=True)


if __name__ == "__main__":
    serve(Bare() if sys.argv[1] == "bare" else OpsCore())

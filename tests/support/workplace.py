"""A place where agents work, for tests: settings, database, broker, workers, and how to submit and watch.

Fixtures that make one: tests/integration/conftest.py.  A whole installation under bin/up: installation.py.
"""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from pytest_celery import CeleryTestBroker, CeleryTestWorker
from sqlalchemy import select

from models import scope
from models.database import reading
from models.event import Event
from models.states import TERMINAL, State
from models.step import Step
from models.task import Task
from settings import PROJECT, Settings
from tasks.folders import workspace_of
from tasks.orders.submission import Order, submit
from tasks.reconcile import Round, reconcile
from tests.support.processes import CELERY, LocalBroker, LocalWorker, wait_until


@dataclass(frozen=True)
class AgentWanted:
    """A worker to start: `celery -A worker worker --agent NAME --complexity LEVELS`."""

    name: str
    levels: str
    concurrency: int = 1

    @property
    def arguments(self) -> list[str]:
        return ["--agent", self.name, "--complexity", self.levels, "--concurrency", str(self.concurrency)]


SCOUT = AgentWanted("scout", "1-5")
BUILDER = AgentWanted("builder", "4-10")


@dataclass
class Workplace:
    """Settings, the environment that makes a process belong here, and an app on the database."""

    told: Settings
    environment: dict[str, str]
    app: Flask
    logs: Path
    workers: list[CeleryTestWorker] = field(default_factory=list)

    def start_broker(self) -> CeleryTestBroker:
        """Start the broker; returns once it answers."""
        broker = CeleryTestBroker(LocalBroker(self.told, self.environment, self.logs / "broker.log"))
        wait_until(lambda: "Ready to accept" in broker.logs(), 30, "the broker is ready")
        return broker

    def start_worker(
        self, wanted: AgentWanted | list[str], name: str = "", root: Path = PROJECT, **variables: str
    ) -> CeleryTestWorker:
        """Start a worker of the code at `root` without waiting for it; it is ended with the workplace."""
        arguments = wanted if isinstance(wanted, list) else wanted.arguments
        name = name or (wanted.name if isinstance(wanted, AgentWanted) else "worker")
        log = self.logs / f"{name}-{len(self.workers)}.log"
        worker = CeleryTestWorker(LocalWorker(name, arguments, self.environment | variables, log, root), app=None)
        self.workers.append(worker)
        return worker

    def ready_worker(self, wanted: AgentWanted | list[str], name: str = "", **variables: str) -> CeleryTestWorker:
        """Start a worker and wait until it takes messages."""
        worker = self.start_worker(wanted, name, **variables)
        wait_ready(worker)
        return worker

    def end(self) -> None:
        """End every worker; asked all at once, since a warm shutdown takes its time."""
        for worker in self.workers:
            if worker.container.status == "running":
                worker.kill("SIGTERM")
        for worker in self.workers:
            worker.teardown()
        self.workers.clear()

    def celery(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Celery's own command line, such as `inspect active_queues`."""
        return subprocess.run(
            [*CELERY, *arguments],
            env=self.environment,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def submit(self, playbook: dict[str, Any] | None = None, **order: Any) -> str:
        """Submit a task; returns its id."""
        text = json.dumps(playbook) if playbook is not None else None
        with scope.acting("person:alice"):
            return submit(Order(playbook=text, **order)).task.id

    def reconcile(self) -> Round:
        """Do one round of the reconciler."""
        with scope.wide("system:reconciler"):
            return reconcile()

    def task(self, task_id: str) -> Task:
        """The task as it is now."""
        with scope.acting("person:alice"), reading() as session:
            return session.scalars(select(Task).where(Task.id == task_id)).one()

    def events(self, subject_id: str) -> list[Event]:
        """The timeline of a task or agent so far, in order."""
        with scope.acting("person:alice"), reading() as session:
            return list(session.scalars(select(Event).where(Event.subject_id == subject_id).order_by(Event.number)))

    def kinds(self, task_id: str) -> list[str]:
        """What happened, in order; a step's events with its key: `step.started plan`."""
        return [f"{each.kind} {each.data['key']}" if "key" in each.data else each.kind for each in self.events(task_id)]

    def steps(self, task_id: str) -> dict[str, Step]:
        """The task's steps, by key."""
        with scope.acting("person:alice"), reading() as session:
            found = session.scalars(select(Step).where(Step.task_id == task_id).order_by(Step.position))
            return {step.key: step for step in found}

    def files(self, task_id: str) -> dict[str, bytes]:
        """The files in the task's workspace, without README.md, which names the task."""
        with scope.acting("person:alice"), self.app.app_context():
            workspace = workspace_of(self.task(task_id))
        found = [entry.path for entry in workspace.walk() if entry.kind == "file" and entry.path != "README.md"]
        return {path: workspace.read_bytes(path) for path in found}

    def wait_for(self, task_id: str, kind: str, within_s: float = 30) -> None:
        """Wait for an event of that kind, written as in `kinds`."""
        wait_until(lambda: kind in self.kinds(task_id), within_s, lambda: f"{kind} in {self.kinds(task_id)}")

    def ended(self, task_id: str, within_s: float = 60) -> Task:
        """The task once it has ended, well or not."""
        wait_until(lambda: self.task(task_id).state in TERMINAL, within_s, f"the end of task {task_id}")
        return self.task(task_id)

    def succeeded(self, task_id: str, within_s: float = 60) -> Task:
        """The task once it has ended; fails unless it succeeded."""
        task = self.ended(task_id, within_s)
        assert task.state == State.SUCCEEDED, f"{task.error_code}: {task.error_message}"
        return task

    def failed(self, task_id: str, within_s: float = 60) -> Task:
        """The task once it has ended; fails unless it failed."""
        task = self.ended(task_id, within_s)
        assert task.state == State.FAILED
        return task


def wait_ready(worker: CeleryTestWorker, within_s: float = 60) -> None:
    """Wait until the worker takes messages; shows its log when it ended instead."""

    def is_ready() -> bool:
        if " ready." in worker.logs():
            return True
        assert worker.container.status == "running", worker.logs()
        return False

    wait_until(is_ready, within_s, f"worker {worker.name()} is ready")


def plan(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A playbook of these steps; each is a build step unless it says otherwise."""
    return {"steps": [{"stage": "build", **step} for step in steps], **more}


def program(*command: str, **more: Any) -> dict[str, Any]:
    """A step that runs a program."""
    return {"tool": "terminal.run", "with": {"command": list(command)}, **more}


def write(path: str, text: str, **more: Any) -> dict[str, Any]:
    """A step that writes a file."""
    return {"tool": "files.write", "with": {"path": path, "text": text}, **more}


LOOK = {"tool": "files.list"}
"""The cheapest step there is."""

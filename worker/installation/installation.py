"""One start of an installation, from the checks to the last process's end; up.py and detach.py run it.

The order: check, prepare, start, welcome, stay, stop.  Whatever happens in between, `stop` is reached, and
a process that could not be reached by it is found by the next start (leftovers.py).
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from models import scope, sign_in
from models.database import bare_app, db, writing
from models.errors import Misconfigured
from models.states import State
from models.task import Task
from settings import Settings
from tasks import logs
from tasks.reconcile import requeue_lost, runs_here
from tools.sandbox.choice import NoSandbox
from worker.installation import broker, health, leftovers, options, packages, ports, record, sample, schema
from worker.installation.doctor import cure_for_no_sandbox, probed
from worker.installation.first_task import FirstTask
from worker.installation.journal import Journal
from worker.installation.roles import all_roles
from worker.installation.stopping import Stopping
from worker.installation.supervisor import POLL_S, Supervisor
from worker.installation.terminal import FAILED, WARNED, Terminal
from worker.installation.tool_environment import ToolEnvironment

ANSWERS_WITHIN_S = 60.0
LOOPBACK = "127.0.0.1"
AUTHOR = "system:up"
DYING_S = 3.0


class CannotStart(Exception):
    """A process could not be started; what is to be said has been said."""


class Installation:
    """Everything between the lock and the farewell."""

    def __init__(
        self, options: argparse.Namespace, told: Settings, terminal: Terminal, ready: Callable[[], None]
    ) -> None:
        """`ready` is called once the pages answer and their address was shown."""
        self._options = options
        self._told = told
        self._terminal = terminal
        self._ready = ready
        self._stopping = Stopping()
        self._first_task: FirstTask | None = None
        self._app: Flask = bare_app(told)
        self._me = record.recorded("supervisor", "opscore", os.getpid())

    def run(self) -> int:
        """Start, stay, stop; returns the exit code.

        Raises:
            Misconfigured: it cannot start, and nothing was started.
        """
        self._check()
        self._open()
        try:
            self._prepare()
            self._start()
            self._welcome()
            self._stay()
        except CannotStart:
            return 1
        finally:
            self._stop()
        return 1 if self._options.once and not (self._first_task and self._first_task.has_succeeded) else 0

    def _check(self) -> None:
        """Refuse what cannot go well, before anything is changed."""
        left = leftovers.end(self._told)
        if left:
            self._terminal.mark("clean-up", f"ended what an earlier start had left: {', '.join(left)}", WARNED)
        ports.require_free(self._told.host, self._told.port)
        schema.check(self._told)
        if self._told.broker_url and not broker.answers(self._told, within_s=5):
            raise Misconfigured(f"cannot reach the broker at {broker.address(self._told)}")

    def _open(self) -> None:
        """Make what the rest works with: logs, supervisor, record; the slowest thing begins at once."""
        echo = self._terminal.echo if self._options.verbose else None
        self._journal = Journal(self._told.data_dir / "logs", echo)
        logs.configure(self._told, "supervisor", self._journal.stream("supervisor"))
        self._flower_port = ports.free_port(LOOPBACK, self._told.flower_port)
        environment = os.environ | {
            leftovers.MARK: leftovers.mark(self._told),
            "OPSCORE_DATA_DIR": str(self._told.data_dir),
            # The one that was free: the pages link to it.
            "OPSCORE_FLOWER_PORT": str(self._flower_port),
            "PYTHONUNBUFFERED": "1",
        }
        roles = all_roles(self._told, self._flower_port)
        self._supervisor = Supervisor(roles, self._journal, environment, self._report, self._record)
        self._record()
        self._tools = ToolEnvironment(self._told, self._journal.path("tool-environment"))

    def _record(self) -> None:
        flower_url = f"http://{LOOPBACK}:{self._flower_port}"
        record.write(self._told, record.Record(self._me, self._told.url, flower_url, self._supervisor.processes))

    def _report(self, sentence: str) -> None:
        self._terminal.say(f"  {sentence}", style="yellow")

    def _prepare(self) -> None:
        self._prepare_sandbox()
        with self._terminal.step("database") as step:
            done = schema.bring_up_to_date(self._told)
            step.result = "up to date" if done.before == done.after else "ready"
            if done.backup:
                step.result = f"brought up to date; a copy of the old one is in {done.backup}"
        self._requeue(was_stopped=False)
        state = "ready" if self._tools.was_ready else "is being made, in the background (first start)"
        self._terminal.mark("agents' Python", state)

    def _prepare_sandbox(self) -> None:
        with self._terminal.step("sandbox") as step:
            if not packages.is_there("bwrap"):
                packages.install("bwrap")
            found, demanded = probed(self._told), self._told.sandbox_tier
            step.result = found.name
            if found.tier != NoSandbox.tier:
                return
            cure = cure_for_no_sandbox(found)
            if demanded:
                raise Misconfigured(f"cannot reach tier {demanded}, which OPSCORE_SANDBOX_TIER demands. {cure}")
            step.sign = WARNED
            step.result = f"none, so command and code tools will refuse. {cure}"

    def _start(self) -> None:
        with self._terminal.step("processes") as step:
            names = list(self._supervisor.children)
            first = [name for name in ("broker", "web") if name in names]
            self._supervisor.start(*first)
            self._wait("broker", lambda: broker.answers(self._told))
            if self._stopping.is_asked:
                return
            # The others load for seconds too; on two processors they would make the person wait for the pages.
            self._wait("web", lambda: health.answers(self._told))
            self._supervisor.start(*(name for name in names if name not in first))
            step.result = ", ".join(names)

    def _wait(self, name: str, is_there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while not self._stopping.is_asked and not is_there():
            self._supervisor.tend()
            if name in self._supervisor.children and self._supervisor.given_up(name):
                raise CannotStart
            if time.monotonic() > deadline:
                self._terminal.mark(name, f"did not answer for {ANSWERS_WITHIN_S:.0f} s", FAILED)
                self._terminal.say(f"  Its log: {self._journal.path(name)}")
                raise CannotStart
            time.sleep(POLL_S)

    def _welcome(self) -> None:
        if self._stopping.is_asked:
            return
        with self._app.app_context(), scope.acting(AUTHOR), writing() as session:
            secret = sign_in.new_link(session)
        self._terminal.say()
        self._terminal.address("Open", f"{self._told.url}/sign-in/{secret}", "  (signs you in, once)")
        self._terminal.address("Flower", f"http://{LOOPBACK}:{self._flower_port}", "  (the queues, to look at)")
        how = options.command("bin/down", self._told) if self._options.detach else "Ctrl-C"
        self._terminal.say(f"  {'Stop':<16}{how}; everything is kept in {self._told.data_dir}")
        if self._wants_sample():
            self._first_task = FirstTask(self._app, self._terminal, self._tools, self._told.url)
            if not self._tools.is_over:
                self._terminal.say("\nThe sample task begins when the agents' Python is ready ...")
        self._ready()

    def _wants_sample(self) -> bool:
        if self._options.no_sample:
            return False
        return bool(self._options.once or sample.is_first_start(self._app) or sample.unfinished(self._app) is not None)

    def _stay(self) -> None:
        while not self._stopping.is_asked:
            self._supervisor.tend()
            if self._first_task:
                self._first_task.tick()
                if self._options.once and self._first_task.is_over:
                    return
            time.sleep(POLL_S)

    def _stop(self) -> None:
        if self._first_task:
            self._first_task.close()
        try:
            if self._supervisor.has_started:
                self._stop_processes()
        finally:
            self._tools.stop()
            leftovers.end(self._told)
            self._journal.close()
            record.remove(self._told)
        self._terminal.say(f"OpsCore has stopped. Everything is kept in {self._told.data_dir}")

    def _stop_processes(self) -> None:
        """End who takes work first, then who does it, then who is needed for that."""
        self._terminal.say("\nStopping ...")
        is_hurried = self._stopping.is_hurried
        self._supervisor.stop(["web"], is_hurried)
        with self._without_database():
            self._tell_what_runs()
        agents = [name for name, child in self._supervisor.children.items() if child.role.role == "agent"]
        # The reconciler first: it would count what is cut off now as the loss of a worker.
        self._supervisor.stop(["reconciler", "flower"], is_hurried)
        self._supervisor.stop(agents, is_hurried)
        self._supervisor.stop(["broker"], is_hurried)
        leftovers.end(self._told)
        with self._without_database():
            self._requeue(was_stopped=True)

    @contextmanager
    def _without_database(self) -> Iterator[None]:
        """Go on where the database is away: the order of stopping must not depend on it."""
        try:
            yield
        except OperationalError:
            self._terminal.mark("queue", "the database does not answer; the next start gives back what ran", WARNED)

    def _tell_what_runs(self) -> None:
        with self._app.app_context(), scope.wide(AUTHOR):
            running = select(Task.number).where(Task.state == State.RUNNING).limit(1)
            if db.session.scalars(running).one_or_none() is None:
                return
        hint = "" if self._options.detach else " (Ctrl-C again: at once)"
        self._terminal.say(f"What runs gets ten seconds to finish{hint} ...")

    def _requeue(self, *, was_stopped: bool) -> None:
        """Give back what the ended processes held, so that it is taken up again."""
        with self._app.app_context(), scope.wide(AUTHOR):
            number = len(requeue_lost(was_stopped=was_stopped))
            deadline = time.monotonic() + DYING_S
            # A killed process is there until the kernel has taken its memory back.
            while was_stopped and runs_here() and time.monotonic() < deadline:
                time.sleep(POLL_S)
                number += len(requeue_lost(was_stopped=was_stopped))
        if number:
            tasks = "1 task goes" if number == 1 else f"{number} tasks go"
            self._terminal.mark("queue", f"{tasks} back to the queue, and will be run again")

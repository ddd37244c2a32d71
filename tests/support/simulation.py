"""Processes that are none: OpsCore's own functions, held at each point between two statements, in one thread.

A run is a greenlet over `tasks.work.work` itself.  It stands still wherever `tools/triggers.py` has a point, before
and after a tool's effect, and where it would sleep; somebody else acts then, or it dies there.  What is pretended: the
broker (a list), pids, the passing of time, what the tools do outside (a list), and the answer to a commit.
"""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from flask import Flask
from greenlet import getcurrent, greenlet
from pydantic import Field
from sqlalchemy import delete, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models import database, scope
from models.claim import Claimant
from models.columns import database_now
from models.database import Base, db, send_together, writing
from models.plan import Plan
from models.states import State
from models.task import Task
from tasks import broker, live, work
from tasks.queueing import wake_ups, waking
from tasks.reconcile import rescue
from tasks.runs import fenced_writes, heart
from tasks.runs.heart import Heart
from tasks.work import Served
from tools import registry, triggers
from tools.contract import Arguments, Context, Effect, Tool, ToolResult, Values

AGENT = "sim"
QUEUE = "complexity.1"
DIE_BEFORE, DIE_AFTER, LOSE_IT, LOSE_THE_ANSWER = "die before", "die after", "lose it", "lose the answer"
COMMITS = (DIE_BEFORE, DIE_AFTER, LOSE_IT, LOSE_THE_ANSWER)
"""What may happen to a commit besides going well."""


class Dead(BaseException):
    """The process was killed here."""


@dataclass
class World:
    """Everything outside of OpsCore."""

    app: Flask
    messages: list[str] = field(default_factory=list)
    """Wake-ups on the broker: the tasks that they hint at."""
    effects: list[tuple[Effect, str, str]] = field(default_factory=list)
    """What tools did outside: effect class, task, step."""
    processes: list["Process"] = field(default_factory=list)
    alive: set[int] = field(default_factory=set)
    last_pid: int = 1000
    commits: int = 0
    commit_fate: str | None = None
    """What happens to the next commit of whoever acts."""
    dies_at: str | None = None
    """The point at which somebody who is no process (a person's request, the reconciler) dies."""

    def reach(self, name: str) -> None:
        """Whoever acts has come to the point."""
        process = self.acting()
        if process is not None and process.is_dying:
            raise Dead(name)
        if process is not None and not name.endswith("before_commit"):
            process.stand_still(name)
        elif self.dies_at == name:
            raise Dead(name)

    def acting(self) -> "Process | None":
        """The process that acts; None for anybody else."""
        return next((each for each in self.processes if each.greenlet is getcurrent()), None)

    def take_fate(self) -> str | None:
        fate, self.commit_fate = self.commit_fate, None
        return fate

    @contextmanager
    def perhaps(self, fate: str | None = None, dies_at: str | None = None) -> Iterator[None]:
        """Within, the next commit has this fate, or whoever acts dies at that point; how it ends is not ours."""
        self.commit_fate, self.dies_at = fate, dies_at
        try:
            yield
        except (Dead, OperationalError):
            pass
        finally:
            self.commit_fate, self.dies_at = None, None

    def time_passes(self, *conditions: Any, **columns: Any) -> None:
        """Put times of tasks into the past."""
        with writing() as session:
            past = update(Task).where(*conditions).values(**columns)
            session.execute(past.execution_options(synchronize_session=False))


class Process:
    """One pool process after another in one place of a worker."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.greenlet: greenlet | None = None
        self.at = ""
        self.start()

    def start(self) -> None:
        """A new process in place of a dead one."""
        self.world.last_pid += 1
        self.pid = self.world.last_pid
        self.world.alive.add(self.pid)
        self.greenlet = None
        self.is_dying = False
        self.heart = Heart.__new__(Heart)
        self.heart.pulse, self.heart._engine = None, db.engine

    @property
    def is_busy(self) -> bool:
        return self.greenlet is not None

    def wake(self) -> None:
        """A message has come: go to the first point."""
        self.greenlet = greenlet(self._work)
        self.go_on()

    def go_on(self) -> None:
        """Go on to the next point, or to the end."""
        assert self.greenlet is not None
        self.greenlet.switch()
        if self.is_dying:
            self.die()
        elif self.greenlet.dead:
            self.greenlet = None

    def die(self) -> None:
        """SIGKILL."""
        self.world.alive.discard(self.pid)
        self.is_dying = True
        if self.greenlet is not None and not self.greenlet.dead:
            self.greenlet.throw(Dead)
        self.start()

    def stand_still(self, name: str) -> None:
        self.at = name
        assert self.greenlet is not None and self.greenlet.parent is not None
        self.greenlet.parent.switch()

    def beat(self) -> None:
        """Half a lease is over, and the heart beats."""
        if (pulse := self.heart.pulse) is not None:
            pulse.asked_at -= pulse.lease.total_seconds() / 2
            self.heart._look(pulse)

    def outlive_the_lease(self) -> None:
        """It stood still for long: its lease is over, by every clock."""
        if (pulse := self.heart.pulse) is not None:
            pulse.asked_at -= 2 * pulse.lease.total_seconds()
            mine = (Task.id == pulse.claim.task_id, Task.run_number == pulse.claim.run_number)
            self.world.time_passes(*mine, Task.state == State.RUNNING, lease_expires_at=database_now(-pulse.lease))

    def _work(self) -> None:
        with self.world.app.app_context():
            try:
                work.work.run("hint")
            except Dead:
                self.is_dying = True  # by itself: in a commit, or at the end of its lease


class SimulatedInput(Arguments):
    """What the tools are told."""

    fails: bool = Field(False, description="Whether the first call of the step fails, before its effect.")


class _Simulated(Tool):
    """Its effect is a line in the world's list; the process may stand still before and after it."""

    purpose = "Pretend."
    Input = SimulatedInput
    Output = Values
    uses_workspace = False
    world: ClassVar[World]

    def run(self, call: SimulatedInput, context: Context) -> ToolResult:
        task, _, step = context.idempotency_key.split("/")
        self.world.reach("tool.before_effect")
        if context.is_cancelled():
            return ToolResult(exit_code=None)
        if call.fails and (self.effect, task, f"{step} failed") not in self.world.effects:
            self.world.effects.append((self.effect, task, f"{step} failed"))
            return ToolResult(exit_code=1)
        self.world.effects.append((self.effect, task, step))
        self.world.reach("tool.after_effect")
        return ToolResult(exit_code=None if context.is_cancelled() else 0)


def _tools(world: World) -> tuple[Tool, ...]:
    kinds = [
        type(f"Simulated{effect.name}", (_Simulated,), {"name": f"sim.{effect}", "effect": effect, "world": world})
        for effect in Effect
    ]
    return tuple(kind() for kind in kinds)


class _FatefulSession(Session):
    """A session whose commit may fail in the four ways in which commits do."""

    world: ClassVar[World]

    def commit(self) -> None:
        process = self.world.acting()
        fate = DIE_BEFORE if process is not None and process.is_dying else self.world.take_fate()
        if fate is DIE_BEFORE:
            raise Dead(fate)
        if fate is LOSE_IT:
            self.rollback()
            raise _away()
        super().commit()
        self.world.commits += 1
        if fate is DIE_AFTER:
            raise Dead(fate)
        if fate is LOSE_THE_ANSWER:
            raise _away()


def _away() -> OperationalError:
    return OperationalError("COMMIT", None, Exception("the connection was lost"))


@contextmanager
def simulated(app: Flask) -> Iterator[World]:
    """A world with three places for processes."""
    world = World(app)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        known = registry.all_tools()
        every_tool = (*known, *_tools(world))
        patch.setattr(registry, "all_tools", lambda: every_tool)
        patch.setattr(database, "Session", type("Fateful", (_FatefulSession,), {"world": world}))
        # On PostgreSQL the commit would go with the last statements, past the session and its fate.
        patch.setattr(database, "send_together", lambda session, ends=False: send_together(session))
        patch.setattr(triggers, "at", world.reach)
        _pretend_outside(patch, world)
        served = Served(AGENT, "00000000-0000-7000-8000-000000000000", (QUEUE,))
        patch.setattr(work.work.app, "served", served, raising=False)
        world.processes = [Process(world) for _ in range(3)]
        yield world
        empty(world)


def _pretend_outside(patch: pytest.MonkeyPatch, world: World) -> None:
    def send(queue: str, task_id: str) -> None:
        world.messages.append(task_id)

    def fill(wanted: Mapping[str, list[str]]) -> int:
        missing = wanted.get(QUEUE, [])[len(world.messages) :]
        world.messages += missing
        return len(missing)

    for module in (broker, waking, work):
        patch.setattr(module, "send_wake_up", send)
    patch.setattr(wake_ups, "fill", fill)
    for name in ("hint", "wish", "output"):
        patch.setattr(live, name, lambda *_: None)
    patch.setattr(heart, "heart", lambda: _acting(world).heart)
    patch.setattr(work, "claimant", lambda served: _claimant(world, served))
    patch.setattr(rescue, "is_alive", lambda pid, _: pid in world.alive)
    sleeping: Callable[[float], None] = lambda _: world.reach("asleep")  # noqa: E731
    for module in (fenced_writes, work):
        patch.setattr(module, "time", _Time(sleeping))
    patch.setattr(work, "os", _Os())


@dataclass
class _Time:
    """What OpsCore asks of `time`: a look at the clock takes a sixteenth of a second, so that histories repeat."""

    sleep: Callable[[float], None]
    looks: int = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.looks / 16


class _Os:
    """What tasks/work.py asks of `os`."""

    getpid = staticmethod(os.getpid)

    @staticmethod
    def _exit(_code: int) -> None:
        raise Dead("exit")


def _acting(world: World) -> Process:
    found = world.acting()
    assert found is not None, "only a process has a heart"
    return found


def _claimant(world: World, served: Served) -> Claimant:
    return Claimant(served.agent, served.worker_id, socket.gethostname(), _acting(world).pid, 0.0)


def empty(world: World) -> None:
    """End every process and delete every row but plans: the next example begins with nothing."""
    for process in world.processes:
        process.die()
    world.messages.clear()
    world.effects.clear()
    with scope.wide("system:test"), writing() as session:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name != Plan.__tablename__:
                session.execute(delete(table))

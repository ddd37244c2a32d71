"""Every history of tasks that Hypothesis can think of, on the real functions, beside a model of what is allowed.

Submissions, claims, beats, steps, ends, wishes of people, rescues, wake-ups lost and doubled, answers, and deaths
between any two statements, in any order.  How processes are pretended: tests/support/simulation.py.
"""

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

import settings as of_the_installation
from models import scope
from models.columns import database_now
from models.database import bare_app, db, reading
from models.errors import OpsCoreError
from models.event import Event
from models.states import TERMINAL, State
from models.task import Task
from settings import Settings
from tasks.control import emergency, questions
from tasks.control import one_task as control
from tasks.orders.submission import Order, submit
from tasks.queueing.canary import Watch
from tasks.reconcile import full, quick
from tests.support.simulation import COMMITS, Process, World, empty, simulated
from tools.contract import Effect

# The model: where each line of a timeline leads from where.  A line that is not here says something and moves nothing.
MOVES: dict[str, tuple[set[State], State]] = {
    "task.claimed": ({State.QUEUED}, State.RUNNING),
    "task.requeued": ({State.RUNNING}, State.QUEUED),
    "task.retry_planned": ({State.RUNNING}, State.QUEUED),
    "task.asked": ({State.RUNNING}, State.WAITING),
    "task.answered": ({State.WAITING}, State.QUEUED),
    "task.paused": ({State.QUEUED, State.RUNNING, State.PAUSED}, State.PAUSED),
    "task.resumed": ({State.PAUSED}, State.QUEUED),
    "task.succeeded": ({State.RUNNING}, State.SUCCEEDED),
    "task.failed": ({State.QUEUED, State.RUNNING, State.WAITING, State.PAUSED}, State.FAILED),
    "task.cancelled": ({State.QUEUED, State.RUNNING, State.WAITING, State.PAUSED}, State.CANCELLED),
    "task.reopened": (set(TERMINAL), State.QUEUED),
}
OF_A_RUN = ("step.", "stage.", "plan.", "workspace.", "task.cancel_", "task.stop_", "task.pause_")
"""What only a running task's timeline says."""
DONE = ("succeeded", "skipped")
ROUNDS_TO_THE_END = 60

places = st.integers(0, 2)
fates = st.sampled_from([*[None] * 6, *COMMITS])
effects = st.sampled_from([Effect.ONCE, Effect.ONCE, Effect.IDEMPOTENT, Effect.PURE])
steps = st.lists(st.tuples(effects, st.integers(0, 4).map(lambda chance: chance == 4)), min_size=1, max_size=3)
WISHES = ("cancel", "pause", "stop", "resume", "retry", "dismiss", "emergency", "release")


class Lifecycle(RuleBasedStateMachine):
    """One example: a few tasks, three processes, a broker, people and a reconciler."""

    world: ClassVar[World]
    app: ClassVar[Flask]

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.last_run: dict[str, int] = {}
        self.replayed: dict[tuple[str, str], int] = defaultdict(int)
        """How often a person has asked for a step again."""
        self.watch = Watch()
        self.seen_commits = -1
        self.states: list[State] = []
        self.app_context = self.app.app_context()
        self.app_context.push()

    def teardown(self) -> None:
        try:
            self._come_to_an_end()
            self.histories_are_allowed()
            self.no_effect_happens_twice_unless_a_person_asks()
        finally:
            empty(self.world)
            self.app_context.pop()

    # What people do

    @initialize(planned=steps, has_deadline=st.booleans())
    def begin(self, planned: list[tuple[Effect, bool]], has_deadline: bool) -> None:
        self.submit(planned, has_deadline, None, False)

    @precondition(lambda self: len(self.ids) < 3)
    @rule(planned=steps, has_deadline=st.booleans(), fate=fates, dies_before_publishing=st.booleans())
    def submit(
        self, planned: list[tuple[Effect, bool]], has_deadline: bool, fate: str | None, dies_before_publishing: bool
    ) -> None:
        plan = [
            {"name": f"s{number}", "stage": "build", "tool": f"sim.{effect}", "with": {"fails": fails}}
            for number, (effect, fails) in enumerate(planned)
        ]
        text = json.dumps({"name": "sim", "complexity": 1, "steps": plan})
        dies_at = "submit.between_commit_and_publish" if dies_before_publishing else None
        with self.world.perhaps(fate, dies_at), scope.acting("person:alice"):
            deadline = "1h" if has_deadline else None
            submit(Order(playbook=text, deadline=deadline, retry={"attempts": 2, "wait": "delayed", "first": "1h"}))
        with scope.wide("system:test"), reading() as session:
            self.ids = list(session.scalars(select(Task.id).order_by(Task.number)))

    @precondition(lambda self: self.ids)
    @rule(which=places, what=st.sampled_from(WISHES), fate=fates)
    def wish(self, which: int, what: str, fate: str | None) -> None:
        task = self._task(which)
        if what == "retry" and task.state == State.WAITING and self._has_happened(task):
            return  # the person has looked: that would be a lie
        asked = {
            "stop": lambda: control.pause(task.id, now=True),
            "emergency": emergency.stop,
            "release": emergency.release,
        }.get(what) or (lambda: getattr(control, what)(task.id))
        self._as_person(asked, fate)

    @precondition(lambda self: self._is_any(*TERMINAL))
    @rule(which=places, step=st.integers(0, 2), fate=fates)
    def replay(self, which: int, step: int, fate: str | None) -> None:
        task = self._task(which)
        epoch = task.epoch
        self._as_person(lambda: control.replay(task.id, f"s{step}"), fate)
        if self._task(which).epoch > epoch:
            for later in range(step, 3):
                self.replayed[task.id, f"s{later}"] += 1

    @precondition(lambda self: self._is_any(State.WAITING))
    @rule(gives_up=st.booleans(), fate=fates)
    def answer(self, gives_up: bool, fate: str | None) -> None:
        task = next(task for task, _ in self._histories() if task.state == State.WAITING)
        choice = "fail" if gives_up else "done" if self._has_happened(task) else "retry"
        self._as_person(lambda: questions.answer(task.id, choice), fate)

    # What processes do

    def _work(self, place: int, times: int, fate: str | None) -> None:
        """A process takes a message, or one that has a task goes on for some points."""
        if self.world.messages and (place == 0 or not self.busy):
            self._deliver()
        for _ in range(times):
            if self.busy:
                process = self.busy[place % len(self.busy)]
                self._act(process, process.go_on, fate)

    def _deliver(self) -> None:
        if self.idle:
            self.world.messages.pop(0)
            self._act(self.idle[0], self.idle[0].wake, None)

    # Hypothesis leaves out some of the rules in each example, and chooses among the others alike: without work
    # nothing happens, so it has four.

    @precondition(lambda self: self.world.messages or self.busy)
    @rule(place=places, times=st.integers(1, 12), fate=fates)
    def work(self, place: int, times: int, fate: str | None) -> None:
        self._work(place, times, fate)

    @precondition(lambda self: self.world.messages or self.busy)
    @rule(place=places)
    def work_a_little(self, place: int) -> None:
        self._work(place, 1, None)

    @precondition(lambda self: self.world.messages or self.busy)
    @rule(place=places, times=st.integers(2, 8))
    def work_well(self, place: int, times: int) -> None:
        self._work(place, times, None)

    @precondition(lambda self: self.world.messages or self.busy)
    @rule(times=st.integers(2, 8), fate=fates)
    def work_on_the_newest(self, times: int, fate: str | None) -> None:
        self._work(len(self.busy) - 1, times, fate)

    @precondition(lambda self: self.busy)
    @rule(place=places)
    def die(self, place: int) -> None:
        self.busy[place % len(self.busy)].die()

    @precondition(lambda self: self.busy)
    @rule(place=places, stands_still=st.booleans())
    def beat(self, place: int, stands_still: bool) -> None:
        """Or stand still until the lease is over."""
        process = self.busy[place % len(self.busy)]
        with scope.wide("system:test"):
            process.outlive_the_lease() if stands_still else process.beat()

    # What the reconciler, the broker and time do

    @rule(is_full=st.booleans(), fate=fates)
    def reconcile(self, is_full: bool, fate: str | None) -> None:
        with self.world.perhaps(fate), scope.wide("system:reconciler"):
            full(self.watch) if is_full else quick()

    @precondition(lambda self: self.world.messages)
    @rule(is_lost=st.booleans())
    def lose_or_double_a_message(self, is_lost: bool) -> None:
        if is_lost:
            self.world.messages.pop()
        else:
            self.world.messages.append(self.world.messages[0])

    @rule(chance=st.integers(0, 4))
    def time_passes(self, chance: int) -> None:
        with scope.wide("system:test"):
            if chance == 4:
                self.world.time_passes(Task.deadline_at.is_not(None), deadline_at=database_now())
            else:
                self.world.time_passes(Task.waits_until.is_not(None), waits_until=database_now())

    # What must hold

    @invariant()
    def histories_are_allowed(self) -> None:
        if self.world.commits == self.seen_commits:
            return
        self.seen_commits = self.world.commits
        self.states.clear()
        for task, events in self._histories():
            self.states.append(task.state)
            assert [event.number for event in events] == list(range(1, task.event_count + 1)), "gaps"
            assert state_after(events) == task.state
            assert task.run_number >= self.last_run.get(task.id, 0), "a run's number was given twice"
            self.last_run[task.id] = task.run_number
            is_running = task.state == State.RUNNING
            assert (task.lease_expires_at is not None) == is_running, f"{task.state} with the lease wrong"
            assert (task.finished_at is not None) == (task.state in TERMINAL)
            assert (task.question is not None) == (task.state == State.WAITING)

    @invariant()
    def no_effect_happens_twice_unless_a_person_asks(self) -> None:
        for task in self.ids:
            for step in ("s0", "s1", "s2"):
                times = self.world.effects.count((Effect.ONCE, task, step))
                assert times <= 1 + self.replayed[task, step], f"{step} happened {times} times"

    # How it is done

    @property
    def busy(self) -> list[Process]:
        return [process for process in self.world.processes if process.is_busy]

    @property
    def idle(self) -> list[Process]:
        return [process for process in self.world.processes if not process.is_busy]

    def _is_any(self, *states: State) -> bool:
        return any(state in states for state in self.states)

    def _act(self, process: Any, move: Any, fate: str | None) -> None:
        """Let a process act; one whose run was given up writes nothing."""
        pulse = process.heart.pulse
        before = self._as_another_has_it(pulse.claim) if pulse else None
        self.world.commit_fate = fate
        move()
        self.world.commit_fate = None
        if before is not None and (after := self._as_another_has_it(pulse.claim)):
            # It may have claimed the task anew: then it is a run again.
            assert after == before or after[0] > before[0], "a run that was given up wrote"

    def _as_another_has_it(self, claim: Any) -> tuple[int, int] | None:
        """The claimed task's run and lines, unless the claim stands."""
        with scope.wide("system:test"), reading() as session:
            task = session.scalars(select(Task).where(Task.id == claim.task_id)).one()
            stands = task.run_number == claim.run_number and task.state == State.RUNNING
            return None if stands else (task.run_number, task.event_count)

    def _as_person(self, asked: Any, fate: str | None) -> None:
        with self.world.perhaps(fate), scope.acting("person:alice"):
            try:
                asked()
            except OpsCoreError:
                return  # refused, which is an answer too

    def _task(self, which: int) -> Task:
        with scope.wide("system:test"), reading() as session:
            return session.scalars(select(Task).where(Task.id == self.ids[which % len(self.ids)])).one()

    def _has_happened(self, task: Task) -> bool:
        """Whether the outside saw the effect of the step that is asked about, since a person last asked for it."""
        assert task.question is not None
        key = task.question["key"]
        return self.world.effects.count((Effect.ONCE, task.id, key)) > self.replayed[task.id, key]

    def _histories(self) -> Iterator[tuple[Task, list[Event]]]:
        with scope.wide("system:test"), reading() as session:
            tasks = list(session.scalars(select(Task).order_by(Task.number)))
            by_task: dict[str, list[Event]] = defaultdict(list)
            for event in session.scalars(select(Event).order_by(Event.number)):
                by_task[event.subject_id].append(event)
        for task in tasks:
            yield task, by_task[task.id]

    def _come_to_an_end(self) -> None:
        """Nobody disturbs any more, and people answer and resume: then every task ends."""
        self._as_person(emergency.release, None)
        for _ in range(ROUNDS_TO_THE_END):
            open_tasks = [task for task, _ in self._histories() if task.state not in TERMINAL]
            if not open_tasks and not any(process.is_busy for process in self.world.processes):
                return
            for number, task in enumerate(self.ids):
                state = self._task(number).state
                if state == State.PAUSED:
                    self._as_person(lambda id=task: control.resume(id), None)  # type: ignore[misc]
                if state == State.WAITING:
                    self.answer(False, None)
            self.time_passes(0)
            self.reconcile(True, None)
            for process in self.world.processes:
                if self.world.messages and not process.is_busy:
                    self._deliver()
                while process.is_busy:
                    self._act(process, process.go_on, None)
        raise AssertionError(f"never ended: {[(task.state, task.event_count) for task in open_tasks]}")


def state_after(events: list[Event]) -> State:
    """Where the timeline leads; fails at the first line that was not allowed where it stands."""
    state = State.QUEUED
    assert events[0].kind == "task.submitted"
    done: set[str] = set()
    is_to_be_cancelled = False
    for event in events[1:]:
        if event.kind in MOVES:
            sources, target = MOVES[event.kind]
            is_an_answer = event.kind == "task.answered" and event.data["choice"] == "fail"
            assert state in sources, f"{event.kind} while {state}"
            assert not is_to_be_cancelled or event.kind == "task.cancelled", f"{event.kind}, though it was cancelled"
            is_to_be_cancelled = False
            state = state if is_an_answer else target
        elif event.kind.startswith(OF_A_RUN):
            assert state == State.RUNNING, f"{event.kind} while {state}"
        is_to_be_cancelled = is_to_be_cancelled or event.kind == "task.cancel_requested"
        _check_step(event, done)
    return state


def _check_step(event: Event, done: set[str]) -> None:
    """A step that was done is not begun again, unless the task was opened again."""
    if event.kind == "task.reopened":
        done.clear()
    elif event.kind == "step.started":
        assert event.data["key"] not in done, f"{event.data['key']} was done already"
    elif event.kind == "step.finished" and event.data["state"] in DONE:
        done.add(event.data["key"])


@pytest.fixture
def in_memory(told: Settings, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An app on an SQLite file that no disk keeps: what a crash of the host leaves is not asked here."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        shutil.copyfile(migrated_sqlite, Path(folder, "opscore.db"))
        monkeypatch.setenv("OPSCORE_DATABASE_URL", f"sqlite:///{folder}/opscore.db")
        of_the_installation.load.cache_clear()
        app = bare_app(of_the_installation.load())
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()


def try_histories(app: Flask, examples: int) -> None:
    """Fails with the shortest history that was found to be forbidden."""
    with simulated(app) as world:
        run_state_machine_as_test(
            type("OfThisTest", (Lifecycle,), {"world": world, "app": app}),
            settings=settings(
                max_examples=examples,
                stateful_step_count=30,
                deadline=None,
                database=None,
                derandomize=examples < 1000,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_no_history_is_forbidden(in_memory: Flask) -> None:
    try_histories(in_memory, 300)


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_none_of_ten_thousand_histories_is_forbidden(in_memory: Flask) -> None:
    try_histories(in_memory, 10_000)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_history_is_forbidden_on_either_database(app: Flask) -> None:
    try_histories(app, 300)

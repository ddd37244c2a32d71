"""What a person does with one task: the move or the wish, its event, who is first, and what is refused and why."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from models import scope
from models.claim import Claim, Fenced, end
from models.columns import now
from models.database import reading, writing
from models.errors import Conflict, InvalidInput, NotFound
from models.event import Event
from models.states import MOVES, TERMINAL, Move, State
from models.step import CUT_OFF, Step, StepState
from models.task import Task
from models.workspace import Artifact, Workspace
from tasks import live
from tasks.control import one_task as control
from tasks.control.questions import answer
from tasks.queueing import waking
from tests.support.factories import make_artifact, make_task


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The wake-ups that are sent, as queue and task; no broker is asked."""
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(waking, "send_wake_up", lambda queue, task_id: sent.append((queue, task_id)))
    return sent


@pytest.fixture(autouse=True)
def wished(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks whose runs were told to look at once."""
    told: list[str] = []
    monkeypatch.setattr(live, "wish", told.append)
    return told


def new(state: State = State.QUEUED, done: int = 0, **values: Any) -> str:
    with writing() as session:
        return make_task(session, state, done, **values).id


def waiting() -> tuple[str, str]:
    """A task that asks about its third step, and the step's id."""
    with writing() as session:
        task = make_task(session, State.WAITING, 2)
        assert task.question is not None
        session.execute(update(Step).where(Step.id == task.question["step"]).values(tool="drill.note_once"))
        return task.id, str(task.question["step"])


def row(task_id: str) -> Task:
    with reading() as session:
        return session.scalars(select(Task).where(Task.id == task_id)).one()


def steps(task_id: str) -> list[Step]:
    with reading() as session:
        return list(session.scalars(select(Step).where(Step.task_id == task_id).order_by(Step.position, Step.epoch)))


def last(task_id: str) -> Event:
    with reading() as session:
        of_task = select(Event).where(Event.subject_id == task_id).order_by(Event.number.desc()).limit(1)
        return session.scalars(of_task).one()


def count_events(task_id: str) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Event).where(Event.subject_id == task_id)) or 0


@pytest.mark.parametrize("state", [State.QUEUED, State.WAITING, State.PAUSED])
def test_what_no_run_has_is_cancelled_at_once(alone: Flask, state: State, wished: list[str]) -> None:
    task_id = new(state, waits_until=now() + timedelta(hours=1))
    with scope.acting("person:bob", str(scope.current().tenant)):
        control.cancel(task_id)
    task = row(task_id)
    assert (task.state, task.waits_until, wished) == (State.CANCELLED, None, [])
    assert task.finished_at is not None
    event = last(task_id)
    assert (event.kind, event.author, event.number) == ("task.cancelled", "person:bob", task.event_count)


def test_a_run_is_asked_to_end_and_is_told_at_once(alone: Flask, wished: list[str]) -> None:
    task_id = new(State.RUNNING)
    control.cancel(task_id)
    task = row(task_id)
    assert task.state == State.RUNNING
    assert task.cancel_requested_at is not None
    assert (last(task_id).kind, wished) == ("task.cancel_requested", [task_id])


def test_asking_again_writes_nothing(alone: Flask, wished: list[str]) -> None:
    running, queued = new(State.RUNNING), new()
    for act in (control.pause, control.cancel):
        for _ in range(2):
            act(running)
    control.cancel(queued)
    before = count_events(running), count_events(queued)
    control.cancel(running)
    control.cancel(queued)
    assert (count_events(running), count_events(queued)) == before
    assert wished == [running, running]


def test_a_step_that_was_cut_is_closed_by_the_cancellation(alone: Flask) -> None:
    task_id, _ = waiting()
    control.cancel(task_id)
    assert [(step.state, step.error_code) for step in steps(task_id)][-1] == (StepState.FAILED, CUT_OFF)


def test_a_queued_task_is_paused_at_once_and_goes_back_to_its_queue(alone: Flask, woken: list[tuple[str, str]]) -> None:
    task_id = new()
    control.pause(task_id)
    assert (row(task_id).state, last(task_id).kind) == (State.PAUSED, "task.paused")
    control.pause(task_id)
    control.resume(task_id)
    assert (row(task_id).state, last(task_id).kind) == (State.QUEUED, "task.resumed")
    assert woken == [("complexity.3", task_id)]


def test_a_paused_task_whose_time_has_not_come_wakes_nobody(alone: Flask, woken: list[tuple[str, str]]) -> None:
    task_id = new(State.PAUSED, waits_until=now() + timedelta(hours=1))
    assert control.resume(task_id).published_at is None
    assert woken == []


def test_a_running_task_is_asked_to_pause_and_the_wish_can_be_taken_back(alone: Flask, wished: list[str]) -> None:
    task_id = new(State.RUNNING)
    control.pause(task_id)
    assert row(task_id).pause_requested_at is not None
    control.resume(task_id)
    assert (row(task_id).pause_requested_at, last(task_id).kind) == (None, "task.pause_withdrawn")
    control.pause(task_id, now=True)
    assert (row(task_id).stop_requested_at is not None, last(task_id).kind) == (True, "task.stop_requested")
    with pytest.raises(Conflict, match="cannot resume task: it is running"):
        control.resume(task_id)


REFUSALS: list[tuple[Callable[[str], Task], State, str]] = [
    (control.cancel, State.SUCCEEDED, "cannot cancel task: it has succeeded; there is nothing left to cancel"),
    (control.pause, State.FAILED, "cannot pause task: it has failed"),
    (control.pause, State.WAITING, "cannot pause task: it waits for a person's answer; answer it or cancel the task"),
    (control.resume, State.CANCELLED, "cannot resume task: it was cancelled; retry or replay it"),
    (control.retry, State.SUCCEEDED, "cannot retry task: it has succeeded; replay it from a step, or clone it"),
    (control.retry, State.PAUSED, "cannot retry task: it is paused; resume it"),
    (control.dismiss, State.CANCELLED, "cannot dismiss task: it was cancelled; only what failed is a dead letter"),
]


@pytest.mark.parametrize(
    ("act", "state", "said"), REFUSALS, ids=[f"{act.__name__} {state}" for act, state, _ in REFUSALS]
)
def test_what_the_state_does_not_allow_is_refused_with_the_cure(
    alone: Flask, act: Callable[[str], Task], state: State, said: str
) -> None:
    task_id = new(state)
    before = count_events(task_id)
    with pytest.raises(Conflict) as refused:
        act(task_id)
    assert refused.value.message.startswith(said)
    assert refused.value.details["state"] == state
    assert (row(task_id).state, count_events(task_id)) == (state, before)


def test_pausing_what_is_to_be_cancelled_is_refused(alone: Flask) -> None:
    task_id = new(State.RUNNING)
    control.cancel(task_id)
    with pytest.raises(Conflict, match="its cancellation was asked for"):
        control.pause(task_id)


def test_a_task_of_another_tenant_is_not_found(alone: Flask) -> None:
    task_id = new()
    with scope.acting("person:charlie", "other"), pytest.raises(NotFound):
        control.cancel(task_id)
    assert row(task_id).state == State.QUEUED


def failed(snapshot: str = "after-two") -> str:
    """A task that failed at its third step; its workspace is as the failed step left it."""
    with writing() as session:
        task = make_task(
            session, State.FAILED, 2, dead_letter_at=now(), attempts=3, losses=2, deadline_at=now() - timedelta(1)
        )
        session.add(Workspace(task_id=task.id, store="local", folder="w", snapshot="after-three"))
        for step in session.scalars(select(Step).where(Step.task_id == task.id)):
            step.snapshot_before, step.snapshot = f"before-{step.key}", f"after-{step.key}"
        return task.id


def snapshot(task_id: str) -> str | None:
    with reading() as session:
        return session.scalar(select(Workspace.snapshot).where(Workspace.task_id == task_id))


def test_a_retry_goes_on_at_the_step_that_failed(alone: Flask, woken: list[tuple[str, str]]) -> None:
    task_id = failed()
    control.retry(task_id)
    task = row(task_id)
    assert (task.state, task.epoch, task.steps_done, task.stage) == (State.QUEUED, 2, 2, "test")
    assert (task.attempts, task.losses, task.error_code, task.error_message) == (0, 0, None, None)
    assert (task.finished_at, task.dead_letter_at, task.deadline_at) == (None, None, None)
    assert [step.superseded_at is None for step in steps(task_id)] == [True, True, False]
    assert snapshot(task_id) == "before-check"
    event = last(task_id)
    assert (event.kind, event.data["from_step"], event.data["kept"], event.data["how"]) == (
        "task.reopened", "check", 2, "retry"
    )  # fmt: skip
    assert woken == [("complexity.3", task_id)]


@pytest.mark.parametrize("named", ["measure", 2, "2"])
def test_a_replay_goes_on_at_the_step_that_was_named(alone: Flask, named: str | int) -> None:
    task_id = new(State.SUCCEEDED)
    control.replay(task_id, named)
    assert [step.superseded_at is None for step in steps(task_id)] == [True, False, False, False, False]
    assert len({step.superseded_at for step in steps(task_id)} - {None}) == 1
    assert (row(task_id).steps_done, last(task_id).data["how"]) == (1, "replay")


def test_a_replay_from_an_unknown_step_names_those_that_there_are(alone: Flask) -> None:
    task_id = new(State.SUCCEEDED)
    with pytest.raises(InvalidInput) as refused:
        control.replay(task_id, "nope")
    assert refused.value.problems[0]["path"] == "from_step"
    assert "plan, measure, check, draw, report" in refused.value.problems[0]["message"]
    assert row(task_id).state == State.SUCCEEDED


def test_only_what_has_ended_is_replayed(alone: Flask) -> None:
    task_id = new(State.RUNNING)
    with pytest.raises(Conflict, match="cannot replay task: it is running; wait for its end or cancel it"):
        control.replay(task_id, 1)


def test_a_step_without_a_snapshot_starts_from_what_an_earlier_one_left(alone: Flask) -> None:
    task_id = failed()
    with writing() as session:
        session.execute(update(Step).where(Step.task_id == task_id, Step.key == "check").values(snapshot_before=None))
        session.execute(update(Step).where(Step.task_id == task_id, Step.key == "measure").values(snapshot=None))
    control.retry(task_id)
    assert snapshot(task_id) == "before-measure"


def test_a_first_step_without_a_snapshot_starts_from_what_a_later_one_started_from(alone: Flask) -> None:
    task_id = failed()
    with writing() as session:
        first = update(Step).where(Step.task_id == task_id, Step.key == "plan")
        session.execute(first.values(snapshot_before=None, snapshot=None))
    control.replay(task_id, "plan")
    assert snapshot(task_id) == "before-measure"


def test_a_task_that_failed_before_its_first_step_is_retried_from_the_start(alone: Flask) -> None:
    task_id = new(State.FAILED, error_message="cannot begin")
    control.retry(task_id)
    assert (row(task_id).state, row(task_id).steps_done, steps(task_id)) == (State.QUEUED, 0, [])


def test_artifacts_of_repeated_steps_go(alone: Flask) -> None:
    with writing() as session:
        task = make_task(session, State.SUCCEEDED)
        made = list(session.scalars(select(Step).where(Step.task_id == task.id).order_by(Step.position)))
        session.add(Workspace(task_id=task.id, store="local", folder="w"))
        make_artifact(session, task, made[0], "output/plan.csv")
        make_artifact(session, task, made[3], "output/draw.csv")
        make_artifact(session, task, made[4], "output/measure.csv")
    control.replay(task.id, "check")
    with reading() as session:
        found = session.scalars(select(Artifact).where(Artifact.task_id == task.id).order_by(Artifact.path)).all()
    assert [(each.path, each.step_id) for each in found] == [
        ("output/measure.csv", made[1].id), ("output/plan.csv", made[0].id)
    ]  # fmt: skip


def test_a_step_that_must_not_happen_twice_and_was_cut_is_left_for_the_run_to_ask(alone: Flask) -> None:
    task_id, step_id = waiting()
    control.cancel(task_id)
    control.retry(task_id)
    cut = steps(task_id)[-1]
    assert (cut.id, cut.state, cut.superseded_at, cut.error_code) == (step_id, StepState.STARTED, None, None)
    control.cancel(task_id)
    control.replay(task_id, "check")
    assert steps(task_id)[-1].superseded_at is not None


def test_a_step_that_a_cancellation_cut_short_is_in_doubt_too(alone: Flask) -> None:
    task_id, step_id = waiting()
    control.cancel(task_id)
    with writing() as session:
        session.execute(update(Step).where(Step.id == step_id).values(error_code="cancelled"))
    control.retry(task_id)
    assert steps(task_id)[-1].state == StepState.STARTED


def test_a_dead_letter_is_dismissed_once(alone: Flask) -> None:
    task_id = failed()
    control.dismiss(task_id)
    assert (row(task_id).state, row(task_id).dead_letter_at, last(task_id).kind) == (
        State.FAILED, None, "task.dismissed"
    )  # fmt: skip
    before = count_events(task_id)
    control.dismiss(task_id)
    assert count_events(task_id) == before


def test_the_answer_retry_takes_the_step_away_and_queues_the_task(alone: Flask, woken: list[tuple[str, str]]) -> None:
    task_id, _ = waiting()
    answer(task_id, "retry")
    task = row(task_id)
    assert (task.state, task.question, len(steps(task_id))) == (State.QUEUED, None, 2)
    assert (last(task_id).kind, last(task_id).data["choice"], last(task_id).data["key"]) == (
        "task.answered", "retry", "check"
    )  # fmt: skip
    assert woken == [("complexity.3", task_id)]


def test_the_answer_done_keeps_the_step_as_finished(alone: Flask) -> None:
    task_id, step_id = waiting()
    answer(task_id, "done", step_id)
    step = steps(task_id)[-1]
    assert (step.id, step.state, step.output) == (step_id, StepState.SUCCEEDED, {"answered": "done"})
    assert (row(task_id).state, row(task_id).steps_done) == (State.QUEUED, 3)


def test_the_answer_fail_ends_the_task_with_the_reason(alone: Flask) -> None:
    task_id, _ = waiting()
    answer(task_id, "fail")
    task = row(task_id)
    assert (task.state, task.error_code, task.dead_letter_at) == (State.FAILED, "answered", None)
    assert (steps(task_id)[-1].state, last(task_id).kind, last(task_id).number) == (
        StepState.FAILED, "task.failed", task.event_count
    )  # fmt: skip


def test_a_retry_of_a_task_that_asks_is_the_answer_retry(alone: Flask) -> None:
    task_id, _ = waiting()
    control.retry(task_id)
    assert (row(task_id).state, last(task_id).kind) == (State.QUEUED, "task.answered")


def test_an_answer_to_an_older_question_or_a_wrong_one_changes_nothing(alone: Flask) -> None:
    task_id, _ = waiting()
    with pytest.raises(Conflict, match="another step"):
        answer(task_id, "done", "0193f000-0000-7000-8000-000000000000")
    with pytest.raises(InvalidInput, match="cannot answer task"):
        answer(task_id, "perhaps")
    answer(task_id, "retry")
    with pytest.raises(Conflict, match="somebody has answered already"):
        answer(task_id, "done")


def together(app: Flask, *acts: Callable[[], Any]) -> list[Any]:
    """What each returned or raised; all begin at the same moment."""
    tenant = str(scope.current().tenant)
    gate, found = threading.Barrier(len(acts)), [None] * len(acts)

    def run(index: int, act: Callable[[], Any]) -> None:
        with app.app_context(), scope.acting(f"person:{index}", tenant):
            gate.wait()
            try:
                found[index] = act()
            except (Conflict, Fenced) as error:
                found[index] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(index, act)) for index, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_two_cancellations_one_is_written(alone: Flask) -> None:
    task_id = new()
    before = count_events(task_id)
    assert [task.state for task in together(alone, *[lambda: control.cancel(task_id)] * 4)] == ["cancelled"] * 4
    assert count_events(task_id) == before + 1


def test_of_two_retries_one_opens_the_task(alone: Flask) -> None:
    task_id = failed()
    found = together(alone, *[lambda: control.retry(task_id)] * 4)
    assert sum(isinstance(each, Conflict) for each in found) == 3
    assert row(task_id).epoch == 2


def test_of_two_answers_the_first_counts(alone: Flask) -> None:
    task_id, _ = waiting()
    found = together(alone, lambda: answer(task_id, "done"), lambda: answer(task_id, "fail"))
    lost = [isinstance(each, Conflict) for each in found]
    assert sorted(lost) == [False, True]
    assert row(task_id).state == (State.FAILED if lost[0] else State.QUEUED)


def test_a_cancellation_and_a_finish_agree_who_was_first(alone: Flask) -> None:
    task_id = new(State.RUNNING)
    task = row(task_id)
    mine = Claim(task.id, task.tenant, task.run_number, task.epoch, "scout", task.queue, task)

    def finish() -> None:
        with writing() as session:
            end(session, mine, Move.SUCCEED, "succeeded", finished_at=now())

    cancelled, finished = together(alone, lambda: control.cancel(task_id), finish)
    after = row(task_id)
    # Whoever is first wins: a finish refuses the cancellation, and a wish that stands refuses the finish.
    assert isinstance(cancelled, Conflict) == (after.state == State.SUCCEEDED)
    assert isinstance(finished, Fenced) == (after.cancel_requested_at is not None)


ACTS: dict[str, Callable[[str], Any]] = {
    "cancel": control.cancel,
    "pause": control.pause,
    "pause now": lambda task_id: control.pause(task_id, now=True),
    "resume": control.resume,
    "retry": control.retry,
    "replay": lambda task_id: control.replay(task_id, 1),
    "dismiss": control.dismiss,
    "answer": lambda task_id: answer(task_id, "done"),
}


@tries(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(begun=st.sampled_from(list(State)), wanted=st.lists(st.sampled_from(list(ACTS)), min_size=1, max_size=8))
def test_no_sequence_of_acts_leaves_the_moves(alone: Flask, begun: State, wanted: list[str]) -> None:
    task_id = waiting()[0] if begun is State.WAITING else new(begun, 1)
    allowed = {(source, target) for sources, target in MOVES.values() for source in sources}
    for name in wanted:
        before = row(task_id)
        try:
            ACTS[name](task_id)
        except (Conflict, InvalidInput):
            assert row(task_id).event_count == before.event_count
            continue
        after = row(task_id)
        assert before.state == after.state or (before.state, after.state) in allowed
        assert (after.finished_at is not None) == (after.state in TERMINAL)
        assert after.epoch - before.epoch == (before.state in TERMINAL and after.state not in TERMINAL)
        assert count_events(task_id) == after.event_count

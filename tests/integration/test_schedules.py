"""Each time of a schedule becomes one task at most: whoever fires, however often, whatever dies in between."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from models import scope
from models.columns import clock
from models.database import db, reading, writing
from models.errors import Conflict, InvalidInput, NotFound
from models.event import Event
from models.schedule import Firing, Missed, Outcome, Overlap, Schedule
from models.states import State
from models.task import Task
from tasks.orders import submission
from tasks.orders.submission import Order
from tasks.scheduling import firing, schedules
from tasks.scheduling.schedules import Wanted

PLAYBOOK = '{"name": "look", "title": "Look", "steps": [{"stage": "build", "tool": "files.list"}]}'
HOURLY = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture(autouse=True)
def _without_a_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is published does not matter here; trying to would only take time."""
    monkeypatch.setattr(submission, "publish", lambda *_: True)
    yield


def made(**wanted: object) -> Schedule:
    """An hourly schedule, unless something else is wanted."""
    known: dict[str, object] = {"name": "look", "order": Order(playbook=PLAYBOOK), "repeats": "interval", "rule": "1 h"}
    return schedules.create(Wanted(**{**known, **wanted}))  # type: ignore[arg-type]


def overdue(schedule: Schedule, by: timedelta) -> datetime:
    """Make the schedule due since then; returns the time."""
    with writing() as session:
        due = clock(session.connection()) - by
        session.execute(update(Schedule).where(Schedule.id == schedule.id).values(next_at=due))
    return due


def fire() -> int:
    with scope.wide("system:reconciler"):
        return firing.fire_due()


def tasks() -> list[Task]:
    with scope.acting("person:alice"), reading() as session:
        return list(session.scalars(select(Task).order_by(Task.number)))


def outcomes() -> list[tuple[Outcome, datetime]]:
    with scope.acting("person:alice"), reading() as session:
        found = session.scalars(select(Firing).order_by(Firing.due_at))
        return [(Outcome(each.outcome), each.due_at) for each in found]


def end(task: Task) -> None:
    with writing() as session:
        session.execute(update(Task).where(Task.id == task.id).values(state=State.SUCCEEDED))


def test_time_that_has_come_becomes_one_task_of_the_schedules_author() -> None:
    schedule = made()
    due = overdue(schedule, timedelta(seconds=3))
    assert [fire(), fire()] == [1, 0]
    (task,) = tasks()
    assert (task.author, task.schedule_id, task.state) == ("person:alice", schedule.id, State.QUEUED)
    assert outcomes() == [(Outcome.SUBMITTED, due)]
    after = schedules.find(schedule.id)
    assert (after.last_at, after.next_at) == (due, due + HOURLY)


def test_time_to_come_fires_nothing() -> None:
    made()
    assert fire() == 0
    assert tasks() == []


def test_eight_firers_at_once_make_one_task_for_each_of_five_times(app: Flask) -> None:
    for number in range(5):
        overdue(made(name=f"look {number}"), timedelta(seconds=3))
    together, done = threading.Barrier(8), []

    def go() -> None:
        with app.app_context():
            together.wait()
            done.append(fire())
            db.session.remove()

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sum(done) == 5
    assert len({task.schedule_id for task in tasks()}) == len(tasks()) == 5


def test_crash_before_the_commit_leaves_the_time_to_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    overdue(made(), timedelta(seconds=3))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(firing, "_forget", _cut_off)
        fire()
    assert (tasks(), outcomes()) == ([], [])
    assert fire() == 1
    assert len(tasks()) == 1


def test_crash_between_commit_and_wake_up_makes_no_second_task(monkeypatch: pytest.MonkeyPatch) -> None:
    overdue(made(), timedelta(seconds=3))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(submission, "publish", _cut_off)
        fire()
    assert fire() == 0
    assert len(tasks()) == 1


def test_firing_that_is_there_already_makes_no_task_though_the_time_was_put_back() -> None:
    schedule = made()
    due = overdue(schedule, timedelta(seconds=3))
    fire()
    with writing() as session:
        session.execute(update(Schedule).where(Schedule.id == schedule.id).values(next_at=due))
    assert fire() == 0
    assert len(tasks()) == 1
    assert schedules.find(schedule.id).next_at == due + HOURLY


def _cut_off(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("missed, expected", [(Missed.SKIP, 0), (Missed.ONE, 1)])
def test_times_missed_for_a_day_are_skipped_or_made_up_for_once(missed: Missed, expected: int) -> None:
    schedule = made(missed=missed)
    due = overdue(schedule, timedelta(hours=24, minutes=30))
    assert [fire(), fire()] == [1, 0]
    assert len(tasks()) == expected
    next_at = schedules.find(schedule.id).next_at
    assert next_at == due + 25 * HOURLY


def test_each_missed_time_becomes_a_task_where_all_are_wanted() -> None:
    due = overdue(made(missed=Missed.ALL, overlap=Overlap.ALLOW), timedelta(hours=3, minutes=30))
    assert [fire() for _ in range(5)] == [1, 1, 1, 1, 0]
    assert len(tasks()) == 4
    assert outcomes() == [(Outcome.SUBMITTED, due + number * HOURLY) for number in range(4)]


def test_of_very_many_missed_times_only_the_last_are_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "MOST_CAUGHT_UP", 2)
    due = overdue(made(missed=Missed.ALL, overlap=Overlap.ALLOW), timedelta(hours=9, minutes=30))
    while fire():
        pass
    assert outcomes() == [
        (Outcome.MISSED, due),
        (Outcome.SUBMITTED, due + 8 * HOURLY),
        (Outcome.SUBMITTED, due + 9 * HOURLY),
    ]


def test_one_time_is_fired_once_though_it_was_missed() -> None:
    with reading() as session:
        soon = clock(session.connection()) + timedelta(days=1)
    schedule = made(repeats="once", rule=soon.isoformat())
    due = overdue(schedule, timedelta(hours=2))
    with writing() as session:
        session.execute(update(Schedule).where(Schedule.id == schedule.id).values(rule=due.isoformat()))
    assert [fire(), fire()] == [1, 0]
    assert len(tasks()) == 1
    assert schedules.state_of(schedules.find(schedule.id)) == "ended"


@pytest.mark.parametrize(
    "overlap, expected",
    [
        (Overlap.ALLOW, [State.QUEUED, State.QUEUED]),
        (Overlap.SKIP, [State.QUEUED]),
        (Overlap.REPLACE, [State.CANCELLED, State.QUEUED]),
    ],
)
def test_task_of_the_time_before_that_has_not_ended(overlap: Overlap, expected: list[State]) -> None:
    schedule = made(overlap=overlap)
    overdue(schedule, timedelta(seconds=30))
    fire()
    overdue(schedule, timedelta(seconds=3))
    assert fire() == 1
    assert [task.state for task in tasks()] == expected


def test_task_that_outlives_very_many_times_still_stands_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "LOOKED_AT", 2)
    monkeypatch.setattr(firing, "KEPT", 3)
    schedule = made(overlap=Overlap.SKIP)
    for seconds in range(30, 24, -1):
        overdue(schedule, timedelta(seconds=seconds))
        fire()
    assert len(tasks()) == 1
    assert {outcome for outcome, _ in outcomes()} == {Outcome.OVERLAPPED}


def test_ended_task_stands_in_nobodys_way() -> None:
    schedule = made(overlap=Overlap.SKIP)
    overdue(schedule, timedelta(seconds=30))
    fire()
    end(tasks()[0])
    overdue(schedule, timedelta(seconds=3))
    fire()
    assert [task.state for task in tasks()] == [State.SUCCEEDED, State.QUEUED]


def test_order_that_is_wrong_by_now_is_refused_and_the_schedule_goes_on() -> None:
    schedule = made()
    with writing() as session:
        broken = {"template": "no-such-template"}
        session.execute(update(Schedule).where(Schedule.id == schedule.id).values(order=broken))
    overdue(schedule, timedelta(seconds=3))
    assert [fire(), fire()] == [1, 0]
    assert tasks() == []
    with reading() as session:
        (refused,) = session.scalars(select(Firing))
    assert refused.outcome == Outcome.REFUSED
    assert "there is no such template" in refused.reason


def test_schedule_that_cannot_be_fired_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    lost, broken, good = made(name="lost", repeats="cron", rule="0 * * * *"), made(name="broken"), made(name="good")
    for schedule in (lost, broken, good):
        overdue(schedule, timedelta(seconds=3))
    with writing() as session:
        session.execute(update(Schedule).where(Schedule.id == lost.id).values(time_zone="Mars/Olympus"))

    def prepare(order: Order, schedule_id: str) -> submission.Prepared:
        if schedule_id == broken.id:
            raise PermissionError("cannot read /mnt/gone")
        return submission.prepare(order, schedule_id)

    monkeypatch.setattr(firing, "prepare", prepare)
    assert [fire(), fire()] == [3, 0]
    assert [task.schedule_id for task in tasks()] == [good.id]
    with reading() as session:
        reasons = dict(session.execute(select(Firing.schedule_id, Firing.reason)).all())
    assert "does not know the time zone Mars/Olympus" in reasons[lost.id]
    assert "cannot read /mnt/gone" in reasons[broken.id]


def test_paused_schedule_fires_nothing_and_goes_on_from_now() -> None:
    schedule = made()
    schedules.pause(schedule.id)
    assert schedules.find(schedule.id).next_at is None
    with pytest.raises(Conflict, match="it is paused"):
        schedules.pause(schedule.id)
    before = schedules.next_times(made(name="beside"))[0]
    assert schedules.resume(schedule.id).next_at >= before - timedelta(minutes=1)
    with reading() as session:
        kinds = session.scalars(select(Event.kind).where(Event.subject_id == schedule.id).order_by(Event.number))
        assert list(kinds) == ["schedule.created", "schedule.paused", "schedule.resumed"]


def test_run_now_is_beside_the_schedules_own_times() -> None:
    schedule = made()
    task = schedules.run_now(schedule.id)
    assert (task.schedule_id, schedules.find(schedule.id).next_at) == (schedule.id, schedule.next_at)
    assert [outcome for outcome, _ in outcomes()] == [Outcome.SUBMITTED]


def test_deleted_schedule_takes_its_firings_and_leaves_its_tasks() -> None:
    schedule = made()
    schedules.run_now(schedule.id)
    schedules.remove(schedule.id)
    assert outcomes() == []
    assert len(tasks()) == 1
    with pytest.raises(NotFound):
        schedules.find(schedule.id)


def test_changed_rule_counts_from_now_and_a_changed_name_leaves_the_next_time() -> None:
    schedule = made()
    renamed = schedules.change(schedule.id, Wanted("other", Order(playbook=PLAYBOOK), "interval", "3600"))
    assert (renamed.name, renamed.next_at) == ("other", schedule.next_at)
    changed = schedules.change(schedule.id, Wanted("other", Order(playbook=PLAYBOOK), "interval", "2 days"))
    assert changed.next_at > schedule.next_at + timedelta(days=1)


def test_schedule_that_is_paused_while_somebody_changes_it_stays_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule, checked = made(), schedules._checked

    def and_pause(*arguments: object) -> object:
        found = checked(*arguments)  # type: ignore[arg-type]
        schedules.pause(schedule.id)
        return found

    monkeypatch.setattr(schedules, "_checked", and_pause)
    after = schedules.change(schedule.id, Wanted("look", Order(playbook=PLAYBOOK), "interval", "2 h"))
    assert (after.next_at, schedules.state_of(after)) == (None, "paused")


def test_every_wrong_field_is_named_with_its_cure() -> None:
    wanted = Wanted(" ", Order(template="none", delay="5 min"), "cron", "* * *", missed="perhaps")
    with pytest.raises(InvalidInput) as refused:
        schedules.create(wanted)
    paths = {problem["path"] for problem in refused.value.problems}
    assert paths == {"name", "missed", "rule", "order.delay", "order.template"}


def test_name_that_is_taken_is_refused() -> None:
    made()
    with pytest.raises(InvalidInput) as refused:
        made()
    assert [problem["path"] for problem in refused.value.problems] == ["name"]


def test_only_the_newest_firings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "KEPT", 3)
    schedule = made(overlap=Overlap.ALLOW)
    for seconds in range(20, 10, -1):
        overdue(schedule, timedelta(seconds=seconds))
        fire()
    assert len(outcomes()) == 3


def test_tenants_schedule_makes_its_tenants_task() -> None:
    with scope.acting("person:bob", "other"):
        schedule = made()
    with scope.wide("system:test"), writing() as session:
        session.execute(update(Schedule).values(next_at=clock(session.connection())))
    fire()
    assert tasks() == []
    with scope.acting("person:bob", "other"), reading() as session:
        (task,) = session.scalars(select(Task))
    assert (task.author, task.schedule_id) == ("person:bob", schedule.id)

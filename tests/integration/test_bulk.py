"""Many tasks at once: how many there would be, done in bounded calls, and going on where a call broke off."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from models import scope
from models.columns import now
from models.database import reading, writing
from models.errors import InvalidInput
from models.event import Event
from models.states import State
from models.task import Task
from models.task_list import Filters
from tasks.control import bulk
from tasks.queueing import waking
from tests.support.factories import make_task


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The wake-ups that are sent, as queue and task; no broker is asked."""
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(waking, "send_wake_up", lambda queue, task_id: sent.append((queue, task_id)))
    return sent


@pytest.fixture
def tasks(alone: Flask) -> list[str]:
    """Three tasks in each state, three dead letters more; all have a complexity of their own place."""
    with writing() as session:
        made = [make_task(session, state, complexity=1 + n) for state in State for n in range(3)]
        session.execute(update(Task).values(dead_letter_at=None))
        made += [make_task(session, State.FAILED, dead_letter_at=now(), title=f"Broken {n}") for n in range(3)]
        return [task.id for task in made]


def states() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(Task.state).order_by(Task.number)))


def all_of(action: str, filters: Filters, limit: int = 2) -> list[bulk.Progress]:
    """Every call that it takes."""
    calls = [bulk.perform(action, filters, limit)]
    while calls[-1].cursor:
        calls.append(bulk.perform(action, filters, limit, calls[-1].cursor))
    return calls


@pytest.mark.parametrize(
    ("action", "filters", "count"),
    [
        ("cancel", Filters(), 12),
        ("cancel", Filters(state=State.QUEUED), 3),
        ("cancel", Filters(complexity=2), 4),
        ("cancel", Filters(agent="scout", complexity=2), 3),
        ("cancel", Filters(state=State.SUCCEEDED), 0),
        ("pause", Filters(), 6),
        ("resume", Filters(), 3),
        ("retry", Filters(), 9),
        ("retry", Filters(dead_letters=True), 3),
        ("retry", Filters(q="broken"), 3),
        ("retry", Filters(q="broken", state=State.CANCELLED), 0),
        ("dismiss", Filters(), 3),
        ("dismiss", Filters(state=State.FAILED, agent="scout", q="broken"), 3),
        ("cancel", Filters(q="..."), 0),
    ],
)
def test_a_preview_counts_what_is_then_done(tasks: list[str], action: str, filters: Filters, count: int) -> None:
    before = states()
    preview = bulk.preview(action, filters)
    assert (preview.count, preview.is_more, len(preview.examples)) == (count, False, min(count, 5))
    assert states() == before
    calls = all_of(action, filters)
    assert sum(call.done for call in calls) == count
    assert [call.left for call in calls] == [max(0, count - 2 * n) for n in range(1, len(calls) + 1)]


def test_a_count_is_bounded(tasks: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "COUNTED", 4)
    preview = bulk.preview("cancel", Filters())
    assert (preview.count, preview.is_more, preview.in_words) == (5, True, "more than 4 tasks")


def test_what_comes_after_the_first_call_is_left_alone(tasks: list[str]) -> None:
    first = bulk.perform("cancel", Filters(state=State.QUEUED), 1)
    with writing() as session:
        late = make_task(session).id
    while first.cursor:
        first = bulk.perform("cancel", Filters(state=State.QUEUED), 1, first.cursor)
    with reading() as session:
        assert session.scalar(select(Task.state).where(Task.id == late)) == State.QUEUED


def test_wishes_are_not_asked_for_twice(tasks: list[str]) -> None:
    all_of("cancel", Filters(state=State.RUNNING))
    assert bulk.preview("cancel", Filters(state=State.RUNNING)).count == 0
    assert bulk.preview("pause", Filters(state=State.RUNNING)).count == 0


def test_a_task_that_moved_meanwhile_is_refused_and_the_others_are_done(
    tasks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = bulk.page

    def page_and_then(*arguments: Any) -> Any:
        found = listed(*arguments)
        with writing() as session:
            session.execute(update(Task).where(Task.id == found.tasks[0].id).values(state=State.SUCCEEDED))
        return found

    monkeypatch.setattr(bulk, "page", page_and_then)
    done = bulk.perform("pause", Filters(state=State.QUEUED), 10)
    assert (done.done, done.refused, done.left) == (2, 1, 0)
    assert done.reasons == {"cannot pause task: it has succeeded; only what still runs can be paused": 1}


def test_one_that_cannot_be_done_leaves_no_half_of_it(tasks: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    begun = bulk.ACTIONS["dismiss"].do

    def half(session: Any, task: Task) -> Task:
        begun(session, task)
        raise bulk.Conflict("cannot dismiss task: it moved")

    monkeypatch.setitem(bulk.ACTIONS, "dismiss", bulk.replace(bulk.ACTIONS["dismiss"], do=half))
    assert bulk.perform("dismiss", Filters()).reasons == {"cannot dismiss task: it moved": 3}
    assert bulk.preview("retry", Filters(dead_letters=True)).count == 3


def test_each_task_has_its_event_and_its_author(tasks: list[str]) -> None:
    with scope.acting("person:bob", str(scope.current().tenant)):
        all_of("cancel", Filters(state=State.QUEUED))
    with reading() as session:
        authors = session.scalars(
            select(Event.author).where(Event.kind == "task.cancelled", Event.author != "person:alice")
        )
        assert list(authors) == ["person:bob"] * 3


def test_a_broker_that_is_away_is_asked_once_and_the_rest_is_left_to_the_reconciler(
    tasks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def away(queue: str, task_id: str) -> None:
        asked.append(task_id)
        raise ConnectionError("nobody there")

    monkeypatch.setattr(waking, "send_wake_up", away)
    bulk.perform("retry", Filters(dead_letters=True))
    assert len(asked) == 1
    with reading() as session:
        again = select(Task.id).where(Task.published_at.is_(None), Task.title.like("Broken%"))
        assert len(session.scalars(again).all()) == 3


def test_other_tenants_are_not_touched(tasks: list[str]) -> None:
    with scope.acting("person:charlie", "other"):
        assert bulk.preview("cancel", Filters(state=State.RUNNING)).count == 0
        assert bulk.perform("cancel", Filters()).done == 0


@pytest.mark.parametrize(("action", "limit"), [("delete", 10), ("cancel", 0), ("cancel", 201)])
def test_a_wrong_action_or_limit_is_named(tasks: list[str], action: str, limit: int) -> None:
    with pytest.raises(InvalidInput):
        bulk.perform(action, Filters(), limit)

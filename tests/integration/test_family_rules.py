"""What holds in a family, on both databases: bounds, ends that go on, wishes that reach all, channel, shared folder."""

import io
import json
import socket
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

import settings
from models import scope
from models.claim import Fenced
from models.columns import new_id, now
from models.database import reading, writing
from models.errors import Conflict, InvalidInput
from models.event import Event
from models.plan import Plan
from models.shared_file import SharedFile
from models.states import State
from models.task import Task
from models.workspace import Upload
from settings import Settings
from tasks import live
from tasks.control import one_task as control
from tasks.control import questions
from tasks.family import bounds, channel, ends, handed, shared
from tasks.family.asker import Asker
from tasks.family.children import children_of
from tasks.family.shared import Shared
from tasks.family.tree import members
from tasks.keeping import leftovers, retention
from tasks.queueing import waking
from tasks.reconcile.due import fail_late
from tests.support.factories import make_agent, make_task
from tools.workspace import Workspace

pytestmark = pytest.mark.usefixtures("app")
ON_EITHER = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True
)
"""What the kind of database hardly matters for."""
WHOLE = {"name": "whole", "title": "", "steps": [{"stage": "build", "tool": "team.delegate"}]}
PLAN = {"name": "one", "title": "", "steps": [{"stage": "build", "tool": "files.list"}]}


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks whose queues were woken; no broker is asked."""
    sent: list[str] = []
    monkeypatch.setattr(waking, "send_wake_up", lambda _queue, task_id: sent.append(task_id))
    monkeypatch.setattr("tasks.orders.submission.publish", lambda *_: True)
    monkeypatch.setattr(live, "wish", lambda _task_id: None)
    return sent


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspaces", "mine")


def new(state: State = State.QUEUED, parent: Task | None = None, **values: Any) -> Task:
    """A task, or a part of that one."""
    if parent is not None:
        above = {"parent_id": parent.id, "root_id": parent.root_id or parent.id, "depth": parent.depth + 1}
        values = above | values
    with writing() as session:
        if parent is not None and parent.root_id is None:
            parent.root_id = parent.id
            session.execute(update(Task).where(Task.id == parent.id).values(root_id=parent.id))
        plan = values.pop("plan", None) or Plan(content=WHOLE)
        return make_task(session, state, plan=plan, template=None, **values)


def waiting(parent: Task | None = None, **values: Any) -> Task:
    """A task that waits for its parts, whichever they will be."""
    return new(State.WAITING, parent, question={"kind": "children", "children": []}, **values)


def row(task: Task) -> Task:
    with reading() as session:
        return session.scalars(select(Task).where(Task.id == task.id)).one()


def kinds(task: Task) -> list[str]:
    with reading() as session:
        mine = select(Event.kind).where(Event.subject_id == task.id).order_by(Event.number)
        return list(session.scalars(mine))


def asker(task: Task, epoch: int = 1, attempt: int = 1) -> Asker:
    return Asker(task.id, task.run_number, epoch, "share_out", attempt)


def part(title: str = "Part", **more: Any) -> dict[str, Any]:
    return {"title": title, "playbook": PLAN, **more}


def test_same_call_twice_makes_its_parts_once(workspace: Workspace) -> None:
    first = new(State.RUNNING, priority=7, deadline_at=now() + timedelta(hours=1), limits={"memory": 10**9})
    made = children_of(asker(first), [part("A"), part("B", deadline="1 day")], workspace)
    again = children_of(asker(first), [part("A"), part("B", deadline="1 day")], workspace)
    assert [each.id for each in again] == [each.id for each in made]
    assert row(first).root_id == first.id
    for each in made:
        child = row(each)
        assert (child.parent_id, child.root_id, child.depth, child.priority) == (first.id, first.id, 1, 7)
        assert child.deadline_at == first.deadline_at
        assert child.limits == {"memory": 10**9}
    assert kinds(first).count("task.delegated") == 1


@ON_EITHER
def test_wrong_part_is_named_and_nothing_is_made(workspace: Workspace) -> None:
    first = new(State.RUNNING)
    with pytest.raises(InvalidInput) as caught:
        children_of(asker(first), [part("A"), part("B", agent="nobody")], workspace)
    assert [each["path"] for each in caught.value.problems] == ["tasks[1].agent"]
    with pytest.raises(InvalidInput, match="cannot hand") as caught:
        children_of(asker(first), [part("A", capability="gpu")], workspace)
    assert "no running agent has the capability gpu" in caught.value.problems[0]["message"]
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Task)) == 1


@ON_EITHER
def test_work_is_handed_on_five_times_at_most(workspace: Workspace) -> None:
    first = new(State.RUNNING, depth=bounds.DEEPEST)
    with pytest.raises(Conflict, match="handed on 5 times already"):
        children_of(asker(first), [part()], workspace)


@ON_EITHER
def test_family_does_not_grow_beyond_its_bound(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_IN_FAMILY", 3)
    first = new(State.RUNNING)
    children_of(asker(first), [part("A"), part("B")], workspace)
    with pytest.raises(Conflict, match="cannot hand on 1 more: the family has 3 tasks"):
        children_of(Asker(first.id, first.run_number, 1, "another"), [part("C")], workspace)


@ON_EITHER
def test_part_that_asks_what_was_asked_above_is_refused(workspace: Workspace) -> None:
    top = waiting(description="Count  the words", plan=Plan(content=PLAN))
    middle = new(State.RUNNING, top, description="Count some of the words")
    with pytest.raises(InvalidInput) as caught:
        children_of(asker(middle), [part(description="count the words")], workspace)
    assert "asks for already" in caught.value.problems[0]["message"]


@ON_EITHER
def test_part_is_not_handed_back_to_whom_it_came_from(workspace: Workspace) -> None:
    with writing() as session:
        for name in ("ann", "ben"):
            make_agent(session, name)
    top = waiting(agent="ann")
    middle = new(State.RUNNING, top, agent="ben")
    with pytest.raises(InvalidInput) as caught:
        children_of(asker(middle), [part(agent="ann", description="other")], workspace)
    assert "ann has handed this work on itself (ann → ben)" in caught.value.problems[0]["message"]
    assert children_of(asker(middle), [part(agent="ben", description="other")], workspace)


@ON_EITHER
def test_model_hands_on_no_tool_that_it_may_not_use_itself(workspace: Workspace) -> None:
    own = {"kind": "model", "name": "ask", "tools": ["team.delegate", "files.list"]}
    first = new(State.RUNNING, plan=Plan(content=own))
    writes = {"steps": [{"stage": "build", "tool": "files.write", "with": {"path": "a", "text": "b"}}]}
    with pytest.raises(InvalidInput) as caught:
        children_of(asker(first), [{"title": "A", "playbook": writes}], workspace)
    assert "may not use files.write" in caught.value.problems[0]["message"]
    onward = {"steps": [{"stage": "build", "tool": "team.delegate", "with": {"tasks": [{"playbook": writes}]}}]}
    [middle] = children_of(asker(first), [{"title": "A", "playbook": onward}], workspace)
    with writing() as session:
        session.execute(update(Task).where(Task.id == middle.id).values(state=State.RUNNING, run_number=1))
    with pytest.raises(InvalidInput, match="cannot hand"):
        children_of(asker(row(middle)), [{"title": "B", "playbook": writes}], workspace)


@ON_EITHER
def test_who_is_to_be_cancelled_hands_nothing_on(workspace: Workspace) -> None:
    first = new(State.RUNNING)
    control.cancel(first.id)
    with pytest.raises(Fenced, match="is to be cancelled"):
        children_of(asker(first), [part()], workspace)
    other = new(State.RUNNING)
    with pytest.raises(Fenced, match="another run has the task"):
        children_of(Asker(other.id, other.run_number + 1, 1, "share_out"), [part()], workspace)


@ON_EITHER
def test_files_that_are_handed_over_lie_ready_for_the_part(workspace: Workspace) -> None:
    workspace.write_bytes("output/a/one.txt", b"one")
    workspace.write_bytes("output/a/two.txt", b"two")
    first = new(State.RUNNING)
    [child] = children_of(asker(first), [part(files=["output/a"])], workspace)
    folder = handed.folder_for(child.id)
    assert sorted(path.name for path in folder.rglob("*.txt")) == ["one.txt", "two.txt"]
    with pytest.raises(InvalidInput) as caught:
        children_of(Asker(first.id, first.run_number, 1, "x"), [part("Other", files=["nowhere"])], workspace)
    assert caught.value.problems[0]["path"] == "tasks[0].files"


def test_last_end_lets_the_parent_go_on(woken: list[str]) -> None:
    parent = waiting()
    one, two = new(parent=parent), new(parent=parent)
    control.cancel(one.id)
    assert row(parent).state == State.WAITING
    control.cancel(two.id)
    assert row(parent).state == State.QUEUED
    assert kinds(parent)[-3:] == ["child.ended", "child.ended", "task.children_ended"]
    assert woken == [parent.id]


def test_two_ends_at_the_same_time_do_not_both_miss_the_other(app: Flask) -> None:
    """Each sees the other alive as long as it has not committed; whoever comes second looks again."""
    for _ in range(5):
        parent = waiting()
        both = [new(parent=parent), new(parent=parent)]
        begin = threading.Barrier(2)

        def end(task: Task, begin: threading.Barrier = begin) -> None:
            with app.app_context(), scope.acting("person:alice"):
                begin.wait()
                control.cancel(task.id)

        threads = [threading.Thread(target=end, args=(task,)) for task in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert row(parent).state == State.QUEUED


def test_end_that_nobody_followed_up_is_found_by_the_reconciler(woken: list[str]) -> None:
    parent = waiting()
    new(State.SUCCEEDED, parent)
    asks_a_person = new(State.WAITING, question={"kind": "once_cut"})
    new(State.SUCCEEDED, asks_a_person)
    over = new(State.FAILED)
    left = new(parent=over)
    with scope.wide("system:reconciler"):
        assert ends.go_on() == 2
        assert ends.go_on() == 0
    assert row(parent).state == State.QUEUED
    assert row(asks_a_person).state == State.WAITING
    assert row(left).state == State.CANCELLED
    assert woken == [parent.id]


def test_cancel_reaches_all_below_and_nobody_beside() -> None:
    top = waiting()
    middle, beside = waiting(top), new(parent=top)
    low, runs, done = new(parent=middle), new(State.RUNNING, middle), new(State.SUCCEEDED, middle)
    control.cancel(middle.id)
    assert [row(each).state for each in (middle, low, runs, done, beside, top)] == [
        State.CANCELLED, State.CANCELLED, State.RUNNING, State.SUCCEEDED, State.QUEUED, State.WAITING,
    ]  # fmt: skip
    assert row(runs).cancel_requested_at is not None
    control.cancel(top.id)
    assert row(beside).state == State.CANCELLED
    assert kinds(low)[-1] == "task.cancelled"


@ON_EITHER
def test_pause_and_resume_reach_all_below() -> None:
    top = waiting()
    rests, runs = new(parent=top), new(State.RUNNING, top)
    control.pause(top.id)
    assert (row(top).state, row(rests).state) == (State.WAITING, State.PAUSED)
    assert row(runs).pause_requested_at is not None
    control.resume(top.id)
    assert row(rests).state == State.QUEUED
    assert row(runs).pause_requested_at is None
    assert kinds(top)[-2:] == ["family.paused", "family.resumed"]


@ON_EITHER
def test_parts_of_a_task_that_is_to_pause_rest_too_and_go_on_with_it(workspace: Workspace) -> None:
    first = new(State.RUNNING)
    control.pause(first.id)
    [child] = children_of(asker(first), [part("A")], workspace)
    assert row(child).state == State.PAUSED
    asked = {"kind": "children", "children": [child.id]}
    with writing() as session:
        session.execute(update(Task).where(Task.id == first.id).values(state=State.WAITING, question=asked))
    control.resume(first.id)
    assert row(child).state == State.QUEUED
    assert row(first).pause_requested_at is None


@ON_EITHER
def test_pausing_twice_or_what_is_being_cancelled_changes_nothing() -> None:
    top = waiting()
    ending, runs = new(State.RUNNING, top), new(State.RUNNING, top)
    control.cancel(ending.id)
    control.pause(top.id)
    control.pause(top.id)
    assert row(ending).pause_requested_at is None
    assert row(runs).pause_requested_at is not None
    assert kinds(top).count("family.paused") == 1
    control.resume(top.id)
    assert row(runs).pause_requested_at is None


@ON_EITHER
def test_paused_family_rests_when_its_last_step_has_ended(woken: list[str]) -> None:
    top = waiting()
    child = new(State.RUNNING, top)
    control.pause(top.id)
    _end(child, State.SUCCEEDED)
    ends.hear([child.id])
    assert (row(top).state, row(top).pause_requested_at) == (State.PAUSED, None)
    assert kinds(top)[-3:] == ["child.ended", "task.children_ended", "task.paused"]
    assert woken == []
    control.resume(top.id)
    assert (row(top).state, woken) == (State.QUEUED, [top.id])


@ON_EITHER
def test_part_that_waits_for_a_person_rests_with_its_family_once_it_is_answered(woken: list[str]) -> None:
    top = waiting()
    asks, other = (new(State.WAITING, top, question={"kind": "once_cut", "step": new_id()}) for _ in range(2))
    control.pause(top.id)
    assert kinds(top)[-1] == "family.paused"
    questions.answer(asks.id, "retry")
    assert (row(asks).state, row(asks).pause_requested_at) == (State.PAUSED, None)
    control.resume(top.id)
    assert [row(each).state for each in (top, asks, other)] == [State.WAITING, State.QUEUED, State.WAITING]
    questions.answer(other.id, "retry")
    assert (row(other).state, row(top).pause_requested_at) == (State.QUEUED, None)
    assert woken == [asks.id, other.id]


@ON_EITHER
def test_failure_of_a_part_is_its_parents_to_deal_with() -> None:
    parent = waiting()
    child = new(State.WAITING, parent, question={"kind": "once_cut", "step": None})
    with writing() as session:
        session.execute(update(Task).where(Task.id == child.id).values(deadline_at=now() - timedelta(minutes=1)))
    with scope.wide("system:reconciler"):
        assert fail_late() == 1
    assert row(child).state == State.FAILED
    assert row(child).dead_letter_at is None
    assert row(parent).state == State.QUEUED


@ON_EITHER
def test_retry_of_the_parent_opens_failed_parts_again_and_keeps_the_others(workspace: Workspace) -> None:
    first = new(State.RUNNING)
    good, bad = children_of(asker(first), [part("A"), part("B")], workspace)
    _end(good, State.SUCCEEDED)
    _end(bad, State.FAILED)
    assert [each.state for each in children_of(asker(first), [part("A"), part("B")], workspace)] == [
        State.SUCCEEDED, State.FAILED,
    ]  # fmt: skip
    for _ in range(2):
        again = children_of(asker(first, attempt=2), [part("A"), part("B")], workspace)
        assert [(each.id, each.state) for each in again] == [(good.id, State.SUCCEEDED), (bad.id, State.QUEUED)]
    assert row(bad).epoch == 2
    _end(bad, State.FAILED)
    again = children_of(asker(first, attempt=2), [part("A"), part("B")], workspace)
    assert again[1].state == State.FAILED


@ON_EITHER
def test_replay_of_the_parent_asks_anew(workspace: Workspace) -> None:
    first = new(State.RUNNING)
    [made] = children_of(asker(first), [part("A")], workspace)
    _end(made, State.SUCCEEDED)
    _end(first, State.FAILED)
    control.replay(first.id, 1)
    with writing() as session:
        session.execute(update(Task).where(Task.id == first.id).values(state=State.RUNNING))
    [again] = children_of(asker(row(first), epoch=2), [part("A")], workspace)
    assert again.id != made.id


@ON_EITHER
def test_part_of_an_ended_task_is_not_opened_again_alone() -> None:
    parent = new(State.FAILED, title="Whole")
    child = new(State.FAILED, parent)
    with pytest.raises(Conflict, match="retry “Whole”, which handed it on and has ended"):
        control.retry(child.id)


def test_message_is_written_once_and_read_by_all_of_the_family() -> None:
    parent = waiting()
    child = new(parent=parent, title="Child")
    one = channel.say(child.id, "  Found it ", key="call")
    assert channel.say(child.id, "Found it", key="call").number == one.number
    two = channel.say(parent.id, "Good")
    read = [(each.text, each.title) for each in channel.messages(child.id)]
    assert read == [("Found it", "Child"), ("Good", parent.title)]
    assert [each.number for each in channel.messages(parent.id, since=one.number)] == [two.number]
    assert kinds(parent).count("family.message") == 2
    with pytest.raises(InvalidInput):
        channel.say(parent.id, "   ")
    with pytest.raises(Conflict, match="agents may write no more"):
        channel.say(child.id, "again", key="another", most=2)


@ON_EITHER
def test_message_is_known_again_however_many_came_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MOST_BY_AGENTS", 2)
    first = new(State.RUNNING)
    one = channel.say(first.id, "Found it", key="call")
    for number in range(3):
        channel.say(first.id, f"And {number}")
    assert channel.say(first.id, "Found it", key="call", most=2).number == one.number
    assert kinds(first).count("family.message") == 4


def test_shared_file_is_written_over_the_version_that_was_read() -> None:
    folder = Shared(asker(new(State.RUNNING)))
    one = folder.share("notes/a.txt", io.BytesIO(b"one"), 0)
    assert one.version == 1
    assert folder.share("notes/a.txt", io.BytesIO(b"one"), 0).version == 1
    with pytest.raises(Conflict, match="has version 1 by now"):
        folder.share("notes/a.txt", io.BytesIO(b"two"), 0)
    assert folder.share("notes/a.txt", io.BytesIO(b"two"), 1).version == 2
    found, content = folder.open("notes/a.txt")
    with content:
        assert (found.version, content.read()) == (2, b"two")
    assert [each.path for each in folder.files()] == ["notes/a.txt"]
    with pytest.raises(InvalidInput):
        folder.open("../a.txt")


def test_lock_ends_when_given_back_or_with_its_task_or_in_time() -> None:
    parent = new(State.RUNNING)
    holder, other = new(State.RUNNING, parent, title="Holder"), new(State.RUNNING, parent)
    for each in (holder, other):
        _may_share(each)
    mine, others = Shared(asker(holder)), Shared(asker(other))
    mine.lock("a.txt", timedelta(minutes=5))
    with pytest.raises(Conflict, match="“Holder” has locked it") as caught:
        others.share("a.txt", io.BytesIO(b"mine"), None)
    assert caught.value.transient
    mine.unlock("a.txt")
    others.lock("a.txt", timedelta(minutes=5))
    _end(other, State.CANCELLED)
    assert mine.lock("a.txt", timedelta(minutes=5)).locked_by == holder.id
    with writing() as session:
        session.execute(update(SharedFile).values(locked_until=now() - timedelta(minutes=1)))
    assert Shared(asker(parent)).share("a.txt", io.BytesIO(b"late"), None).version == 1


@ON_EITHER
def test_part_without_leave_sees_no_shared_folder() -> None:
    child = new(parent=waiting())
    with pytest.raises(InvalidInput, match="handed on without it"):
        Shared(asker(child)).files()


def test_family_is_deleted_whole_and_only_when_all_of_it_has_ended(told: Settings) -> None:
    long_ago = now() - timedelta(days=40)
    first = new(State.RUNNING)
    Shared(asker(first)).share("a.txt", io.BytesIO(b"one"), None)
    _end(first, State.SUCCEEDED)
    child = new(State.FAILED, first)
    alive = new(State.SUCCEEDED)
    new(State.RUNNING, alive)
    for each in (first, child, alive):
        with writing() as session:
            session.execute(update(Task).where(Task.id == each.id).values(finished_at=long_ago))
    assert shared.folder_of(first.id).is_dir()
    retention.set_rule("failed", "1 day", export=False)
    with scope.wide("system:reconciler"):
        assert retention.prune_some() == 0
    rule = retention.set_rule("succeeded", "1 day", export=False)
    assert retention.preview(rule).tasks == 2
    with scope.wide("system:reconciler"):
        assert retention.prune_some() == 2
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Task).where(Task.root_id == first.id)) == 0
        assert session.scalar(select(func.count()).select_from(SharedFile)) == 0
        assert [each.title for each in members(session, alive.id)] == [alive.title] * 2
    assert not shared.folder_of(first.id).exists()


def _may_share(task: Task) -> None:
    with writing() as session:
        line = session.scalars(select(Event).where(Event.subject_id == task.id, Event.number == 1)).one()
        line.data = {**line.data, "share": True}


def _end(task: Task, state: State) -> None:
    with writing() as session:
        session.execute(update(Task).where(Task.id == task.id).values(state=state, finished_at=now()))


@ON_EITHER
def test_file_of_the_workspace_becomes_what_a_part_works_on(workspace: Workspace) -> None:
    workspace.write_bytes("output/table.csv", b"a,b\n1,2\n")
    first = new(State.RUNNING)
    given = {"table": "workspace:output/table.csv"}
    wanted = {"title": "Look", "template": "analyse-table", "inputs": given}
    [child] = children_of(asker(first), [wanted], workspace)
    [again] = children_of(asker(first), [wanted], workspace)
    assert again.id == child.id
    with reading() as session:
        [upload] = session.scalars(select(Upload))
    assert row(child).inputs["table"] == f"upload:{upload.id}"
    assert (upload.name, upload.size_bytes) == ("table.csv", 8)
    other = Asker(first.id, first.run_number, 1, "another")
    with pytest.raises(InvalidInput) as caught:
        children_of(
            other, [{**wanted, "title": "More"}, {**wanted, "inputs": {"table": "workspace:no.csv"}}], workspace
        )
    assert caught.value.problems[0]["path"] == "tasks[1].inputs.table"
    with reading() as session:
        assert len(session.scalars(select(Upload)).all()) == 1


@ON_EITHER
def test_files_for_a_part_that_was_never_made_are_deleted(workspace: Workspace) -> None:
    workspace.write_bytes("output/one.txt", b"one")
    first = new(State.RUNNING)
    with pytest.raises(InvalidInput):
        children_of(asker(first), [part("A", files=["output/one.txt"]), part("B", files=["nowhere"])], workspace)
    assert list(handed.folder_for("x").parent.glob("*")) == []
    never_made = new_id()
    handed.keep(never_made, 0, ["output/one.txt"], workspace)
    dead = {"host": socket.gethostname(), "pid": 1, "started_at": 1.0}
    note = settings.load().data_dir / "run" / "unnamed" / f"{leftovers.HANDED}{never_made}"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(dead))
    with scope.wide("system:reconciler"):
        assert leftovers.sweep() == 1
    assert not handed.folder_for(never_made).exists()
    assert not note.exists()


@ON_EITHER
def test_shared_folder_keeps_its_bytes_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "FILE_BYTES", 10)
    monkeypatch.setattr(shared, "MOST_STORED", 25)
    folder = Shared(asker(new(State.RUNNING)))
    folder.share("a.txt", io.BytesIO(b"version 1!"), None)
    folder.share("a.txt", io.BytesIO(b"version 2!"), None)
    with pytest.raises(InvalidInput) as caught:
        folder.share("a.txt", io.BytesIO(b"version 3!"), None)
    assert "too many earlier versions" in caught.value.problems[0]["message"]
    monkeypatch.setattr(shared, "OLD_S", -1)
    assert folder.share("a.txt", io.BytesIO(b"version 3!"), None).version == 3
    with pytest.raises(InvalidInput):
        folder.share("b.txt", io.BytesIO(b"too long by far"), None)

"""Ended tasks go when their time is over: whole, exported before, and their room comes back; all others stay."""

import gzip
import json
import secrets
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models import scope
from models.columns import new_id, now
from models.database import db, reading, writing
from models.errors import InvalidInput
from models.event import Event
from models.plan import Plan
from models.run import Run
from models.states import State
from models.step import Step
from models.task import Task
from models.task_list import Filters, page
from models.workspace import Artifact, Upload, UploadUse
from models.workspace import Workspace as WorkspaceRow
from settings import Settings
from tasks.folders import history_at, workspaces_root
from tasks.keeping import archive, compaction, doomed, retention
from tasks.orders import submission
from tasks.orders.inputs import upload_path
from tasks.orders.submission import Order, submit
from tasks.scheduling import schedules
from tasks.scheduling.schedules import Wanted
from tests.support.factories import make_artifact, make_task
from tools.history import History
from tools.workspace import Workspace
from worker.installation import schema

OLD = timedelta(days=40)
pytestmark = pytest.mark.usefixtures("app")


def ended(state: State = State.SUCCEEDED, since: timedelta = OLD, **values: Any) -> Task:
    """A task that ended so long ago, with steps, a run, an artifact, a workspace and a history."""
    with writing() as session:
        plan = Plan(id=new_id(), content={"name": "one", "title": "One", "steps": []})
        task = make_task(session, state, done=2, plan=plan, **values)
        task.finished_at = now() - since
        make_artifact(session, task, steps_of(session, task)[0], "output/a.html")
        session.add(Run(task_id=task.id, number=7, epoch=1, agent="a", host="h", pid=1, process_started_at=1.0))
        session.add(WorkspaceRow(task_id=task.id, store="local", folder=f"w-{task.id}", size_bytes=1000))
    workspace = Workspace.create(workspaces_root(), f"w-{task.id}")
    workspace.write_bytes("output/a.html", b"<p>Done</p>")
    history_at(task.id).snapshot(workspace)
    return task


def steps_of(session: Session, task: Task) -> list[Step]:
    session.flush()
    return list(session.scalars(select(Step).where(Step.task_id == task.id).order_by(Step.position)))


def prune() -> int:
    with scope.wide("system:reconciler"):
        return retention.prune_some()


def left(table: type[Any]) -> int:
    with scope.wide("system:test"), reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def lines(told: Settings, tenant: str = "default") -> list[dict[str, Any]]:
    """What stands in the tenant's archives."""
    found = []
    for path in sorted((told.data_dir / "exports" / tenant).glob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            found += [json.loads(line) for line in file]
    return found


def test_without_a_rule_everything_is_kept() -> None:
    ended(since=timedelta(days=4000))
    assert prune() == 0
    assert [rule.keep for rule in retention.rules()] == ["forever"] * 3


def test_task_goes_whole_and_those_whose_time_is_not_over_stay(database: Settings) -> None:
    old = ended(title="Old pebbles")
    young, failed = ended(since=timedelta(days=20), title="Young pebbles"), ended(State.FAILED, title="Failed pebbles")
    running = ended(State.RUNNING)
    retention.set_rule("succeeded", "30 days", export=True)
    assert retention.preview(retention.rules()[0]) == retention.Due(1, 1000, is_more=False)
    assert [prune(), prune()] == [1, 0]
    assert left(Task) == left(WorkspaceRow) == left(Artifact) == left(Run) == left(Plan) == 3
    for table, column in ((Step, Step.task_id), (Event, Event.subject_id)):
        with reading() as session:
            assert session.scalars(select(table).where(column == old.id)).all() == []
    with reading() as session:
        assert {task.id for task in page(session, Filters(q="pebbles")).tasks} == {young.id, failed.id}
    assert not (workspaces_root() / f"w-{old.id}").exists()
    assert not (database.data_dir / "history" / old.id).exists()
    for task in (young, failed, running):
        assert (workspaces_root() / f"w-{task.id}").is_dir()
        assert (database.data_dir / "history" / task.id).is_dir()


def test_export_says_all_that_the_rows_said(database: Settings) -> None:
    task = ended(title="Ünïcode “quoted”", inputs={"a": [1, None, "two\nlines"]})
    with reading() as session:
        steps = session.scalars(select(Step.key).where(Step.task_id == task.id)).all()
        events = session.scalars(select(Event.number).where(Event.subject_id == task.id).order_by(Event.number)).all()
    retention.set_rule("succeeded", "30 days", export=True)
    prune()
    (line,) = lines(database)
    assert (line["task"]["id"], line["task"]["title"]) == (task.id, "Ünïcode “quoted”")
    assert line["task"]["inputs"] == {"a": [1, None, "two\nlines"]}
    assert line["task"].keys() == {column.key for column in Task.__mapper__.column_attrs}
    assert line["plan"]["title"] == "One"
    assert sorted(each["key"] for each in line["steps"]) == sorted(steps)
    assert [each["number"] for each in line["events"]] == list(events)
    assert [each["number"] for each in line["runs"]][-1] == 7
    assert [each["path"] for each in line["artifacts"]] == ["output/a.html"]


def test_rule_may_do_without_an_export(database: Settings) -> None:
    ended()
    retention.set_rule("succeeded", "30 days", export=False)
    assert prune() == 1
    assert lines(database) == []


def test_crash_after_the_export_writes_no_task_twice(database: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [ended(), ended()]
    retention.set_rule("succeeded", "30 days", export=True)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(retention, "_delete_plans", _cut_off)
        prune()
    assert left(Task) == 2
    assert all((workspaces_root() / f"w-{task.id}").is_dir() for task in tasks)
    assert prune() == 2
    assert sorted(line["task"]["id"] for line in lines(database)) == sorted(task.id for task in tasks)


def test_crash_in_the_middle_of_an_export_leaves_no_torn_archive(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended()
    retention.set_rule("succeeded", "30 days", export=True)
    prune()
    ended()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(archive, "_about", _cut_off)
        prune()
    (path,) = (database.data_dir / "exports" / "default").glob("*.gz")
    with path.open("ab") as file:
        file.write(b"\x1f\x8bhalf a member")
    assert prune() == 1
    assert len(lines(database)) == 2


def test_archive_that_somebody_took_away_is_begun_anew(database: Settings) -> None:
    ended()
    retention.set_rule("succeeded", "30 days", export=True)
    prune()
    (path,) = (database.data_dir / "exports" / "default").glob("*.gz")
    path.unlink()
    task = ended()
    prune()
    assert [line["task"]["id"] for line in lines(database)] == [task.id]


def test_crash_between_rows_and_files_is_finished_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    task = ended()
    retention.set_rule("succeeded", "30 days", export=False)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(doomed, "_finish", _cut_off)
        prune()
    assert left(Task) == 0
    assert (workspaces_root() / f"w-{task.id}").is_dir()
    prune()
    assert not (workspaces_root() / f"w-{task.id}").exists()
    assert not history_at(task.id).folder.exists()


def test_file_that_cannot_be_deleted_holds_nothing_else_up_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    task = ended()
    retention.set_rule("succeeded", "30 days", export=False)

    def refused(_task_id: str) -> History:
        raise PermissionError("not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(doomed, "history_at", refused)
        assert [prune(), prune()] == [1, 0]
    assert history_at(task.id).folder.exists()
    prune()
    assert not history_at(task.id).folder.exists()


def test_disk_that_is_full_holds_the_deleting_up_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    ended()
    ended(State.FAILED)
    retention.set_rule("succeeded", "30 days", export=True)
    retention.set_rule("failed", "30 days", export=False)

    def full(_tasks: list[Task]) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(archive, "add", full)
        assert prune() == 1
    assert left(Task) == 1
    assert prune() == 1


def test_task_that_was_opened_again_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    task = ended()
    retention.set_rule("succeeded", "30 days", export=True)
    add = archive.add

    def reopened(tasks: list[Task]) -> None:
        add(tasks)
        with writing() as session:
            session.execute(text("UPDATE task SET state = 'queued', event_count = event_count + 1, finished_at = NULL"))

    monkeypatch.setattr(archive, "add", reopened)
    assert prune() == 0
    assert left(Task) == left(Plan) == 1
    assert (workspaces_root() / f"w-{task.id}").is_dir()


def _cut_off(*_: object) -> None:
    raise KeyboardInterrupt


TAKES_A_FILE = json.dumps(
    {
        "name": "look",
        "inputs": {"type": "object", "properties": {"file": {"type": "string", "format": "source"}}},
        "steps": [{"stage": "build", "tool": "files.list"}],
    }
)


@pytest.mark.parametrize("named_by", ["nobody", "task", "schedule"])
def test_upload_goes_with_the_last_that_names_it(
    database: Settings, monkeypatch: pytest.MonkeyPatch, named_by: str
) -> None:
    monkeypatch.setattr(submission, "publish", lambda *_: True)
    with writing() as session:
        upload = Upload(id=new_id(), name="a.csv", size_bytes=3, digest="d", media_type="text/csv")
        session.add(upload)
    path = upload_path(database, upload.id)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"a,b")
    order = Order(playbook=TAKES_A_FILE, inputs={"file": f"upload:{upload.id}"})
    first = submit(order).task
    if named_by == "task":
        submit(order)
    if named_by == "schedule":
        schedules.create(Wanted("later", order, rule="0 0 * * *"))
    with writing() as session:
        row = session.scalars(select(Task).where(Task.id == first.id)).one()
        row.state, row.finished_at = State.SUCCEEDED, now() - OLD
    retention.set_rule("succeeded", "30 days", export=False)
    assert prune() == 1
    assert path.exists() == bool(left(Upload)) == (named_by != "nobody")
    assert left(UploadUse) == (1 if named_by == "task" else 0)


def test_each_tenant_has_its_own_rules(database: Settings) -> None:
    ended()
    with scope.acting("person:bob", "other"):
        ended()
        retention.set_rule("succeeded", "1 day", export=True)
    assert prune() == 1
    assert left(Task) == 1
    assert (lines(database), len(lines(database, "other"))) == ([], 1)


@pytest.mark.parametrize(
    "state, keep, path", [("running", "1 day", "state"), ("failed", "a while", "keep"), ("failed", "0 s", "keep")]
)
def test_wrong_rule_names_its_field(state: str, keep: str, path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        retention.set_rule(state, keep, export=True)
    assert [problem["path"] for problem in refused.value.problems] == [path]


def test_rule_is_changed_and_taken_away() -> None:
    assert retention.set_rule("failed", "2 weeks", export=False).keep == "14 days"
    assert [rule.keep for rule in retention.rules()] == ["forever", "14 days", "forever"]
    retention.set_rule("failed", "forever", export=True)
    assert [rule.keep for rule in retention.rules()] == ["forever"] * 3


def test_database_shrinks_when_tasks_are_deleted() -> None:
    written = 0
    with writing() as session:
        for _ in range(40):
            task = make_task(session, State.SUCCEEDED, title="Large")
            task.finished_at = now() - OLD
            for step in steps_of(session, task):
                step.stdout = secrets.token_hex(15_000)  # nothing that could be compressed
                written += len(step.stdout)
    retention.set_rule("succeeded", "30 days", export=False)
    before = compaction.compact().after
    while prune():
        pass
    done = compaction.compact()
    assert left(Task) == 0
    assert before - done.after > 0.8 * written, f"{written} bytes written; {before} before, {done.after} after"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_file_shrinks_without_a_command() -> None:
    assert compaction.gives_back()
    with writing() as session:
        for _ in range(30):
            task = make_task(session, State.SUCCEEDED, description="x" * 60_000)
            task.finished_at = now() - OLD
    retention.set_rule("succeeded", "30 days", export=False)
    before = compaction.size_bytes()
    while prune():
        pass
    assert compaction.size_bytes() < before / 2


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_file_of_an_earlier_version_is_made_one_that_gives_back(database: Settings) -> None:
    raw = db.engine.raw_connection()
    for command in ("PRAGMA journal_mode=DELETE", "PRAGMA auto_vacuum=0", "VACUUM", "PRAGMA journal_mode=WAL"):
        raw.driver_connection.execute(command).fetchall()  # type: ignore[union-attr]
    raw.close()
    db.engine.dispose()
    assert not compaction.gives_back()
    assert not schema.gives_room_back(database)
    compaction.compact()
    assert compaction.gives_back()
    assert schema.gives_room_back(database)

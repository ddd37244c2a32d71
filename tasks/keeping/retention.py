"""How long ended tasks are kept: people's rules, what they would delete now, and the deleting itself.

Without a rule a task is kept for ever (docs/decisions/0031-retention.md).  A task goes whole: its rows, its files
and their history, then the plan and the upload that no other needs.  Before that, where the rule says so, all that
its rows say is written to an archive (archive.py).  Rows go first and files after them, by a note (doomed.py) that
survives a crash in between.  A file of the database that shrinks: compaction.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from models.budget import Budget, BudgetKind
from models.columns import database_now
from models.database import reading, writing
from models.errors import InvalidInput, Problem
from models.event import Event
from models.plan import Plan
from models.retention import Retention
from models.schedule import Schedule
from models.scope import current
from models.shared_file import SharedFile
from models.states import TERMINAL, State
from models.task import Task
from models.workspace import Upload, UploadUse, Workspace
from tasks.family.tree import family_of, locked_in_order
from tasks.keeping import archive, compaction, doomed
from tasks.keeping.doomed import Doomed
from tasks.logs import logger
from tasks.orders import timing
from tasks.orders.inputs import UPLOAD
from tools import quantities
from tools.quantities import Measure

STATES = (State.SUCCEEDED, State.FAILED, State.CANCELLED)
FOREVER = ("", "forever", "for ever", "always")
AT_ONCE = 10
MOST_COUNTED = 1000
DAY_S = 86400
log = logger(__name__)


@dataclass(frozen=True)
class Rule:
    """For how many seconds tasks that ended in this state are kept; None is for ever."""

    state: State
    keep_s: float | None = None
    export: bool = True

    @property
    def keep(self) -> str:
        """The time as people write it."""
        return "forever" if self.keep_s is None else span_in_words(self.keep_s)


@dataclass(frozen=True)
class Due:
    """What a rule would delete now; `is_more` says that there are more tasks than were counted."""

    tasks: int
    bytes: int
    is_more: bool


def rules() -> list[Rule]:
    """The tenant's rule for each state that a task ends in.  Runs within `acting(…)`."""
    with reading() as session:
        kept = {each.state: each for each in session.scalars(select(Retention))}
    return [_rule(state, kept.get(state)) for state in STATES]


def set_rule(state: str, keep: str, export: bool) -> Rule:
    """Keep tasks that ended in this state so long, `90 days`, from now on, or for ever.  Runs within `acting(…)`.

    Raises:
        InvalidInput: its `problems` name the field that is wrong.
    """
    rule = read(state, keep, export)
    with writing() as session:
        session.execute(delete(Retention).where(Retention.state == rule.state))
        if rule.keep_s is not None:
            session.add(Retention(state=rule.state, keep_s=int(rule.keep_s), export=export))
    log.info("retention.set", state=rule.state, keep=rule.keep, export=export, author=current().author)
    return rule


def read(state: str, keep: str, export: bool = True) -> Rule:
    """The rule that somebody wrote.

    Raises:
        InvalidInput: its `problems` name the field that is wrong.
    """
    if state not in list(STATES):
        raise _wrong("state", f"must be one of {', '.join(STATES)}")
    if keep.strip().lower() in FOREVER:
        return Rule(State(state), None, export)
    try:
        seconds = timing.span(keep).total_seconds()
    except ValueError as error:
        cure = "write how long, such as 90 days or 12 h, or forever"
        raise _wrong("keep", cure) from error
    if seconds < 1:
        raise _wrong("keep", "must be 1 s at least")
    return Rule(State(state), seconds, export)


def preview(rule: Rule) -> Due:
    """What the rule would delete now, counted up to a limit.  Runs within `acting(…)`."""
    if rule.keep_s is None:
        return Due(0, 0, is_more=False)
    ids = select(Task.id).where(*_ended(rule.state, rule.keep_s)).limit(MOST_COUNTED + 1).subquery()
    of_family = select(Task.id).where(Task.root_id.in_(select(ids.c.id)), Task.parent_id.is_not(None))
    both = or_(Workspace.task_id.in_(select(ids.c.id)), Workspace.task_id.in_(of_family))
    files = select(func.coalesce(func.sum(Workspace.size_bytes), 0)).where(both)
    with reading() as session:
        count = session.scalar(select(func.count()).select_from(ids)) or 0
        count += session.scalar(select(func.count()).select_from(of_family.limit(MOST_COUNTED + 1).subquery())) or 0
        return Due(min(count, MOST_COUNTED), int(session.scalar(files) or 0), is_more=count > MOST_COUNTED)


def prune_some(at_once: int = AT_ONCE) -> int:
    """Delete tasks whose time is over, longest ended first, `at_once` at most for each rule; returns how many.

    Runs within `wide(…)` for all tenants, or `acting(…)` for one.  May be repeated, and by several processes.
    """
    doomed.finish()
    with reading() as session:
        found = list(session.scalars(select(Retention)))
    pruned = sum(_pruned(each, at_once) for each in found)
    if pruned:
        compaction.give_back_some()
    return pruned


def span_in_words(seconds: float) -> str:
    """`90 days`, `12 h`."""
    days = seconds / DAY_S
    if days >= 1 and days == int(days):
        return f"{days:.0f} {'day' if days == 1 else 'days'}"
    return quantities.shown(seconds, Measure.SECONDS)


def _pruned(rule: Retention, at_once: int) -> int:
    try:
        return _prune(rule, at_once)
    except OSError as error:
        # The disk is full, say: nothing went that was not exported, and the next round tries again.
        log.warning("retention.held_up", tenant=rule.tenant, state=rule.state, error=str(error))
        return 0


def _prune(rule: Retention, at_once: int) -> int:
    mine = (Task.tenant == rule.tenant, *_ended(rule.state, rule.keep_s))
    with reading() as session:
        first = list(session.scalars(select(Task).where(*mine).order_by(Task.finished_at).limit(at_once)))
        over = _with_families(session, first)
    if not over:
        return 0
    if rule.export:
        archive.add(over)
    with doomed.noted(_doomed(over)):
        with writing() as session:
            gone = _delete(session, over)
            _delete_plans(session, over)
        _delete_uploads(over)
    log.info("retention.pruned", tenant=rule.tenant, state=rule.state, tasks=len(gone), exported=rule.export)
    return len(gone)


def _ended(state: str, keep_s: float) -> tuple[ColumnElement[bool], ...]:
    """Ended in that state so long ago; in the order of ix_task_ended.  A part of another task goes with its family."""
    part, first = aliased(Task), Task.parent_id.is_(None)
    lives = exists().where(part.root_id == Task.id, part.finished_at.is_(None))
    return Task.state == state, first, Task.finished_at < database_now(timedelta(seconds=-keep_s)), ~lives


def _with_families(session: Session, first: Sequence[Task]) -> list[Task]:
    """These tasks, and all that came from them."""
    ids = [task.id for task in first if task.root_id is not None]
    parts = select(Task).where(Task.root_id.in_(ids), Task.parent_id.is_not(None)).order_by(Task.number)
    return [*first, *(session.scalars(parts) if ids else [])]


def _doomed(tasks: Sequence[Task]) -> Doomed:
    ids = [task.id for task in tasks]
    with reading() as session:
        folders = session.execute(select(Workspace.task_id, Workspace.folder).where(Workspace.task_id.in_(ids)))
        names = {row.task_id: row.folder for row in folders}
        uploads = select(UploadUse.upload_id).where(UploadUse.task_id.in_(ids)).distinct()
        return Doomed({each: names.get(each) for each in ids}, list(session.scalars(uploads)))


def _delete(session: Session, tasks: Sequence[Task]) -> list[str]:
    """Delete those that are as they were when they were exported; what belongs to them goes by its foreign keys.

    A family goes whole, or stays.
    """
    changed = {family_of(task) for task in tasks} - _unchanged(session, tasks)
    ids = [task.id for task in tasks if family_of(task) not in changed]
    statement = delete(Task).where(Task.id.in_(ids)).returning(Task.id)
    gone = list(session.scalars(statement.execution_options(synchronize_session=False)))
    budgets = delete(Budget).where(Budget.kind == BudgetKind.TASK, Budget.name.in_(gone))
    session.execute(budgets.execution_options(synchronize_session=False))
    shared = delete(SharedFile).where(SharedFile.family_id.in_(gone))
    session.execute(shared.execution_options(synchronize_session=False))
    events = delete(Event).where(Event.subject_id.in_(gone))
    session.execute(events.execution_options(synchronize_session=False))
    return gone


def _unchanged(session: Session, tasks: Sequence[Task]) -> set[str]:
    """Of which families every task, locked, is as it was seen."""
    there = locked_in_order(session, select(Task).where(Task.id.in_([task.id for task in tasks])))
    now = {task.id: task.event_count for task in there if task.state in TERMINAL}
    moved = {family_of(task) for task in tasks if now.get(task.id) != task.event_count}
    return {family_of(task) for task in tasks} - moved


def _delete_plans(session: Session, tasks: Sequence[Task]) -> None:
    """Delete the plans that nobody follows any more."""
    # Locked first: a submission that found the plan has its task in by then (models/plan.py).
    ids = sorted({task.plan_id for task in tasks})
    locked = list(session.scalars(select(Plan.id).where(Plan.id.in_(ids)).order_by(Plan.id).with_for_update()))
    unused = delete(Plan).where(Plan.id.in_(locked), ~exists().where(Task.plan_id == Plan.id))
    session.execute(unused.execution_options(synchronize_session=False))


def _delete_uploads(tasks: Sequence[Task]) -> None:
    """Delete the uploads of these tasks that no task and no schedule names any more."""
    named = {value.removeprefix(UPLOAD) for task in tasks for value in task.inputs.values() if _is_upload(value)}
    for upload_id in named:
        try:
            with writing() as session:
                if not _is_named(session, upload_id):
                    mine = delete(Upload).where(Upload.id == upload_id, Upload.tenant == tasks[0].tenant)
                    session.execute(mine.execution_options(synchronize_session=False))
        except IntegrityError:
            log.info("upload.kept", upload=upload_id)  # a task that names it came in just now


def _is_named(session: Session, upload_id: str) -> bool:
    if session.scalar(select(UploadUse.task_id).where(UploadUse.upload_id == upload_id).limit(1)) is not None:
        return True
    value = f"{UPLOAD}{upload_id}"
    return any(value in (order.get("inputs") or {}).values() for order in session.scalars(select(Schedule.order)))


def _is_upload(value: object) -> bool:
    return isinstance(value, str) and value.startswith(UPLOAD)


def _rule(state: State, kept: Retention | None) -> Rule:
    return Rule(state) if kept is None else Rule(state, kept.keep_s, kept.export)


def _wrong(path: str, message: str) -> InvalidInput:
    return InvalidInput("cannot set this rule", problems=[Problem(path=path, line=None, message=message)])

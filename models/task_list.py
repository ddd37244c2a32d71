"""The list of tasks, a page at a time, newest first; as quick with a million tasks as with a thousand.

A page goes on below the row that its cursor names and reads no more than it shows: each set of
filters has an index in its order (models/task.py), a search reads one stretch of numbers at a
time (models/search.py).  bench/list_page.py measures it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, literal, select, union_all
from sqlalchemy.orm import Session, load_only

from models.errors import InvalidInput
from models.search import has_words, numbers_matching, stretches, words_of
from models.states import State
from models.task import Task

LARGEST_PAGE = 200
COMPLEXITIES = range(1, 11)
HIGHEST = 2**62
# So many tasks are looked through for words one by one.
FEW = 300

# What a row of a list shows; the playbook and the inputs of fifty tasks may be megabytes.
SHOWN = (
    Task.number, Task.id, Task.title, Task.complexity, Task.priority, Task.stage, Task.state, Task.template,
    Task.template_version, Task.queue, Task.agent, Task.waits_until, Task.deadline_at, Task.published_at,
    Task.cancel_requested_at, Task.stop_requested_at, Task.pause_requested_at, Task.dead_letter_at,
    Task.epoch, Task.run_number, Task.attempts, Task.losses, Task.lease_expires_at, Task.event_count,
    Task.steps_total, Task.steps_done, Task.error_code, Task.error_message, Task.submitted_at,
    Task.started_at, Task.finished_at, Task.parent_id, Task.root_id, Task.depth,
    Task.cloned_from_id, Task.schedule_id, Task.tenant, Task.author,
)  # fmt: skip


@dataclass(frozen=True)
class Filters:
    """Which tasks are wanted; None and "" want all.  `q` holds words, see models/search.py."""

    state: State | str | None = None
    agent: str | None = None
    complexity: int | None = None
    q: str | None = None
    family: str | None = None
    """Only tasks of the family with this id, which is that of its first task."""
    dead_letters: bool = False
    """Only those that failed for good, and that nobody has dealt with."""
    states: tuple[State, ...] = ()
    """Only tasks in one of these; none: all."""
    more: tuple[ColumnElement[bool], ...] = ()
    """Further conditions, of code and not of people; no index helps with them."""

    @property
    def has_column(self) -> bool:
        """Whether a column is asked for, beside a search."""
        named = self.state or self.agent or self.complexity or self.family
        return bool(named or self.dead_letters or self.states or self.more)

    @property
    def wanted_states(self) -> tuple[State | str | None, ...]:
        """What `state` and `states` let pass together; (None,) is any."""
        if not self.states:
            return (self.state or None,)
        return tuple(each for each in self.states if not self.state or each == self.state)


@dataclass(frozen=True)
class Page:
    """Some tasks, newest first, and the cursor of the next page; None on the last."""

    tasks: list[Task]
    next_cursor: str | None


def page(session: Session, filters: Filters, cursor: str | None = None, limit: int = 50) -> Page:
    """The first `limit` tasks that pass the filters, older than the cursor's.

    Only the columns in SHOWN are loaded; touching another raises.  The cursor's task may be deleted by now.

    Raises:
        InvalidInput: the cursor is no id, or the limit is not between 1 and LARGEST_PAGE.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        message = f"must be between 1 and {LARGEST_PAGE}"
        raise InvalidInput("cannot list tasks", problems=[{"path": "limit", "message": message}])
    below = _number_of(session, cursor) if cursor else HIGHEST
    wanted = _numbers(session, filters, below, limit + 1)
    found = _rows(session, wanted) if wanted is not None else []
    return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)


def count(session: Session, filters: Filters, cursor: str | None = None, most: int = 10_000) -> int:
    """How many tasks pass the filters, older than the cursor's; `most` + 1 stands for all that are more."""
    below = _number_of(session, cursor) if cursor else HIGHEST
    wanted = _numbers(session, filters, below, most + 1)
    return (session.scalar(select(func.count()).select_from(wanted.subquery())) or 0) if wanted is not None else 0


def _numbers(session: Session, filters: Filters, below: int, count: int) -> Select[int] | None:
    """The numbers of the first `count` tasks that pass; None where none can."""
    words = words_of(filters.q or "")
    if not filters.wanted_states or (filters.q and filters.q.strip() and not words):
        return None  # nothing but punctuation: it is in no word
    return _searched(session, filters, words, below, count) if words else _listed(filters, below, count)


def _number_of(session: Session, cursor: str) -> int:
    """The number that the page stays below.

    Ids grow with time, so a deleted task's place is just above the newest task with a smaller id.
    """
    try:
        wanted = str(UUID(cursor))
    except ValueError as error:
        problem = {"path": "cursor", "message": "is no cursor; use next_cursor of the page before"}
        raise InvalidInput("cannot list tasks", problems=[problem]) from error  # type: ignore[list-item]
    at_or_before = select(Task.id, Task.number).where(Task.id <= wanted).order_by(Task.id.desc()).limit(1)
    found = session.execute(at_or_before).one_or_none()
    if found is None:
        return 0
    return found.number if found.id == wanted else found.number + 1


def _rows(session: Session, numbers: Select[int]) -> list[Task]:
    """The tasks with these numbers, newest first."""
    wanted = select(Task).where(Task.number.in_(numbers)).order_by(Task.number.desc())
    return list(session.scalars(wanted.options(load_only(*SHOWN, raiseload=True))))


def _listed(filters: Filters, below: int, count: int) -> Select[int]:
    """The numbers of the first `count` tasks that pass the filters of columns."""
    if filters.dead_letters or filters.family:
        return _passing(filters, below).order_by(Task.number.desc()).limit(count)
    states = filters.wanted_states
    is_merged = (states != (None,) or filters.agent) and not filters.complexity
    complexities = COMPLEXITIES if is_merged else (filters.complexity,)
    branches = []
    for complexity, state in product(complexities, states):
        wanted = select(Task.number).where(Task.number < below, *_conditions(filters, complexity, state))
        branches.append(wanted.order_by(Task.number.desc()).limit(count))
    if len(branches) == 1:
        return branches[0]
    # A compound's branches may have an order and a limit only as subqueries: SQLite's grammar.
    merged = union_all(*(select(branch.subquery().c.number) for branch in branches)).subquery()
    return select(merged.c.number).order_by(merged.c.number.desc()).limit(count)


def _conditions(
    filters: Filters, complexity: int | None, state: State | str | None = None
) -> Iterator[ColumnElement[bool]]:
    yield from filters.more
    if state:
        yield Task.state == state
    if filters.family:
        yield (Task.root_id == filters.family) | (Task.id == filters.family)
    if filters.agent:
        yield Task.agent == filters.agent
    if complexity:
        yield Task.complexity == complexity


def _searched(session: Session, filters: Filters, words: list[str], below: int, count: int) -> Select[int]:
    """The numbers of the first `count` tasks that have the words and pass the filters.

    One statement of several parts; a part whose limit comes out as 0 costs nothing.  Where few tasks pass
    the filters those are looked through for the words, else those with the words are, newest first, for the
    filters; a later stretch only as far as the ones before it did not fill the page.
    """
    dialect = session.get_bind().dialect
    newest = HIGHEST if dialect.name == "sqlite" else session.scalar(select(func.max(Task.number))) or 0
    parts = []
    left: ColumnElement[int] = literal(count)
    if filters.has_column:
        passing = _passing(filters, below)
        are_few = select(func.count()).select_from(passing.limit(FEW + 1).subquery()).scalar_subquery() <= FEW
        wanted = passing.where(has_words(words, Task.number, dialect)).order_by(Task.number.desc())
        parts.append(wanted.limit(case((are_few, count), else_=0)).cte())
        left = case((are_few, 0), else_=count)
    for stretch in stretches(below, newest, dialect):
        having = numbers_matching(words, stretch, dialect).subquery()
        # No EXISTS: PostgreSQL would make it a join, and choose one that reads all tasks.
        of_match = _passing(filters, below).where(Task.number == having.c.number).correlate(having)
        passes = of_match.scalar_subquery() == having.c.number
        wanted = select(having.c.number).where(passes).order_by(having.c.number.desc())
        parts.append(wanted.limit(left).cte())
        left = left - select(func.count()).select_from(parts[-1]).scalar_subquery()
    merged = union_all(*(select(part.c.number) for part in parts)).subquery()
    return select(merged.c.number).order_by(merged.c.number.desc()).limit(count)


def _passing(filters: Filters, below: int) -> Select[int]:
    passing = select(Task.number).where(Task.number < below, *_conditions(filters, filters.complexity))
    if filters.dead_letters:
        # No index but theirs has so few rows.
        passing = passing.where(Task.dead_letter_at.is_not(None))
    wanted = filters.wanted_states
    return passing if None in wanted else passing.where(Task.state.in_(wanted))

"""The list of tasks: every page, every filter and every search finds what is there, once, newest first."""

import itertools
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.exc import InvalidRequestError

from models import scope
from models.columns import new_id, now
from models.database import db, writing
from models.errors import InvalidInput
from models.plan import Plan
from models.search import words_of
from models.states import State
from models.task import Task
from models.task_list import Filters, page
from tests.support.factories import make_task

STATES = (State.QUEUED, State.FAILED)
AGENTS = ("scout", "builder", None)
TITLES = ("Survey of the harbour", "Quarterly report", "Report on Cafés, harbour side", "zeppelin_2026.csv")
# Far apart: they lie in other buckets of the search index on PostgreSQL.
NUMBERS = [*range(1, 61), 1030, 2050, 2051, 40_000, 40_001, 70_000, 150_000, 400_000]


@pytest.fixture
def tasks(app: Flask) -> Iterator[list[Task]]:
    """Tasks of two states, three agents and three complexities, newest first."""
    with writing() as session:
        for index, number in enumerate(NUMBERS):
            session.add(
                Task(
                    number=number,
                    title=TITLES[index % 4],
                    description="checked twice" if index % 5 else "an unusual remark",
                    state=STATES[index // 4 % 2],
                    agent=AGENTS[index % 3],
                    complexity=1 + index % 7 % 3,
                    plan=Plan(content={}),
                    queue="complexity.1",
                    rank_at=now(),
                )
            )
    yield list(db.session.scalars(select(Task).order_by(Task.number.desc())))


def numbers(filters: Filters, limit: int = 30) -> list[int]:
    """The numbers on all pages, in order."""
    found: list[int] = []
    cursor = None
    while True:
        one = page(db.session, filters, cursor, limit)
        assert len(one.tasks) <= limit
        found += [task.number for task in one.tasks]
        cursor = one.next_cursor
        if cursor is None:
            return found
        assert cursor == one.tasks[-1].id


def passes(task: Task, filters: Filters) -> bool:
    text = words_of(f"{task.title} {task.description}".replace("é", "e"))
    return (
        filters.state in (None, task.state)
        and filters.agent in (None, task.agent)
        and filters.complexity in (None, task.complexity)
        and all(any(word.startswith(wanted) for word in text) for wanted in words_of(filters.q or ""))
    )


@pytest.mark.parametrize("q", [None, "rep", "harbour", "harb re", "zeppelin 2026", "unusual", "unicorn", "r"])
def test_every_combination_of_filters_finds_what_passes_them(tasks: list[Task], q: str | None) -> None:
    for state, agent, complexity in itertools.product((None, State.FAILED), (None, "scout"), (None, 2)):
        filters = Filters(state, agent, complexity, q)
        assert numbers(filters) == [task.number for task in tasks if passes(task, filters)], filters


def test_a_search_is_right_also_where_many_tasks_pass_the_filters(
    tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.task_list.FEW", 3)
    filters = Filters(state=State.FAILED, q="harbour")
    assert numbers(filters) == [task.number for task in tasks if passes(task, filters)]
    assert numbers(filters)


@pytest.mark.parametrize("filters", [Filters(), Filters(state=State.FAILED), Filters(q="report")])
def test_the_cursor_of_a_deleted_task_still_works(app: Flask, filters: Filters) -> None:
    with writing() as session:
        made = [make_task(session, State.FAILED, title=f"Report {n}").number for n in range(9)]
    first = page(db.session, filters, None, 3)
    with writing() as session:
        session.execute(delete(Task).where(Task.id == first.next_cursor))
    rest = page(db.session, filters, first.next_cursor, 50)
    assert [task.number for task in (*first.tasks, *rest.tasks)] == sorted(made, reverse=True)


def test_a_cursor_older_than_every_task_gives_an_empty_last_page(tasks: list[Task]) -> None:
    empty = page(db.session, Filters(), "00000000-0000-7000-8000-000000000000")
    assert (empty.tasks, empty.next_cursor) == ([], None)


def test_a_task_that_arrives_while_somebody_pages_shifts_nothing(app: Flask) -> None:
    with writing() as session:
        made = [make_task(session).number for _ in range(6)]
    first = page(db.session, Filters(), None, 3)
    with writing() as session:
        make_task(session)
    second = page(db.session, Filters(), first.next_cursor, 3)
    assert [task.number for task in (*first.tasks, *second.tasks)] == sorted(made, reverse=True)


@pytest.mark.parametrize(
    ("cursor", "limit", "path"), [("nonsense", 50, "cursor"), (None, 0, "limit"), (None, 201, "limit")]
)
def test_a_wrong_cursor_or_limit_is_named(app: Flask, cursor: str | None, limit: int, path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        page(db.session, Filters(), cursor, limit)
    assert [problem["path"] for problem in caught.value.problems] == [path]


def test_an_unknown_id_as_cursor_is_no_error(tasks: list[Task]) -> None:
    assert page(db.session, Filters(), new_id()).tasks[0].number == max(NUMBERS)


def test_a_list_never_loads_inputs_and_texts(tasks: list[Task]) -> None:
    db.session.expire_all()
    db.session.expunge_all()
    shown = page(db.session, Filters(), None, 1).tasks[0]
    for name in ("inputs", "limits", "description"):
        with pytest.raises(InvalidRequestError):
            getattr(shown, name)


@pytest.mark.parametrize(
    "filters", [Filters(), Filters(state=State.QUEUED), Filters(q="secret"), Filters(agent="x", q="s")]
)
def test_another_tenants_tasks_are_in_no_list(app: Flask, filters: Filters) -> None:
    with scope.acting("person:charlie", "elsewhere"), writing() as session:
        make_task(session, title="Secret plan", agent="x")
    assert page(db.session, filters).tasks == []


def test_a_search_follows_a_change_of_the_title(app: Flask) -> None:
    with writing() as session:
        made = make_task(session, title="Balloon")
    with writing() as session:
        task = session.scalars(select(Task).where(Task.id == made.id)).one()
        task.title = "Airship"
    assert numbers(Filters(q="balloon")) == []
    assert numbers(Filters(q="airship")) == [made.number]


def test_a_search_takes_any_text(app: Flask) -> None:
    for text in ('"', 'a"b OR c', "* ^ :", "NEAR(a b)", "l0:", "' & '", "\\", "日本 語", "ﬁ²½", "x" * 500, "%_"):
        assert page(db.session, Filters(q=text)).tasks == []

"""Whatever is tried in whatever order, a task moves only along the table and its events have no gaps."""

from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st
from sqlalchemy import select

from models.columns import now
from models.database import reading, writing
from models.errors import Conflict
from models.plan import Plan
from models.states import FIRST, MOVES, TERMINAL, Move, State, move
from models.task import Task


@tries(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=st.lists(st.sampled_from(list(Move)), max_size=12))
def test_task_moves_only_along_the_table(app: Flask, wishes: list[Move]) -> None:
    with writing() as session:
        task = Task(title="t", complexity=1, queue="complexity.1", plan=Plan(content={}), rank_at=now())
        session.add(task)
    expected, events = FIRST, 0
    for wish in wishes:
        sources, target = MOVES[wish]
        try:
            with writing() as session:
                move(session, wish, Task.id == task.id)
            moved = True
        except Conflict:
            moved = False
        assert moved == (expected in sources)
        expected, events = (target, events + 1) if moved else (expected, events)
        with reading() as session:
            row = session.scalars(select(Task).where(Task.id == task.id)).one()
        assert (row.state, row.event_count) == (expected, events)


def test_every_state_that_a_move_leads_to_is_terminal_or_can_be_left() -> None:
    left = set().union(*(sources for sources, _ in MOVES.values()))
    assert all(target in TERMINAL or target in left for _, target in MOVES.values())
    assert State.QUEUED in left

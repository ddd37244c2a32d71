"""What the claim costs does not grow with the tasks that wait: asked of each database's plan, not of a clock."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import event, select, text

from bench.many_tasks import fill
from models import scope
from models.agent import Agent
from models.claim import Claim, Claimant, claim
from models.database import db, reading, writing
from models.states import State
from models.task import Task

WAITING = 3000
SCOUT = Claimant("scout", None, "host-a", 100, 1.0)


@pytest.fixture
def crowded(app: Flask) -> Flask:
    """Many tasks wait in one queue, and nothing else is there."""
    fill(db.engine, WAITING, lambda _: {"state": State.QUEUED, "queue": "complexity.3", "agent": None})
    return app


def take() -> Claim | None:
    with scope.wide("agent:scout"), writing() as session:
        return claim(session, ["complexity.3", "complexity.4", "agent.scout"], SCOUT)


@contextmanager
def explained() -> Iterator[list[str]]:
    """The steps by which SQLite makes the claims within."""
    steps: list[str] = []

    def explain(_connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("UPDATE task"):
            steps.extend(row[-1] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))  # type: ignore[attr-defined]

    event.listen(db.engine, "before_cursor_execute", explain)
    try:
        yield steps
    finally:
        event.remove(db.engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_looks_into_the_index_once_a_queue_and_never_reads_the_table(crowded: Flask) -> None:
    with explained() as steps:
        assert take() is not None
    of_tasks = [step for step in steps if " task" in step]
    assert of_tasks.count("SEARCH task USING INDEX ix_task_claimable (queue=?)") == 3
    assert {step for step in of_tasks if "ix_task_claimable" not in step} == {
        "SEARCH task USING INTEGER PRIMARY KEY (rowid=?)"
    }


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_postgresql_plans_the_claim_once_and_not_for_each_task(crowded: Flask) -> None:
    """A connection's first claims are planned each for itself; then it has seen that one plan serves all."""
    for _ in range(15):
        assert take() is not None
    plans = text("SELECT generic_plans FROM pg_prepared_statements WHERE statement LIKE 'UPDATE task%'")
    with db.engine.connect() as connection:
        assert connection.scalars(plans).all() == [5]


def test_claim_tells_the_limits_of_the_agent_in_the_tasks_own_tenant(crowded: Flask) -> None:
    for tenant, seconds in (("another", 1), ("default", 2)):
        with scope.acting("person:alice", tenant), writing() as session:
            session.add(Agent(name="scout", limits={"wall_s": seconds}))
    taken = take()
    assert taken is not None and taken.limits_of_agent == {"wall_s": 2}
    with scope.wide("system:test"), reading() as session:
        assert session.scalars(select(Task.tenant).where(Task.id == taken.task_id)).one() == "default"

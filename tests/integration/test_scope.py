"""No statement leaves its tenant, and one that says nothing about whose rows it wants is refused."""

import pytest
from flask import Flask
from sqlalchemy import delete, select, text, update

from models import scope
from models.columns import now
from models.database import db, reading, writing
from models.errors import Misconfigured
from models.plan import Plan
from models.states import State
from models.task import Task


def add(title: str) -> None:
    with writing() as session:
        session.add(Task(title=title, complexity=1, queue="complexity.1", plan=Plan(content={}), rank_at=now()))


def titles() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(Task.title).order_by(Task.number)))


def test_rows_carry_their_tenant_and_author(app: Flask) -> None:
    with scope.acting("person:bob", "acme"):
        add("ours")
    with scope.wide("system:test"), reading() as session:
        row = session.scalars(select(Task)).one()
    assert (row.tenant, row.author) == ("acme", "person:bob")


def test_reads_updates_and_deletes_stay_inside_the_tenant(app: Flask) -> None:
    add("ours")
    with scope.acting("person:charlie", "other"):
        add("theirs")
        assert titles() == ["theirs"]
        with writing() as session:
            session.execute(update(Task).values(title="changed"))
        with writing() as session:
            session.execute(delete(Task).where(Task.title == "ours"))
    assert titles() == ["ours"]
    with scope.wide("system:test"):
        assert titles() == ["ours", "changed"]


def test_query_without_a_scope_raises(app: Flask) -> None:
    token = scope._scope.set(None)
    try:
        with pytest.raises(Misconfigured, match="without a scope"):
            titles()
        with pytest.raises(Misconfigured, match="without a scope"):
            add("nobody's")
    finally:
        scope._scope.reset(token)


def test_plain_statement_is_refused_inside_a_tenant(app: Flask) -> None:
    with pytest.raises(Misconfigured, match="plain statement"):
        db.session.execute(text("SELECT * FROM task"))


def test_new_row_in_the_wide_scope_must_name_its_tenant(app: Flask) -> None:
    with scope.wide("system:test"), pytest.raises(Misconfigured, match="without naming its tenant"):
        add("whose?")


def test_one_tenant_cannot_read_a_row_of_another_by_its_key(app: Flask) -> None:
    add("ours")
    with scope.acting("person:charlie", "other"), reading() as session:
        assert session.get(Task, 1) is None
        assert session.scalars(select(Task).where(Task.state == State.QUEUED)).all() == []

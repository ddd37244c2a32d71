"""How budgets stand, how people limit them, and what was spent by day, agent, task and model."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.event import listen, remove

from models.budget import BudgetKind, Spend
from models.columns import database_now
from models.database import db, reading, writing
from models.errors import BudgetExceeded, InvalidInput, NotFound
from models.spend_list import Filters, SpendBy, by, total
from tasks.plans.model_plan import BudgetFields
from tasks.spending import budget_limits
from tasks.spending.budgets import Usage, reserve, settle_alone
from tests.support.factories import make_agent, make_task
from tests.support.thinking import model, running


def test_limits_are_written_as_people_write_them_and_count_from_the_next_call_on(app: Flask) -> None:
    claim = running(BudgetFields(tokens=100))
    with pytest.raises(BudgetExceeded):
        reserve(claim, "m1", model(), 50)
    changes = {"tokens": "1,000", "cost": "$0.50", "calls": 3, "wall_s": "2 min"}
    found = budget_limits.set_limits(BudgetKind.TASK, claim.task_id, changes)
    assert [each.most for each in (found.tokens, found.cost, found.calls, found.wall_ms)] == [1000, 500_000, 3, 120_000]
    reserve(claim, "m1", model(), 50)
    found = budget_limits.set_limits(BudgetKind.TASK, claim.task_id, {"tokens": None})
    assert (found.tokens.most, found.tokens.left, found.calls.left, found.cost.left) == (None, None, 2, 499_750)


def test_agents_and_days_budgets_are_there_before_anything_is_spent(app: Flask) -> None:
    with writing() as session:
        make_agent(session, "scout")
    for kind, name in ((BudgetKind.DAY, ""), (BudgetKind.AGENT, "scout")):
        assert budget_limits.show(kind, name).calls.used == 0
        assert budget_limits.set_limits(kind, name, {"calls": "0"}).calls.left == 0
        with pytest.raises(BudgetExceeded, match="allows 0 calls"):
            reserve(running(), "m1", model(), 50)
        budget_limits.set_limits(kind, name, {"calls": ""})
    reserve(running(), "m1", model(), 50)
    assert budget_limits.show(BudgetKind.DAY).calls.reserved == 1


def test_budgets_of_many_agents_are_read_at_once_in_the_order_of_their_names(app: Flask) -> None:
    with writing() as session:
        make_agent(session, "scout")
    budget_limits.set_limits(BudgetKind.AGENT, "scout", {"calls": 7})
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    listen(db.engine, "before_cursor_execute", note)
    with reading() as session:
        found = budget_limits.of_agents(session, ["nobody", "scout", "anybody"])
    remove(db.engine, "before_cursor_execute", note)
    assert [(each.name, each.calls.most, each.calls.used) for each in found] == [
        ("nobody", None, 0), ("scout", 7, 0), ("anybody", None, 0),
    ]  # fmt: skip
    assert len([each for each in asked if "FROM budget" in each]) == 1


def test_wrong_limits_are_named(app: Flask) -> None:
    wrong = {"tokens": "many", "cost": -1, "calls": 1.5, "wall": "soon", "money": 3}
    with pytest.raises(InvalidInput) as refused:
        budget_limits.set_limits(BudgetKind.DAY, "", wrong)
    assert [each["path"] for each in refused.value.problems] == list(wrong)
    with writing() as session:
        playbook = make_task(session)
    for kind, name in (
        (BudgetKind.AGENT, "nobody"),
        (BudgetKind.TASK, playbook.id),
        (BudgetKind.TASK, "01900000-0000-7000-8000-000000000000"),
    ):
        with pytest.raises(NotFound):
            budget_limits.show(kind, name)
        with pytest.raises(NotFound):
            budget_limits.set_limits(kind, name, {"calls": 1})


def test_spend_is_summed_by_day_agent_task_and_model(app: Flask) -> None:
    first, second = running(agent="scout"), running(BudgetFields(tokens=10_000), agent="smith")
    settle_alone(reserve(first, "m1", model(), 50), Usage(40, 10))
    with writing() as session:
        session.execute(update(Spend).values(at=database_now(-timedelta(days=1))))
    settle_alone(reserve(first, "m2", model("large"), 50), None)
    settle_alone(reserve(second, "m1", model("odd", input_price=None), 50), Usage(40, 10))
    reserve(second, "m2", model(), 50)
    with reading() as session:
        everything = total(session, Filters())
        agents = {each.name: each for each in by(session, SpendBy.AGENT, Filters())}
        assert [each.calls for each in by(session, SpendBy.DAY, Filters())] == [3, 1]
        assert {each.name for each in by(session, SpendBy.MODEL, Filters(task_id=second.task_id))} == {
            "here/odd",
            "here/small",
        }
        tasks = {each.name for each in by(session, SpendBy.TASK, Filters(agent="scout"))}
        assert total(session, Filters(days=0)).calls == 0
    assert (everything.calls, everything.tokens, everything.cost) == (4, 50 + 150 + 50 + 150, 60 + 250 + 250)
    assert (everything.lost, everything.open, everything.unpriced) == (1, 1, 1)
    assert (agents["scout"].cost, agents["smith"].cost) == (310, 250)
    assert tasks == {first.task_id}

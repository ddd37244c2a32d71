"""Budgets are kept before the call: by every process that shares them, and through every death of a run."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from models import scope, spending
from models.budget import Budget, BudgetKind, Spend, SpendState
from models.claim import Claim, Fenced, close_run
from models.database import reading, writing
from models.errors import BudgetExceeded, Conflict, PriceUnknown
from models.run import Run
from models.states import State
from models.task import Task
from tasks.plans.model_plan import BudgetFields
from tasks.spending import budgets, lost_calls
from tasks.spending.budgets import NOTHING, Reservation, Usage, reserve, settle_alone
from tests.support.factories import make_task
from tests.support.thinking import model, next_run, running


def budget(kind: BudgetKind, name: str = "") -> Budget:
    with reading() as session:
        return session.scalars(select(Budget).where(Budget.kind == kind, Budget.name == name)).one()


def of(claim: Claim) -> Budget:
    return budget(BudgetKind.TASK, claim.task_id)


def used(found: Budget) -> tuple[int, int, int]:
    return found.used_tokens, found.used_cost, found.used_calls


def reserved(found: Budget) -> tuple[int, int, int]:
    return found.reserved_tokens, found.reserved_cost, found.reserved_calls


def limit(kind: BudgetKind, name: str = "", **limits: Any) -> None:
    with writing() as session:
        found = budgets.of_day(session, kind, name, scope.current().tenant or "default")
        for each, value in limits.items():
            setattr(found, each, value)


def states(claim: Claim) -> list[SpendState]:
    with reading() as session:
        return list(session.scalars(select(Spend.state).where(Spend.task_id == claim.task_id).order_by(Spend.at)))


def test_call_is_reserved_at_its_most_and_settled_at_what_it_used(app: Flask) -> None:
    claim = running()
    reservation = reserve(claim, "m1", model(), 50)
    everywhere = (of(claim), budget(BudgetKind.AGENT, "scout"), budget(BudgetKind.DAY))
    assert [reserved(each) for each in everywhere] == [(150, 250, 1)] * 3
    assert settle_alone(reservation, Usage(40, 10)) == 60
    everywhere = (of(claim), budget(BudgetKind.AGENT, "scout"), budget(BudgetKind.DAY))
    assert [(used(each), reserved(each)) for each in everywhere] == [((50, 60, 1), (0, 0, 0))] * 3
    assert states(claim) == [SpendState.SETTLED]


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (BudgetFields(tokens=149), "149 tokens"),
        (BudgetFields(cost=0.000249), "$0.000249"),
        (BudgetFields(calls=1), "1 call"),
    ],
)
def test_call_without_room_is_refused_with_the_limit_and_the_way_out(
    app: Flask, limits: BudgetFields, named: str
) -> None:
    claim = running(limits)
    limit(BudgetKind.DAY)
    if limits.calls:
        settle_alone(reserve(claim, "m1", model(), 50), NOTHING)
    before = used(of(claim))
    with pytest.raises(BudgetExceeded, match="budget set --task") as refused:
        reserve(claim, "m2", model(), 50)
    assert f"allows {named}" in str(refused.value) and not refused.value.transient
    assert used(of(claim)) == before and reserved(of(claim)) == (0, 0, 0)
    assert reserved(budget(BudgetKind.DAY)) == (0, 0, 0)


def test_child_counts_in_its_parents_budget(app: Flask) -> None:
    parent = running(BudgetFields(tokens=200))
    child = running(BudgetFields(tokens=180), parent)
    settle_alone(reserve(child, "m1", model(), 50), Usage(50, 60))
    assert used(of(parent)) == (110, 170, 1)
    with pytest.raises(BudgetExceeded, match=f"budget of the task {parent.task_id} allows 200 tokens"):
        reserve(child, "m2", model(output_tokens=60), 40)


def test_child_gets_no_more_than_its_family_has_left(app: Flask) -> None:
    parent = running(BudgetFields(tokens=200))
    settle_alone(reserve(parent, "m1", model(), 50), Usage(50, 50))
    with pytest.raises(BudgetExceeded, match="100 tokens left"):
        running(BudgetFields(tokens=101), parent)
    running(BudgetFields(tokens=100), parent)


def test_playbook_between_two_models_hands_the_budget_on(app: Flask) -> None:
    first = running(BudgetFields(tokens=200))
    with writing() as session:
        between = make_task(session, parent_id=first.task_id)
    last = running(parent=between.id)
    with pytest.raises(BudgetExceeded, match=f"budget of the task {first.task_id} allows"):
        reserve(last, "m1", model(), 101)


def test_agents_and_days_limit_is_over_with_the_day(app: Flask) -> None:
    claim = running()
    limit(BudgetKind.AGENT, "scout", max_calls=1)
    late = reserve(claim, "m1", model(), 50)
    with pytest.raises(BudgetExceeded, match="today's budget of the agent scout"):
        reserve(running(), "m1", model(), 50)
    with writing() as session:  # a day passes
        session.execute(update(Budget).where(Budget.kind != BudgetKind.TASK).values(period="2001-01-01"))
        spend = session.get_one(Spend, late.spend_id)
        spend.budgets = [[each, period and "2001-01-01"] for each, period in spend.budgets]
    today = running()
    reserve(today, "m1", model(), 50)
    settle_alone(late, Usage(50, 50))
    assert reserved(budget(BudgetKind.AGENT, "scout")) == (150, 250, 1)
    assert used(budget(BudgetKind.AGENT, "scout")) == (0, 0, 0)
    assert used(of(claim)) == (100, 150, 1)


def test_model_without_a_price_needs_a_limit_in_tokens_and_none_in_money(app: Flask) -> None:
    nobody_knows = model(input_price=None)
    with pytest.raises(PriceUnknown, match="no budget limits its tokens"):
        reserve(running(), "m1", nobody_knows, 50)
    with pytest.raises(PriceUnknown, match="limits money"):
        reserve(running(BudgetFields(tokens=1000, cost=1)), "m1", nobody_knows, 50)
    claim = running(BudgetFields(tokens=1000))
    assert settle_alone(reserve(claim, "m1", nobody_knows, 50), Usage(50, 50)) is None
    free = model(input_price=0, output_price=0)
    assert settle_alone(reserve(running(BudgetFields(cost=0.000001)), "m1", free, 50), Usage(50, 50)) == 0


def test_answer_without_a_count_stays_spent_at_what_was_reserved(app: Flask) -> None:
    claim = running()
    settle_alone(reserve(claim, "m1", model(), 50), None)
    assert (used(of(claim)), reserved(of(claim))) == ((150, 250, 1), (0, 0, 0))
    assert states(claim) == [SpendState.LOST]
    for told in ((0, 20), (None, 20), (10**30, 20), (20, 10**9 + 1), (-1, 20), (20, -1)):
        assert budgets.usage_told(*told) is None
    assert budgets.usage_told(10**9, 0) == Usage(10**9, 0)


def test_next_run_loses_what_the_dead_one_left_and_pays_again(app: Flask) -> None:
    first = running(BudgetFields(tokens=300))
    left = reserve(first, "m1", model(), 50)
    second = next_run(first)
    settle_alone(reserve(second, "m1", model(), 50), Usage(50, 100))
    assert used(of(first)) == (300, 500, 2)
    assert states(first) == [SpendState.LOST, SpendState.SETTLED]
    with pytest.raises(Conflict, match="not reserved any more"):
        settle_alone(left, NOTHING)
    with pytest.raises(BudgetExceeded):
        reserve(second, "m2", model(), 1)


def test_fenced_run_reserves_nothing_and_loses_nothing_of_its_successor(app: Flask) -> None:
    first = running()
    second = next_run(first)
    reservation = reserve(second, "m1", model(), 50)
    with pytest.raises(Fenced):
        reserve(first, "m1", model(), 50)
    settle_alone(reservation, Usage(50, 50))
    assert states(first) == [SpendState.SETTLED]


def test_reconciler_loses_the_calls_of_runs_that_are_over_and_no_others(app: Flask) -> None:
    at_work, dead = running(), running()
    live, _ = reserve(at_work, "m1", model(), 50), reserve(dead, "m1", model(), 50)
    with writing() as session:
        session.execute(update(Task).where(Task.id == dead.task_id).values(state=State.CANCELLED))
    with scope.wide("system:reconciler"):
        assert lost_calls.lose_dead() == 1
        assert lost_calls.lose_dead() == 0
    assert states(dead) == [SpendState.LOST] and used(of(dead)) == (150, 250, 1)
    settle_alone(live, Usage(50, 50))
    assert reserved(budget(BudgetKind.DAY)) == (0, 0, 0)


def test_what_a_server_counts_besides_is_reserved_for_all_its_next_calls(app: Flask) -> None:
    settle_alone(reserve(running(), "m1", model(), 50), Usage(80, 110))
    for _ in range(2):
        reservation = reserve(running(), "m1", model(), 60)
        assert reservation.tokens == 60 + 30 + 100 + 10
        settle_alone(reservation, Usage(60, 10))
    assert reserve(running(), "m1", model("large"), 60).tokens == 60 + 100
    assert reserve(running(), "m1", model("short", context_tokens=40), 60).tokens == 40 + 100


def test_lower_limit_of_answers_is_no_surprise_of_those_before(app: Flask) -> None:
    settle_alone(reserve(running(), "m1", model(output_tokens=4000), 50), Usage(50, 4000))
    assert reserve(running(), "m1", model(output_tokens=100), 50).tokens == 150


def test_time_is_counted_over_runs_and_while_a_call_lasts(app: Flask) -> None:
    claim = running(BudgetFields(wall_s=100))
    reservation = reserve(claim, "m1", model(), 50)
    assert reservation.wall_left_s == 100
    pass_time(claim, 30)
    settle_alone(reservation, Usage(50, 50))
    pass_time(claim, 30)
    assert 39 < (reserve(claim, "m2", model(), 50).wall_left_s or 0) <= 40
    pass_time(claim, 41)
    second = next_run(claim)
    with pytest.raises(BudgetExceeded, match="allows 100 s") as refused:
        reserve(second, "m2", model(), 50)
    assert refused.value.details["limit"] == "wall_ms"


def test_time_behind_a_runs_last_call_is_counted_by_the_next_run(app: Flask) -> None:
    first = running(BudgetFields(wall_s=1000))
    settle_alone(reserve(first, "m1", model(), 50), Usage(50, 50))
    pass_time(first, 100)  # its tools work, then it waits for a person
    second = next_run(first)
    pass_time(second, 200)  # the tool that was approved
    third = next_run(second)
    reserve(third, "m2", model(), 50)
    assert 300_000 <= of(first).used_wall_ms < 400_000
    fourth = next_run(third)
    reserve(fourth, "m2", model(), 50)
    assert of(first).used_wall_ms < 400_000


def test_time_between_two_runs_is_nobodys(app: Flask) -> None:
    first = running(BudgetFields(wall_s=1000))
    settle_alone(reserve(first, "m1", model(), 50), Usage(50, 50))
    with writing() as session:
        close_run(session, first.task_id, 1, "waiting")
    pass_time(first, 900)
    reserve(next_run(first), "m2", model(), 50)
    assert of(first).used_wall_ms < 100_000


def test_time_of_a_call_that_broke_is_counted_once(app: Flask) -> None:
    claim = running(BudgetFields(wall_s=1000))
    reserve(claim, "m1", model(), 50)
    pass_time(claim, 100)
    reserve(claim, "m1", model("other"), 50)
    assert 100_000 <= of(claim).used_wall_ms < 200_000


def test_reconciler_counts_the_time_of_what_it_loses_and_the_next_run_does_not_again(app: Flask) -> None:
    first = running(BudgetFields(wall_s=1000))
    reserve(first, "m1", model(), 50)
    pass_time(first, 100)
    second = next_run(first)
    with scope.wide("system:reconciler"):
        assert lost_calls.lose_dead() == 1
    assert 100_000 <= of(first).used_wall_ms < 200_000
    reserve(second, "m1", model(), 50)
    assert of(first).used_wall_ms < 200_000


def pass_time(claim: Claim, seconds: int) -> None:
    """What the rows' times become when this much time goes by."""
    with writing() as session:
        for run in session.scalars(select(Run).where(Run.task_id == claim.task_id)):
            run.started_at -= timedelta(seconds=seconds)
            run.ended_at = run.ended_at and run.ended_at - timedelta(seconds=seconds)
        mine = session.scalars(select(Budget).where(Budget.name == claim.task_id)).one()
        mine.wall_at = mine.wall_at and mine.wall_at - timedelta(seconds=seconds)
        for spend in session.scalars(select(Spend).where(Spend.task_id == claim.task_id)):
            spend.at -= timedelta(seconds=seconds)


def test_chain_is_the_own_budget_and_then_those_above_in_order(app: Flask) -> None:
    first = running()
    second = running(parent=first)
    third = running(parent=second)
    with reading() as session:
        found = [each.name for each in spending.chain(session, third.task_id)]
    assert found == [third.task_id, second.task_id, first.task_id]
    assert isinstance(reserve(third, "m1", model(), 1), Reservation)
    assert used(of(first)) == (0, 0, 0) and reserved(of(first)) == (101, 201, 1)

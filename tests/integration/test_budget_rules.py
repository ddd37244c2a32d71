"""Whatever is reserved, settled, lost and passed on to the next run, in whatever order: no limit is passed."""

import pytest
from flask import Flask
from hypothesis import HealthCheck
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, select

from models.budget import Budget, BudgetKind, Spend, SpendState
from models.claim import Claim, Fenced
from models.database import reading, writing
from models.errors import BudgetExceeded
from tasks.plans.model_plan import BudgetFields
from tasks.spending.budgets import Reservation, Usage, reserve, settle_alone
from tasks.spending.lost_calls import lose_left
from tests.support.thinking import model, next_run, running

MOST = 1000
ANSWER = 100
TASKS = 3


class Spending(RuleBasedStateMachine):
    """A parent with a limit, and its children, each with a run that may die; what calls may have used is remembered."""

    def __init__(self) -> None:
        super().__init__()
        with writing() as session:
            session.execute(delete(Spend))
            session.execute(delete(Budget))
        self.parent = running(BudgetFields(tokens=MOST))
        self.claims: list[Claim] = [running(BudgetFields(tokens=MOST // 2), self.parent) for _ in range(TASKS)]
        self.stale: list[Claim] = []
        self.open: dict[int, Reservation] = {}
        self.spent = [0] * TASKS
        """Tokens of each child that were used, or may have been."""

    @rule(which=st.integers(0, TASKS - 1), estimate=st.integers(1, 250))
    def call(self, which: int, estimate: int) -> None:
        # Behind an open call this run has given up waiting for its answer.
        self._lose(which)
        need = estimate + ANSWER
        has_room = self.spent[which] + need <= MOST // 2 and self._all() + need <= MOST
        if not has_room:
            with pytest.raises(BudgetExceeded):
                reserve(self.claims[which], "m1", model(), estimate)
            return
        self.open[which] = reserve(self.claims[which], "m1", model(), estimate)
        assert self.open[which].tokens == need

    @precondition(lambda self: self.open)
    @rule(data=st.data(), share=st.floats(0, 1))
    def answer(self, data: st.DataObject, share: float) -> None:
        which = data.draw(st.sampled_from(sorted(self.open)))
        reservation = self.open.pop(which)
        used = Usage(int((reservation.tokens - ANSWER) * share), int(ANSWER * share))
        settle_alone(reservation, used)
        self.spent[which] += used.input_tokens + used.output_tokens

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def break_off(self, data: st.DataObject) -> None:
        which = data.draw(st.sampled_from(sorted(self.open)))
        reservation = self.open.pop(which)
        settle_alone(reservation, None)
        self.spent[which] += reservation.tokens

    @rule(which=st.integers(0, TASKS - 1))
    def die(self, which: int) -> None:
        self.stale.append(self.claims[which])
        self.claims[which] = next_run(self.claims[which])

    @rule(which=st.integers(0, TASKS - 1))
    def look_after(self, which: int) -> None:
        lose_left(self.claims[which])
        self._lose(which)

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.stale))
        before = self._reserved_by_newer(claim)
        with pytest.raises(Fenced):
            reserve(claim, "m1", model(), 1)
        assert self._reserved_by_newer(claim) == before
        which = next(at for at, each in enumerate(self.claims) if each.task_id == claim.task_id)
        if which in self.open and self.open[which].run_number <= claim.run_number:
            self._lose(which)

    @invariant()
    def nothing_is_freed_and_no_limit_passed(self) -> None:
        for which, claim in enumerate(self.claims):
            kept = self._budget(claim)
            reserved = self.open[which].tokens if which in self.open else 0
            assert (kept.used_tokens, kept.reserved_tokens) == (self.spent[which], reserved)
            assert kept.used_tokens + kept.reserved_tokens <= MOST // 2
        whole = self._budget(self.parent)
        assert whole.used_tokens + whole.reserved_tokens == self._all() <= MOST

    def _all(self) -> int:
        return sum(self.spent) + sum(each.tokens for each in self.open.values())

    def _lose(self, which: int) -> None:
        if which in self.open:
            self.spent[which] += self.open.pop(which).tokens

    def _budget(self, claim: Claim) -> Budget:
        with reading() as session:
            mine = select(Budget).where(Budget.kind == BudgetKind.TASK, Budget.name == claim.task_id)
            return session.scalars(mine).one()

    def _reserved_by_newer(self, claim: Claim) -> list[str]:
        newer = (Spend.task_id == claim.task_id, Spend.run_number > claim.run_number)
        with reading() as session:
            return list(session.scalars(select(Spend.id).where(*newer, Spend.state == SpendState.RESERVED)))


def try_orders(examples: int) -> None:
    checks = effort(
        max_examples=examples,
        stateful_step_count=20,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=examples < 100,
    )
    run_state_machine_as_test(Spending, settings=checks)


def test_no_order_of_calls_deaths_and_answers_passes_a_limit_or_frees_what_was_spent(app: Flask) -> None:
    try_orders(6)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_none_of_many_orders_does_either(app: Flask) -> None:
    try_orders(200)

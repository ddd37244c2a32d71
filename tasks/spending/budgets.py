"""Budgets of model calls, kept before the call: reserved in every budget that applies, or refused.

A call counts in the budget of its task, of the tasks that this one was delegated by, of the agent that day and of
the day.  `reserve` is a transaction of its own, before the call; `settle` is part of the fenced transaction that
writes the step's end.  What a run left reserved when it died stays spent: nobody can prove that the call was not
made.  Why so: docs/decisions/0040-budgets-fail-closed.md.  The statements: models/spending.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import spending
from models.budget import Budget, BudgetKind, Spend, SpendState
from models.claim import Claim, Fenced
from models.columns import clock, database_now, new_id
from models.database import insert_unless_there, writing
from models.errors import Conflict, Misconfigured
from models.money import cost as cost_of
from models.money import micro_dollars
from models.scope import current
from models.spending import Need
from models.states import State
from models.task import Task
from models.wall_time import counted_to_now, wall_since
from tasks.plans.model_plan import BudgetFields
from tasks.providers.choice import Candidate
from tasks.spending.budget_words import exceeded, too_much_for_child, unknown_price
from tasks.spending.lost_calls import lose_left
from tools import triggers

SURPRISES_LAST = timedelta(days=1)
LOOKED_AT = 20
"""Calls of a model by which the next one is judged."""

MOST_TOLD = 10**9
"""No question and no answer has more tokens, and no column holds any number that a server may write."""


@dataclass(frozen=True)
class Usage:
    """What a call used, as its server counted."""

    input_tokens: int
    output_tokens: int


NOTHING = Usage(0, 0)
"""What a call used that the server refused or that never reached it; it counts as a call all the same."""


@dataclass(frozen=True)
class Reservation:
    """What one call may use; it is settled once."""

    spend_id: str
    task_id: str
    run_number: int
    model: str
    """`provider/model`."""
    tokens: int
    cost: int | None
    budgets: Sequence[tuple[str, str | None]] = field(repr=False)
    input_price: int | None = field(repr=False)
    output_price: int | None = field(repr=False)
    wall_left_s: float | None = None
    """How long the call may take at most before a budget's time is up; None where none has one."""

    def cost_of(self, usage: Usage) -> int | None:
        """What that comes to in micro-dollars; None where the price is unknown."""
        return cost_of(usage.input_tokens, usage.output_tokens, self.input_price, self.output_price)


def usage_told(input_tokens: int | None, output_tokens: int | None) -> Usage | None:
    """What a server said about an answer; None where that cannot be: none is made from nothing."""
    if not input_tokens or output_tokens is None:
        return None
    if not (0 < input_tokens <= MOST_TOLD and 0 <= output_tokens <= MOST_TOLD):
        return None
    return Usage(input_tokens, output_tokens)


def open_for(session: Session, task: Task, wanted: BudgetFields) -> Budget:
    """Open the budget of a task that is being submitted; what a child may spend is within its parent's.

    Raises:
        BudgetExceeded: the parent's budgets have less left than is wanted.
    """
    above = _above(session, task.parent_id)
    day = today(session) if above else ""
    limits = {
        "max_tokens": wanted.tokens,
        "max_cost": None if wanted.cost is None else micro_dollars(wanted.cost),
        "max_calls": wanted.calls,
        "max_wall_ms": None if wanted.wall_s is None else round(wanted.wall_s * 1000),
    }
    for budget in above:
        _must_be_left(budget, limits, day)
    # The chain is read by ids: it is written before the first run can ask.
    budget = Budget(id=new_id(), kind=BudgetKind.TASK, name=task.id, tenant=task.tenant, **limits)
    budget.parent_id = above[0].id if above else None
    session.add(budget)
    return budget


def reserve(claim: Claim, key: str, candidate: Candidate, input_estimate: int) -> Reservation:
    """Make room for one call in every budget that applies; what earlier calls of the task left open is lost.

    `input_estimate` is the most that the question may have, in tokens: tasks/spending/token_estimate.py.

    Raises:
        BudgetExceeded: a budget has no room; `details` name it.  Nothing was reserved.
        PriceUnknown: a limit cannot be kept with this model; another one may do.
        Fenced: another run owns the task.
    """
    lose_left(claim)
    with writing() as session:
        _own(session, claim)
        line = spending.chain(session, claim.task_id)
        if not line:
            raise Misconfigured("cannot call a model: the task has no budget; submit it again", task_id=claim.task_id)
        wall_ms = wall_since(session, line[0], claim.run_number)
        spend = Spend(task_id=claim.task_id, agent=claim.agent, key=key, epoch=claim.epoch, tenant=claim.tenant)
        spend.run_number = claim.run_number
        made = _reserve(session, spend, candidate, input_estimate, line, wall_ms)
        counted_to_now(session, line[0].id, claim.run_number)
        triggers.at("budget.before_commit")
    triggers.at("budget.after_reserve")
    return made


def settle(session: Session, reservation: Reservation, usage: Usage | None) -> int | None:
    """Count what the call used in place of what was reserved; gives its cost, None where the price is unknown.

    Runs in the transaction that writes what the call came to.  Where nobody said what it used (`usage` is None: the
    stream broke, the time was up) it stays spent at what was reserved.

    Raises:
        Conflict: it is not reserved any more.
    """
    own = spending.own(session, reservation.task_id)
    wall_ms = wall_since(session, own, reservation.run_number) if own is not None else 0
    if usage is None:
        is_closed, cost = spending.close_lost(session, reservation.spend_id, wall_ms), reservation.cost
    else:
        cost = reservation.cost_of(usage)
        tokens = (usage.input_tokens, usage.output_tokens)
        is_closed = spending.close_settled(session, reservation.spend_id, tokens, cost, wall_ms)
    if not is_closed:
        raise Conflict("cannot settle the call: it is not reserved any more", task_id=reservation.task_id)
    if own is not None:
        # Last: it is locked in its turn by then.
        counted_to_now(session, own.id, reservation.run_number)
    return cost


def settle_alone(reservation: Reservation, usage: Usage | None) -> int | None:
    """As `settle`, in a transaction of its own: for a call without an answer to keep, behind which another is made."""
    with writing() as session:
        return settle(session, reservation, usage)


def today(session: Session) -> str:
    """The day that budgets count for now, by the database's clock."""
    return spending.day_of(clock(session.connection()))


def of_day(session: Session, kind: BudgetKind, name: str, tenant: str) -> Budget:
    """The budget of an agent or of the day, made where there is none yet."""
    found = select(Budget).where(Budget.kind == kind, Budget.name == name, Budget.tenant == tenant)
    budget = session.scalars(found).one_or_none()
    if budget is None:
        named = {"id": new_id(), "kind": kind, "name": name, "tenant": tenant, "author": current().author}
        insert_unless_there(session, Budget, period=today(session), **named)
        budget = session.scalars(found).one()
    return budget


def _above(session: Session, task_id: str | None) -> list[Budget]:
    """The budgets over a part of this task; a playbook has none itself, and hands on what is above it."""
    while task_id is not None:
        if found := spending.chain(session, task_id):
            return found
        task_id = session.scalar(select(Task.parent_id).where(Task.id == task_id))
    return []


def _own(session: Session, claim: Claim) -> None:
    """Hold the task, so that no other run takes it while this one reserves; the order of locks is task, budgets."""
    mine = (Task.id == claim.task_id, Task.run_number == claim.run_number, Task.state == State.RUNNING)
    if session.execute(select(Task.number).where(*mine).with_for_update()).one_or_none() is None:
        raise Fenced("cannot reserve: another run owns this task", task_id=claim.task_id, run=claim.run_number)


def _reserve(
    session: Session, spend: Spend, candidate: Candidate, estimate: int, line: list[Budget], wall_ms: int
) -> Reservation:
    # No model reads more than its context; its server refuses the question or cuts it.
    spend.model, spend.estimated_tokens = candidate.name, min(estimate, candidate.context_tokens or estimate)
    spend.answer_tokens = candidate.output_tokens
    more = _surprise(session, spend.tenant, candidate)
    tokens = (spend.estimated_tokens + more[0], candidate.output_tokens + more[1])
    prices = (candidate.input_price, candidate.output_price)
    spend.reserved_tokens, spend.reserved_cost = sum(tokens), cost_of(*tokens, *prices)
    day = today(session)
    of_days = ((BudgetKind.AGENT, spend.agent), (BudgetKind.DAY, ""))
    budgets = [*line, *(of_day(session, kind, name, spend.tenant) for kind, name in of_days)]
    if spend.reserved_cost is None:
        _must_do_without_price(budgets, candidate.name)
    need = Need(spend.reserved_tokens, spend.reserved_cost or 0, wall_ms)
    # One order for everybody, or two calls would wait for each other.
    taken = [(each.id, _take(session, each, need, day, spend.task_id)) for each in sorted(budgets, key=_id)]
    spend.id, spend.budgets = new_id(), [list(each) for each in taken]
    session.add(spend)
    left = [_wall_left(each, wall_ms, day) for each in budgets if each.max_wall_ms is not None]
    amount = (spend.reserved_tokens, spend.reserved_cost)
    about = (spend.id, spend.task_id, spend.run_number, candidate.name)
    return Reservation(*about, *amount, taken, *prices, min(left, default=None))


def _take(session: Session, budget: Budget, need: Need, day: str, task_id: str) -> str | None:
    try:
        return spending.take(session, budget.id, need, day)
    except LookupError as full:
        now = session.get_one(Budget, budget.id, populate_existing=True)
        raise exceeded(now, spending.lacking(now, need, day), need, day, task_id) from full


def _surprise(session: Session, tenant: str, candidate: Candidate) -> tuple[int, int]:
    """By how many tokens question and answer of the model's last calls had more than was thought, at most.

    Its server may say something before each question that we do not see, or not keep to the answer's length.
    """
    of_model = (Spend.tenant == tenant, Spend.model == candidate.name, Spend.state == SpendState.SETTLED)
    last = select(Spend.input_tokens, Spend.estimated_tokens, Spend.output_tokens, Spend.answer_tokens)
    last = last.where(*of_model, Spend.input_tokens > 0, Spend.at > database_now(-SURPRISES_LAST))
    rows = session.execute(last.order_by(Spend.at.desc()).limit(LOOKED_AT)).all()
    of_question = max((row.input_tokens - row.estimated_tokens for row in rows), default=0)
    of_answer = max((row.output_tokens - row.answer_tokens for row in rows), default=0)
    return max(0, of_question), max(0, of_answer)


def _must_do_without_price(budgets: list[Budget], model: str) -> None:
    """Money cannot be kept within limits where nobody knows the price; then tokens must be."""
    limited = next((each for each in budgets if each.max_cost is not None), None)
    if limited is not None or all(each.max_tokens is None for each in budgets):
        raise unknown_price(model, limited)


def _must_be_left(budget: Budget, limits: dict[str, int | None], day: str) -> None:
    taken = spending.standing(budget, day)
    for name in spending.LIMITS:
        most, wanted = getattr(budget, f"max_{name}"), limits[f"max_{name}"]
        if most is not None and wanted is not None and taken[name] + wanted > most:
            raise too_much_for_child(budget, name, wanted, max(0, most - taken[name]))


def _wall_left(budget: Budget, wall_ms: int, day: str) -> float:
    return max(0, (budget.max_wall_ms or 0) - spending.standing(budget, day)["wall_ms"] - wall_ms) / 1000


def _id(budget: Budget) -> str:
    return budget.id

"""Before a step begins: does a person have to approve its call, and what have they said?

A first run looks nothing up.  A later one asks first what was said: that holds whoever works on the task by now, and
whether or not anybody would still demand it.  It holds only for the call that it was given for: the digest is made
anew from what is about to be done, and where it differs the person is asked again, if somebody demands it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

import settings
from models.approval import Approval, ApprovalState
from models.columns import database_now, new_id
from models.errors import InvalidInput
from models.step import StepState
from models.task import Task
from tasks.approvals import card, demands
from tasks.control.standing import withdraw
from tasks.plans.plan_fields import WHOLE_PLAN, PlanFields
from tasks.plans.playbook import PlannedStep
from tasks.runs.ledger import Ledger
from tasks.runs.outcome import StepOutcome
from tasks.runs.place import Place
from tools.registry import find

REJECTED, EXPIRED = "rejected", "expired"
"""Error codes of what a person said no to, and of what nobody answered in time."""
UNAPPROVED = frozenset({REJECTED, EXPIRED})


@dataclass(frozen=True)
class Go:
    """It may be done, with these arguments."""

    arguments: dict[str, Any]


@dataclass(frozen=True)
class Refused:
    """It must not be done."""

    code: str
    reason: str

    @property
    def outcome(self) -> StepOutcome:
        """The step that was not done."""
        return StepOutcome(state=StepState.FAILED, error_code=self.code, error_message=self.reason)


@dataclass(frozen=True)
class Ask:
    """A person must be asked first; `rows` belong into the transaction that asks."""

    question: dict[str, Any]
    rows: Callable[[Session], None]


Answer = Go | Refused | Ask


@dataclass(frozen=True)
class Intended:
    """A step that is about to begin."""

    planned: PlannedStep
    key: str
    title: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What is to be approved."""

    task: Task
    key: str
    tool: str
    title: str
    arguments: dict[str, Any]
    why: str
    """Who demands it now; empty where nobody does."""
    bound_to: str = ""
    """What the call depends on besides its arguments."""

    @property
    def digest(self) -> str:
        """What an approval of it is bound to."""
        return card.digest(self.task, self.key, self.tool, self.arguments, self.bound_to)


def before_call(ledger: Ledger, place: Place, plan: PlanFields, step: Intended, of_agent: Sequence[str]) -> Answer:
    """Whether the step's call may be made now."""
    task, tool = ledger.claim.task, find(step.planned.tool)
    why = demands.of_call(task, plan, step.planned, tool, of_agent)
    if not why and not ledger.asked_before():
        return Go(step.arguments)
    try:
        call = tool.parse(step.arguments)
    except InvalidInput:
        return Go(step.arguments)  # nothing can come of it: the call itself says what is wrong with them
    bound_to = card.bound_to(tool, call, place)
    wanted = Wanted(task, step.key, tool.name, step.title, card.exactly(call), why, bound_to)

    def ask(why: str) -> Ask:
        told = {"risk": card.risk_of([tool]), "diff": card.diff_of(tool, call, place)}
        return _ask(wanted, plan, {"why": why, **told})

    return _answer(wanted, ledger, ask) or Go(step.arguments)


def before_plan(ledger: Ledger, plan: PlanFields) -> Answer:
    """Whether the task's plan may be begun, or gone on with."""
    task, of_claim = ledger.claim.task, ledger.claim.approvals_of_agent
    why = demands.of_plan(task, plan, ledger.of_agent().approvals if of_claim is None else of_claim)
    if not why and not ledger.asked_before():
        return Go({})
    wanted = Wanted(task, WHOLE_PLAN, "", task.title, card.of_plan(task, plan), why)

    def ask(why: str) -> Ask:
        return _ask(wanted, plan, {"why": why, "risk": card.risk_of(card.tools_of(plan)), "diff": ""})

    return _answer(wanted, ledger, ask) or Go({})


def _answer(wanted: Wanted, ledger: Ledger, ask: Callable[[str], Ask]) -> Answer | None:
    """What follows from what was said to it, or from who demands it; None where nothing was and nobody does."""
    known = ledger.asked_before().get(wanted.digest)
    if known is None:
        return ask(wanted.why) if wanted.why else None
    match known.state:
        case ApprovalState.APPROVED:
            return Go(wanted.arguments)
        case ApprovalState.EDITED:
            return Go(dict(known.decided_arguments or {}))
        case ApprovalState.REJECTED:
            said = f": {known.reason}" if known.reason else ""
            return Refused(REJECTED, f"a person said no{said}")
        case ApprovalState.EXPIRED:
            return Refused(EXPIRED, "nobody approved it in time")
        case _:
            return ask(wanted.why or known.why)


def _ask(wanted: Wanted, plan: PlanFields, told: dict[str, str]) -> Ask:
    approval_id, task = new_id(), wanted.task
    title = wanted.title[:200]
    expires = plan.approval_expires_s
    after = timedelta(seconds=settings.load().approval_expires_s if expires is None else expires)
    values: dict[str, Any] = {
        "id": approval_id, "task_id": task.id, "epoch": task.epoch, "key": wanted.key, "tool": wanted.tool,
        "title": title, "arguments": wanted.arguments, "digest": wanted.digest, "on_expiry": plan.on_expiry,
        **told, "why": told["why"][:200],
    }  # fmt: skip

    def rows(session: Session) -> None:
        withdraw(session, task.id)
        session.add(Approval(**values, expires_at=database_now(after) if after else None))

    shown = {name: values[name] for name in ("arguments", "digest", "risk", "why")}
    return Ask(card.question(approval_id, wanted.key, wanted.tool, title, shown), rows)

"""What a person said to the steps of a task before they were done: one line on each (templates/parts/step.html).

The card that asks: approval_card.py.
"""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session, load_only

from models.approval import Approval, ApprovalState
from models.task import Task

WORDS = {ApprovalState.APPROVED: "Approved", ApprovalState.EDITED: "Approved with changes"}


def said_to(session: Session, task: Task) -> Mapping[str, Approval]:
    """The last yes of a person to each step, by the step's key."""
    given = select(Approval).where(Approval.task_id == task.id, Approval.state.in_(list(WORDS)))
    short = load_only(Approval.key, Approval.state, Approval.decided_by, Approval.decided_at)
    return {each.key: each for each in session.scalars(given.order_by(Approval.decided_at).options(short))}


def words_of(approval: Approval) -> str:
    """`Approved`, or `Approved with changes`."""
    return WORDS[ApprovalState(approval.state)]

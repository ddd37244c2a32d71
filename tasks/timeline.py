"""Write to the timelines of agents, queues and, for people, tasks.

What a run writes to its task's is in tasks/runs/ledger.py, whose writes are fenced.
"""

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from models import event
from models.agent import Agent
from models.database import after_commit
from models.queue import Queue
from models.task import Task
from tasks import live
from tasks.family.hearing import note_end

ENDS = ("task.cancelled", "task.failed")


def record_of_agent(session: Session, agent_id: str, kind: str, **told: Any) -> None:
    """Add an event to the agent's timeline, and hint at it after the commit."""
    raised = update(Agent).where(Agent.id == agent_id).values(event_count=Agent.event_count + 1)
    row = session.execute(raised.returning(Agent.event_count, Agent.tenant)).one()
    event.record(session, "agent", agent_id, row.event_count, kind, row.tenant, **told)
    after_commit(session, lambda: live.hint("agent", agent_id, row.event_count))


def record_of_queue(session: Session, queue_id: str, kind: str, **told: Any) -> None:
    """Add an event to the queue's timeline."""
    raised = update(Queue).where(Queue.id == queue_id).values(event_count=Queue.event_count + 1)
    row = session.execute(raised.returning(Queue.event_count, Queue.tenant)).one()
    event.record(session, "queue", queue_id, row.event_count, kind, row.tenant, **told)


def record_of_task(session: Session, task: Task, kind: str, **told: Any) -> None:
    """Add the event that the task's counter was just raised for, by `move` or by the caller's own statement.

    Where it tells the task's end, the family hears of it.
    """
    task_id, number = task.id, task.event_count
    event.record(session, "task", task_id, number, kind, task.tenant, **told)
    after_commit(session, lambda: live.hint("task", task_id, number))
    if kind in ENDS:
        note_end(session, task_id, task.root_id)

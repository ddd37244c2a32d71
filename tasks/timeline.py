"""Write to an agent's timeline; a task's is written by tasks/ledger.py, whose writes are fenced."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from models import event
from models.agent import Agent
from models.database import after_commit
from tasks import live


def record_of_agent(session: Session, agent_id: str, kind: str, **told: Any) -> None:
    """Add an event to the agent's timeline, and hint at it after the commit."""
    raised = update(Agent).where(Agent.id == agent_id).values(event_count=Agent.event_count + 1)
    row = session.execute(raised.returning(Agent.event_count, Agent.tenant)).one()
    event.record(session, "agent", agent_id, row.event_count, kind, row.tenant, **told)
    after_commit(session, lambda: live.hint("agent", agent_id, row.event_count))

"""How things stand in the whole installation, for the frame of every page: is everything stopped, what needs a person.

Each count is one short look along an index of the few rows it is about, and ends at MOST.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models import inbox
from models.task import Task
from tasks.control import emergency
from tasks.control.emergency import Emergency

MOST = 1000


@dataclass(frozen=True)
class Standing:
    """How the emergency stop stands, and the counts by the names of entries of the navigation."""

    stop: Emergency
    counts: dict[str, int]


def standing(session: Session) -> Standing:
    """How things stand now."""
    letters = _count(session, Task.dead_letter_at.is_not(None))
    counts = {"inbox": inbox.count(session, MOST), "dead_letters": letters}
    return Standing(emergency.standing(), counts)


def _count(session: Session, condition: ColumnElement[bool]) -> int:
    found = select(Task.number).where(condition).limit(MOST).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0

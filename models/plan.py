"""A plan as tasks follow it: the playbook as it was when the first of them was submitted.

Kept once by its contents, whatever number of tasks follow it: a task's own row stays small, and is written
again with each of its events.  Who parses it: tasks/plans/playbook.py.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.columns import UtcTime, new_id, now
from models.database import Base, insert_unless_there
from models.scope import Owned, current


class Plan(Owned, Base):
    """A playbook, files included; never changed, since its id is made from what it says."""

    __tablename__ = "plan"

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=new_id)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default=now)


def keep_plan(session: Session, content: dict[str, Any]) -> str:
    """The id of the tenant's plan with these contents, which is written unless it is there.  Runs in `acting(…)`."""
    scope = current()
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    digest = hashlib.sha256(f"{scope.tenant}\n{text}".encode()).hexdigest()
    # Locked, so that it is not deleted as nobody's before the task that follows it stands (tasks/keeping/retention.py).
    there = select(Plan.id).where(Plan.id == digest).with_for_update(read=True, key_share=True)
    if session.scalar(there) is None:
        signed = {"tenant": scope.tenant, "author": scope.author}
        # Two submissions of a new plan at the same time write the same row.
        insert_unless_there(session, Plan, id=digest, content=content, created_at=now(), **signed)
    return digest

"""An outside service as all workers together see it: how often it failed, and how much of its rate is left.

Whether it is called: circuit.py; how often: rate.py.  Who asks before a call and tells after it: tasks/services.py.
"""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.columns import UtcTime, id_column
from models.database import Base, insert_unless_there
from models.scope import Owned, current


class Service(Owned, Base):
    """One row a service, such as `web:example.org`, or a tool with a rate of its own; made when there is something to
    remember of it."""

    __tablename__ = "service"

    id: Mapped[str] = id_column()
    name: Mapped[str] = mapped_column(String(200))
    failures: Mapped[int] = mapped_column(default=0)
    """In a row; a call that went well sets it back."""
    last_error: Mapped[str | None] = mapped_column(String(300))
    open_until: Mapped[datetime | None] = mapped_column(UtcTime)
    """Until then nobody calls it: the circuit is open."""
    trial_until: Mapped[datetime | None] = mapped_column(UtcTime)
    """After that one call tries it, which must end before this time."""
    tokens: Mapped[float] = mapped_column(default=0.0)
    """Calls that may be made at once; refilled with time."""
    refilled_at: Mapped[datetime | None] = mapped_column(UtcTime)
    failed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    """When `last_error` was seen."""
    event_count: Mapped[int] = mapped_column(default=0)

    __table_args__ = (Index("uq_service_name", "tenant", "name", unique=True),)


def make(session: Session, name: str) -> None:
    """Its row, unless it is there."""
    signed = {"tenant": current().tenant, "author": current().author}
    insert_unless_there(session, Service, name=name, failures=0, tokens=0.0, event_count=0, **signed)

"""An outside service as all workers together see it: how often it failed, and how much of its rate is left.

Whether it is called: circuit.py; how often: rate.py.  Who asks before a call and tells after it:
tasks/runs/services.py.
"""

from datetime import datetime, timedelta

from sqlalchemy import Index, String, delete, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.columns import UtcTime, database_now, id_column
from models.database import Base, insert_unless_there
from models.event import Event
from models.scope import Owned, current

KEPT = timedelta(days=30)
FORGOTTEN_AT_ONCE = 20


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
    """Its row, unless it is there; some that nobody needs any more go for it."""
    signed = {"tenant": current().tenant, "author": current().author}
    if insert_unless_there(session, Service, name=name, failures=0, tokens=0.0, event_count=0, **signed):
        _forget_unused(session)


def _forget_unused(session: Session) -> None:
    """Delete a few rows of services that neither failed nor were paced for long, so that their number has a bound."""
    long_ago = database_now(-KEPT)
    used = or_(Service.failed_at >= long_ago, Service.refilled_at >= long_ago)
    # A row without either time is being made now.
    is_known = or_(Service.failed_at.is_not(None), Service.refilled_at.is_not(None))
    unused = list(session.scalars(select(Service.id).where(is_known, used.is_not(True)).limit(FORGOTTEN_AT_ONCE)))
    session.execute(delete(Event).where(Event.subject_id.in_(unused)))
    session.execute(delete(Service).where(Service.id.in_(unused)))

"""Who leads: of several processes that could do a work only the one whose row stands does it.

By the database's clock: a leader that is silent for `TERM` is followed by whoever asks next.
"""

from datetime import datetime, timedelta

from sqlalchemy import String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.columns import UtcTime, database_now
from models.database import Base, insert_unless_there

TERM = timedelta(seconds=8)
RECONCILER = "reconciler"


class Leadership(Base):
    """One row a work, such as `RECONCILER`; it belongs to the installation and to no tenant."""

    __tablename__ = "leadership"

    work: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(String(120))
    """Of this process and no later one: host, pid and a random part."""
    expires_at: Mapped[datetime] = mapped_column(UtcTime)


def lead(session: Session, work: str, holder: str) -> bool:
    """Take or keep the lead for another `TERM`; False while another holds it.  Runs within `wide(…)`."""
    mine_or_free = (Leadership.holder == holder) | (Leadership.expires_at < database_now())
    kept = update(Leadership).where(Leadership.work == work, mine_or_free)
    values = {"holder": holder, "expires_at": database_now(TERM)}
    if session.scalar(kept.values(**values).returning(Leadership.work)) is not None:
        return True
    return insert_unless_there(session, Leadership, work=work, **values)


def resign(session: Session, work: str, holder: str) -> None:
    """Give the lead up, so that nobody waits for its end; fine when another has it."""
    session.execute(delete(Leadership).where(Leadership.work == work, Leadership.holder == holder))


def is_led(session: Session, work: str) -> bool:
    """Whether anybody leads now."""
    stands = select(Leadership.work).where(Leadership.work == work, Leadership.expires_at > database_now())
    return session.scalar(stands) is not None

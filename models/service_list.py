"""The outside services that there is something to say of, those that are left alone first."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from models.columns import seconds_since
from models.service import Service

MOST = 500


class Circuit(StrEnum):
    """Whether a service is called."""

    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"
    """Its rest is over: one call tries it, and the others wait for what that finds."""


@dataclass(frozen=True)
class Known:
    """One service; `left_s` is how long it is left alone yet."""

    id: str
    name: str
    circuit: Circuit
    failures: int
    last_error: str | None
    failed_at: datetime | None
    open_until: datetime | None
    left_s: float


def known(session: Session) -> list[Known]:
    """Those that failed lately or have a rate, `MOST` at most."""
    order = case((Service.open_until.is_not(None), 0), (Service.failures > 0, 1), else_=2)
    found = select(Service, seconds_since(Service.open_until)).order_by(order, Service.name).limit(MOST)
    return [_known(row, passed_s) for row, passed_s in session.execute(found)]


def one(session: Session, name: str) -> Known | None:
    """The service of this name."""
    found = session.execute(
        select(Service, seconds_since(Service.open_until)).where(Service.name == name)
    ).one_or_none()
    return _known(*found) if found is not None else None


def left_alone(session: Session) -> int:
    """How many are left alone now."""
    return len(session.scalars(select(Service.id).where(Service.open_until.is_not(None)).limit(MOST)).all())


def _known(row: Service, passed_s: float | None) -> Known:
    left_s = max(0.0, -passed_s) if passed_s is not None else 0.0
    circuit = Circuit.CLOSED if row.open_until is None else Circuit.OPEN if left_s else Circuit.TRYING
    seen = (row.failures, row.last_error, row.failed_at, row.open_until)
    return Known(row.id, row.name, circuit, *seen, left_s)

"""How often something is called at most, by all workers together: a bucket of tokens in its row.

A call takes a token, one that is not there yet too: the debt says how long the call must wait, so that those who
wait are served in the order in which they came, and nobody asks the database again meanwhile.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, case, func, literal, select, update
from sqlalchemy.orm import Session

from models.columns import database_now, seconds_since
from models.service import Service, make

WRITTEN = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*/\s*(s|min|h)")
_SECONDS = {"s": 1, "min": 60, "h": 3600}


@dataclass(frozen=True)
class Rate:
    """So many calls a second; what was not used up is kept for a second at most, and for one call at least."""

    per_s: float

    @property
    def at_once(self) -> float:
        return max(1.0, self.per_s)

    @classmethod
    def read(cls, written: str) -> "Rate":
        """The rate that somebody wrote: `5/s`, `30/min`, `100/h`.

        Raises:
            ValueError: it is none; the message says what to write.
        """
        found = WRITTEN.fullmatch(written.strip())
        if found is None or not float(found[1]):
            raise ValueError("write a rate such as 5/s, 30/min or 100/h")
        return cls(float(found[1]) / _SECONDS[found[2]])


@dataclass(frozen=True)
class Turn:
    """When the call may be made: after `wait`; or not at all now, and then `retry_after` is more than nothing."""

    wait: timedelta
    retry_after: timedelta = timedelta()


def take(session: Session, name: str, rate: Rate, patience: timedelta) -> Turn:
    """A turn within `patience`, or when to ask again; only a turn uses the rate up."""
    make(session, name)
    # Below this nobody takes one more: whoever came next would wait longer than its patience.
    least = 1.0 - patience.total_seconds() * rate.per_s
    full = _filled(rate)
    taken = update(Service).where(Service.name == name, full >= least).execution_options(synchronize_session=False)
    left = session.scalar(taken.values(tokens=full - 1.0, refilled_at=database_now()).returning(Service.tokens))
    if left is not None:
        return Turn(timedelta(seconds=max(0.0, -left / rate.per_s)))
    here = session.scalars(select(full).where(Service.name == name)).one()
    return Turn(patience, timedelta(seconds=max(0.001, (least - here) / rate.per_s)))


def _filled(rate: Rate) -> ColumnElement[float]:
    """The tokens now; a bucket that was never used is full, and a clock that was set back takes none away."""
    most = literal(rate.at_once)
    since = func.coalesce(seconds_since(Service.refilled_at), 0.0)
    gained = Service.tokens + case((since > 0.0, since), else_=0.0) * rate.per_s
    return case((Service.refilled_at.is_(None), most), (gained > most, most), else_=gained)

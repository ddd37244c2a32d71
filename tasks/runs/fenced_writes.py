"""What a run has to write, gathered and sent as one fenced transaction; sent again while the database is away.

Whoever loses the answer to a commit does not know whether it stands: each transaction raises the task's number of
writes, by which the next one finds out.  Nothing is given up before the lease ends, and nothing written after.
What is written: ledger.py.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Row, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from models import event
from models.claim import WISHES, Claim, Fenced, end, write
from models.database import after_commit, reading, writing
from models.states import Move, State
from models.task import Task
from tasks import live
from tasks.family.hearing import note_end
from tasks.logs import logger
from tasks.runs.wishes import Pulse
from tools import triggers

DATABASE_AWAY = (OperationalError, InterfaceError)
"""What a database raises that cannot be reached; its other errors are about what was written."""
PAUSES_S = (0.05, 0.2, 0.5, 1.0)
"""Between tries, the last one for ever."""
log = logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Note:
    """One thing to write: a line of the timeline, columns of the task's row, rows of other tables."""

    kind: str
    told: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    rows: Callable[[Session], None] | None = None


Within = Callable[[Session], Callable[[], None]]
"""What is done besides in a transaction, which may be tried again; it gives what follows once that stands."""


@dataclass(frozen=True)
class Ending:
    """The run's last move.  `tell` is asked in its transaction for what else its line says."""

    move: Move
    outcome: str
    tell: Callable[[Session, Row[Any]], Mapping[str, Any]] | None = None
    after: Callable[[], None] | None = None
    """What follows the commit."""
    within: Within | None = None

    @property
    def is_for_good(self) -> bool:
        return self.move in (Move.SUCCEED, Move.FAIL, Move.CANCEL)


class FencedWrites:
    """The notes of one run."""

    def __init__(self, claim: Claim, pulse: Pulse) -> None:
        self.claim = claim
        self.pulse = pulse
        self._seen = 0
        """Transactions of this run that stand."""
        self._waiting: list[Note] = []
        self._doubted: int | None = None
        """How many of these were in a transaction of which nobody knows whether it stands."""
        self._waiting_since = 0.0
        self._follow: Callable[[], None] | None = None

    def note(
        self,
        kind: str,
        told: Mapping[str, Any],
        values: Mapping[str, Any] | None = None,
        rows: Callable[[Session], None] | None = None,
    ) -> None:
        """Have it written with the next transaction."""
        if not self._waiting:
            self._waiting_since = time.monotonic()
        self._waiting.append(Note(kind, told, values or {}, rows))

    def take_back(self) -> None:
        """Forget the last note: it was refused."""
        self._waiting.pop()
        self._doubted = None

    def waiting_s(self) -> float:
        """For how long the oldest note has been waiting; 0 without any."""
        return time.monotonic() - self._waiting_since if self._waiting else 0.0

    def send(self, ending: Ending | None = None) -> None:
        """Write what waits, and make the run's last move where there is one; returns once that stands.

        Raises:
            Fenced: another run owns the task, or it is not running any more.
            Lost: the database was away until the lease's end.
        """
        self.patiently(lambda: self.try_to_send(ending))

    def catch_up(self) -> None:
        """Learn how often this run has written already: by a ledger that broke.

        Raises:
            Fenced, Lost: the task is not provably ours any more.
        """
        row = self.patiently(self._written)
        if row is None or row.run_number != self.claim.run_number:
            raise Fenced("cannot write: another run owns this task", task_id=self.claim.task_id)
        self._seen = row.run_writes

    def patiently(self, work: Callable[[], T]) -> T:
        """What the work returns, which is tried again for as long as the database is away and the lease lasts.

        Raises:
            Fenced, Lost: the task is not provably ours any more.
        """
        for pause in pauses():
            try:
                return work()
            except DATABASE_AWAY as error:
                log.warning("database.away", error=str(error.orig))
                time.sleep(pause)
                self.pulse.demand()
        raise AssertionError("there is always another pause")

    def try_to_send(self, ending: Ending | None = None) -> None:
        """As `send`, but once.

        Raises:
            OperationalError, InterfaceError: the database is away; what waits still does.
        """
        if not self._waiting and ending is None:
            return
        if self._settle_doubt() and not self._waiting:
            return
        self._doubted = len(self._waiting)
        try:
            self._send(ending)
        except DATABASE_AWAY:
            raise
        except Fenced:
            # The commit of which nobody knew may have come in after we looked.
            if not self._settle_doubt():
                raise
            return
        except BaseException:
            self._doubted = None
            raise
        self._stands()

    def look(self) -> None:
        """Ask what people want of the run; that it is another's is in the pulse too."""
        with reading() as session:
            mine = (Task.id == self.claim.task_id, Task.run_number == self.claim.run_number)
            row = session.execute(select(*WISHES).where(*mine, Task.state == State.RUNNING)).one_or_none()
        if row is None:
            self.pulse.is_fenced = True
        else:
            self.pulse.see(row)

    def _settle_doubt(self) -> bool:
        """Whether the transaction of which nobody knew stands; its notes are dropped then.

        Raises:
            Fenced: another run owns the task.
        """
        if self._doubted is None:
            return False
        row = self._written()
        if row is None or row.run_number != self.claim.run_number:
            raise Fenced("cannot write: another run owns this task", task_id=self.claim.task_id)
        if row.run_writes == self._seen + 1:
            self._stands()
            return True
        self._doubted = None
        return False

    def _written(self) -> Row[int, int] | None:
        """Which run has the task, and how often it has written."""
        with reading() as session:
            written = select(Task.run_number, Task.run_writes).where(Task.id == self.claim.task_id)
            return session.execute(written).one_or_none()

    def _stands(self) -> None:
        self._seen += 1
        del self._waiting[: self._doubted]
        self._doubted = None
        if self._follow is not None:
            self._follow()

    def _send(self, ending: Ending | None) -> None:
        notes = self._waiting[: self._doubted]
        values = {name: value for note in notes for name, value in note.values.items()}
        told = [dict(note.told) for note in notes]
        with writing() as session:
            if ending is None:
                row = write(session, self.claim, self._seen, events=len(notes), **values)
                number = int(row.event_count)
            else:
                closing = (ending.move, ending.outcome, self._seen)
                row = end(session, self.claim, *closing, events=len(notes), **values)
                number = int(row.event_count)
                if ending.is_for_good:
                    note_end(session, self.claim.task_id, row.root_id)
                if ending.tell is not None:
                    told[-1] |= ending.tell(session, row)
            for note in notes:
                if note.rows is not None:
                    note.rows(session)
            first = number - len(notes) + 1
            task_id, tenant = self.claim.task_id, self.claim.tenant
            numbered = zip(range(first, number + 1), notes, told, strict=True)
            event.write(session, [event.line(task_id, tenant, at, note.kind, said) for at, note, said in numbered])
            after_commit(session, lambda: live.hint("task", task_id, number))
            if ending is not None and ending.after is not None:
                after_commit(session, ending.after)
            # It has passed its fence: no earlier try stands, and what was done within that was never done.
            within = ending.within if ending is not None else None
            self._follow = within(session) if within is not None else None
            triggers.at("write.before_commit")
        if ending is None:
            self.pulse.see(row)


def pauses() -> Iterator[float]:
    """How long to wait before each further try, for ever."""
    yield from PAUSES_S
    while True:
        yield PAUSES_S[-1]

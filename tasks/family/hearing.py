"""Have a family hear of its tasks' ends, once the transaction that ended them stands.

After the commit and not in it: the parent's row is locked for it, and whoever cancels a whole family locks from the
top.  Where the process dies in between, the reconciler finds what was missed.  What is done: ends.py.
"""

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from models.database import after_commit
from tasks.logs import logger
from tools import triggers

CHILDREN = "children"
"""Kind of the question of a task that waits for its parts."""
ENDED = "opscore_family_ended"
DATABASE_AWAY = (OperationalError, InterfaceError)
log = logger(__name__)


def note_end(session: Session, task_id: str, root_id: str | None) -> None:
    """Tell the family after the commit that this task has ended; nothing for a task that has none."""
    if root_id is None:
        return
    if ENDED not in session.info:
        session.info[ENDED] = []
        after_commit(session, lambda: _hear(session.info.pop(ENDED)))
    session.info[ENDED].append(task_id)


def note_wait(task_id: str) -> None:
    """The task waits for its parts as of now: the last of them may have ended a moment before."""
    from tasks.family.ends import answer_if_ended  # it moves tasks, and what moves tasks imports this module

    try:
        answer_if_ended([task_id])
    except DATABASE_AWAY as error:
        log.warning("family.unheard", tasks=[task_id], error=str(error.orig))


def _hear(task_ids: list[str]) -> None:
    from tasks.family.ends import hear  # as above

    triggers.at("family.before_hearing")
    try:
        hear(task_ids)
        triggers.at("family.after_hearing")
    except DATABASE_AWAY as error:
        log.warning("family.unheard", tasks=task_ids, error=str(error.orig))

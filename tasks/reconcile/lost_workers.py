"""Note the end of workers that died without saying so."""

import socket

from sqlalchemy import select, update

from models.agent import Worker
from models.columns import now
from models.database import reading, writing
from tasks.processes import is_alive
from tasks.timeline import record_of_agent


def close_lost_workers() -> int:
    """Note the end of this host's workers whose process is dead; returns how many."""
    with reading() as session:
        here = select(Worker).where(Worker.stopped_at.is_(None), Worker.host == socket.gethostname())
        lost = [each for each in session.scalars(here) if not is_alive(each.pid, each.process_started_at)]
    return sum(_close(worker) for worker in lost)


def _close(worker: Worker) -> bool:
    with writing() as session:
        ended = update(Worker).where(Worker.id == worker.id, Worker.stopped_at.is_(None)).values(stopped_at=now())
        if session.scalar(ended.returning(Worker.id)) is None:
            return False
        record_of_agent(session, worker.agent_id, "worker.lost", worker=worker.nodename, pid=worker.pid)
    return True

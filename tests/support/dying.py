"""Work on one task in processes that are cut off, one at each step, at the point that is named for it.

    python -m tests.support.dying POINT-OF-STEP-1 POINT-OF-STEP-2 …      ("-": nobody dies at this step)

Each process is forked, works until SIGKILL at its point (tools/triggers.py), and the next takes its place: the queue
is looked into and what the dead one held is given back, as a worker and the reconciler do, without their seconds.
Questions are answered as the ledger says.  Ends when no task is open; prints a line for each process: the step at
which it was to die, and its exit code.
"""

import os
import sys

from sqlalchemy import func, select

import settings
from models import scope
from models.database import bare_app, db, reading
from models.states import TERMINAL, State
from models.task import Task
from tasks import live, work
from tasks.control import questions
from tasks.reconcile import requeue_lost
from tasks.work import Served
from tools import triggers
from worker.chaos.outside import keys_in

MOST_PROCESSES = 400
SIGKILLED = -9
ONCE_EVERY = 5
"""Such a step must not be done twice, and writes nothing into the workspace."""
OF_WRITERS = ("step.in_the_middle", "snapshot.in_the_middle")


def main() -> None:
    points = dict(enumerate(sys.argv[1:], 1))
    with bare_app(settings.load()).app_context(), scope.wide("system:dying"):
        for _ in range(MOST_PROCESSES):
            if not count("open"):
                return
            done = count("done")
            target = next((step for step, point in points.items() if step > done and point != "-"), 0)
            code = fork_one(f"{points[target]}=kill@{_passes(points[target], done, target)}" if target else "")
            if code == SIGKILLED:
                points.pop(target)
            print(target, code, flush=True)
            requeue_lost()
            answer()
    sys.exit("it never ended")


def _passes(point: str, done: int, target: int) -> int:
    """How often a process comes to the point until it is at that step."""
    steps = range(done + 1, target + 1)
    return sum(1 for step in steps if step % ONCE_EVERY or point not in OF_WRITERS)


def fork_one(wanted: str) -> int:
    """Fork a process that takes a task and dies as is wanted; returns how it ended."""
    db.engine.dispose()  # no child may share a connection
    pid = os.fork()
    if pid == 0:
        os.environ[triggers.VARIABLE] = wanted
        triggers.of_this_process.cache_clear()
        live.channel.cache_clear()
        work.work.app.served = Served("dying", "00000000-0000-7000-8000-000000000000", ("complexity.1",))
        work.work.run("hint")
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def count(what: str) -> int:
    """Tasks that are open, or steps that those have done."""
    counted = {"open": func.count(), "done": func.sum(Task.steps_done)}[what]
    with reading() as session:
        return session.scalar(select(counted).where(Task.state.not_in(TERMINAL))) or 0


def answer() -> None:
    """Answer what waits as the ledger says: what was noted there happened."""
    ledger = settings.load().drill_ledger
    assert ledger is not None
    with reading() as session:
        waiting = session.execute(select(Task.id, Task.epoch, Task.question).where(Task.state == State.WAITING)).all()
    for task_id, epoch, question in waiting:
        has_happened = f"{task_id}/{epoch}/{question['key']}" in keys_in(ledger)
        with scope.acting("person:alice"):
            questions.answer(task_id, "done" if has_happened else "retry")


if __name__ == "__main__":
    main()

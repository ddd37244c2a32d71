"""A child of the pool is forked whatever its parent's threads do at that moment, and can work."""

import subprocess
import sys

from settings import PROJECT, Settings

PARENT = """
import os, threading, time, traceback
from datetime import timedelta
from types import SimpleNamespace
import psutil
from sqlalchemy import event, text
from sqlalchemy.orm import Session
import settings
from models import scope
from models.columns import new_id
from models.database import bare_app, db, reading, writing
from worker import registration
from worker.forking import fork_without_connections

flask = bare_app(settings.load())
registration.BEAT_EVERY = timedelta(seconds=0.1)
served, pool = SimpleNamespace(worker_id=new_id()), SimpleNamespace(num_processes=1)
worker = SimpleNamespace(app=SimpleNamespace(served=served), pool=pool)
beat = registration.Beat(flask, "smith", worker, SimpleNamespace(look=lambda _deaf_since: None))
writes = threading.Event()

@event.listens_for(Session, "before_commit")
def slow_disk(_session):
    if threading.current_thread() is beat and not writes.is_set():
        writes.set()
        time.sleep(0.5)

def forked(work):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with flask.app_context(), scope.wide("system:test"):
                work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def write():
    db.engine.dispose(close=False)
    with writing() as session:
        session.execute(text("UPDATE worker SET host_load = 1"))

def meet_no_database():
    opened = [opened.path for opened in psutil.Process().open_files()]
    assert not [path for path in opened if "opscore.db" in path], opened

fork_without_connections(flask)
"""
# The thread is in its transaction when the child is forked.
WHILE_IT_BEATS = "beat.start(); assert writes.wait(10); raise SystemExit(forked(write))"
AFTER_A_LOOK = """
with flask.app_context(), scope.wide("system:test"), reading() as session:
    session.execute(text("SELECT 1"))
raise SystemExit(forked(meet_no_database))
"""


def run(then: str) -> None:
    """Run the parent's program; a child that fails makes it fail."""
    command = [sys.executable, "-c", PARENT + then]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_child_forked_while_its_parent_beats_can_write(database: Settings) -> None:
    run(WHILE_IT_BEATS)


def test_child_inherits_no_open_database(sqlite: Settings) -> None:
    run(AFTER_A_LOOK)

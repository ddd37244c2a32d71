"""The heart of a process that runs tasks: extends the lease of the run it has, and hears what people want of it.

A thread of its own with a connection of its own, so that neither a long call nor the broker can hold it up; it
is in the process that runs the task, so that one that stands still loses its lease.  What a run reads: wishes.py.

A second thread without any connection ends the process when a lease has ended and the run does not leave: it may
wait for a database that will never answer, and its tool must not run on.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy import Engine, create_engine, select, update
from sqlalchemy.exc import DBAPIError

import settings
from models.claim import WISHES, Claim
from models.columns import database_now
from models.database import CONNECT_WITHIN_S
from models.states import State
from models.task import Task
from tasks.live import WISHES as HINTS
from tasks.logs import logger
from tasks.runs.wishes import Pulse, Wish, uptime

LOOK_EVERY_S = 1.0
BEATS_A_LEASE = 6
"""How often a lease is extended while it lasts."""
MOST_OVERTIME_S = 2.0
"""A run that is not sure of its task any more must have left after so long."""
REST_S = 2.0
"""After Redis failed: an absent one must not cost every look its connection time-out."""
log = logger(__name__)


@contextmanager
def beating(claim: Claim, claimed_at: float) -> Iterator[Pulse]:
    """Keep the claim's lease, which was made after `claimed_at` (by `uptime`), for as long as the block lasts."""
    pulse = Pulse(claim, timedelta(seconds=settings.load().run_lease_s), claimed_at)
    found = heart()
    found.pulse = pulse
    try:
        yield pulse
    finally:
        found.pulse = None


@cache
def heart() -> "Heart":
    """This process's; made by its first run, and so never before the fork."""
    made = Heart()
    threading.Thread(target=made.beat, name="heart", daemon=True).start()
    threading.Thread(target=made.guard, name="guard", daemon=True).start()
    return made


class Heart:
    """Beats for the run in `pulse`; rests while there is none."""

    def __init__(self) -> None:
        told = settings.load()
        self.pulse: Pulse | None = None
        self._engine = _engine(told)
        self._ear = Ear(told.redis)

    def beat(self) -> None:
        """Look, and rest, for ever."""
        while True:
            self._ear.rest(LOOK_EVERY_S, self._is_about_us)
            if (pulse := self.pulse) is not None:
                try:
                    self._look(pulse)
                except DBAPIError as error:
                    log.warning("heartbeat.lost", task=pulse.claim.task_id, error=str(error.orig))

    def guard(self) -> None:
        """End this process if a run outstays its lease: then whatever holds it up, its tool must not go on."""
        while True:
            time.sleep(LOOK_EVERY_S)
            pulse = self.pulse
            if pulse is not None and uptime() > pulse.sure_until:
                # A process that stood still is past its lease at once when it goes on: let its run see that itself.
                time.sleep(MOST_OVERTIME_S)
                if self.pulse is pulse and pulse.wish is Wish.LOST:
                    log.error("run.outstayed", task=pulse.claim.task_id, run=pulse.claim.run_number)
                    sys.stderr.flush()
                    os._exit(1)

    def _look(self, pulse: Pulse) -> None:
        asked_at = uptime()
        is_due = asked_at - pulse.asked_at >= pulse.lease.total_seconds() / BEATS_A_LEASE - LOOK_EVERY_S / 2
        with self._engine.connect().execution_options(opscore_writing=is_due) as connection, connection.begin():
            row = connection.execute(_extend(pulse) if is_due else _see(pulse.claim)).one_or_none()
        if row is None:
            pulse.is_fenced = True
            return
        if is_due:
            pulse.asked_at = asked_at
        pulse.see(row)

    def _is_about_us(self, task_id: str) -> bool:
        pulse = self.pulse
        return pulse is not None and pulse.claim.task_id == task_id


class Ear:
    """Hears the hints that somebody wants something of a run; without Redis it only sleeps."""

    def __init__(self, url: str) -> None:
        # Time-outs of a second at most, and nothing tried again: whoever listens has a lease to keep.
        told = {"socket_connect_timeout": 0.5, "socket_timeout": 1, "retry": Retry(NoBackoff(), 0)}
        self._client = redis.Redis.from_url(url, **told)
        self._pubsub: Any = None
        self._deaf_until = 0.0

    def rest(self, seconds: float, is_wanted: Any) -> None:
        """Sleep so long, or until a hint comes that is wanted."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            task_id = self._hear(left)
            if task_id is not None and is_wanted(task_id):
                return

    def _hear(self, seconds: float) -> str | None:
        """The task of the next hint, None when the time is up."""
        if time.monotonic() < self._deaf_until:
            time.sleep(seconds)
            return None
        try:
            if self._pubsub is None:
                self._pubsub = self._client.pubsub(ignore_subscribe_messages=True)
                self._pubsub.subscribe(HINTS)
            found = self._pubsub.get_message(timeout=seconds)
            return str(json.loads(found["data"])["task"]) if found else None
        except (RedisError, OSError) as error:
            log.info("wishes.unheard", error=str(error))
            self._deaf_until = time.monotonic() + REST_S
            with suppress(RedisError, OSError):
                if self._pubsub is not None:
                    self._pubsub.close()
            self._pubsub = None
            return None


def _engine(told: settings.Settings) -> Engine:
    """One connection, for short statements."""
    options: dict[str, Any] = {"pool_size": 1, "max_overflow": 0}
    if not told.database.startswith("sqlite"):
        options["connect_args"] = {"connect_timeout": CONNECT_WITHIN_S}
    return create_engine(told.database, **options)


def _mine(claim: Claim) -> tuple[Any, ...]:
    return Task.id == claim.task_id, Task.run_number == claim.run_number, Task.state == State.RUNNING


def _extend(pulse: Pulse) -> Any:
    longer = update(Task).where(*_mine(pulse.claim)).values(lease_expires_at=database_now(pulse.lease))
    return longer.returning(*WISHES)


def _see(claim: Claim) -> Any:
    return select(*WISHES).where(*_mine(claim))

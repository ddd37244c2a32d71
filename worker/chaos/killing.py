"""Hit one target, and note whom it was and when; set right afterwards what a service manager would set right."""

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil
import redis
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from models.database import reading
from models.run import Run
from worker.chaos.place import Place
from worker.chaos.schedule import Kill, Target

PAST_THE_LEASE_S = 5.0
ANY_CHILD_AFTER_S = 3.0
"""A child that works is looked for so long; then one that waits for work will do."""


@dataclass(frozen=True)
class Hit:
    """A kill that was carried out."""

    target: Target
    at: float
    """Seconds since 1970."""
    pids: tuple[int, ...] = ()
    """The pool processes that it ended or stopped; none where it concerns every task that runs."""
    whom: str = ""


@dataclass
class Killer:
    """Carries kills out on one place; call `tend` a few times a second in between."""

    place: Place
    hits: list[Hit] = field(default_factory=list)
    _stopped: list[tuple[float, psutil.Process]] = field(default_factory=list)

    @property
    def has_stopped(self) -> bool:
        """Whether a child stands still that is to go on."""
        return bool(self._stopped)

    def tend(self) -> None:
        """Start bin/up again where it was killed; let go on who stood still for long enough."""
        if self.place.supervisor_has_ended():
            self.place.start_supervisor()
        for due, process in list(self._stopped):
            if time.monotonic() >= due:
                self._stopped.remove((due, process))
                _send(process, signal.SIGCONT)

    def let_all_go_on(self) -> None:
        """Leave nobody standing still."""
        for _, process in self._stopped:
            _send(process, signal.SIGCONT)
        self._stopped.clear()

    def strike(self, kill: Kill, waited_s: float) -> bool:
        """Carry the kill out if its target is there; `waited_s` is for how long it was not."""
        match kill.target:
            case Target.CHILD | Target.STOPPED:
                return self._child(kill, waited_s)
            case Target.WORKER:
                return self._role("agent", kill)
            case Target.SUPERVISOR:
                return self._supervisor()
            case Target.DATABASE:
                return self._database()
            case Target.CONNECTION:
                return self._connections(kill)
            case _:
                return self._role(kill.target.value, kill)

    def _child(self, kill: Kill, waited_s: float) -> bool:
        standing = {process.pid for _, process in self._stopped}
        children = [each for each in self._children() if each.pid not in standing]
        busy = self._at_work(children)
        candidates = busy or (children if waited_s > ANY_CHILD_AFTER_S else [])
        if not candidates:
            return False
        chosen = _choose(candidates, kill.pick)
        is_stop = kill.target is Target.STOPPED
        if not self._note(kill.target, chosen, signal.SIGSTOP if is_stop else signal.SIGKILL, [chosen.pid]):
            return False
        if is_stop:
            self._stopped.append((time.monotonic() + self.place.told.run_lease_s + PAST_THE_LEASE_S, chosen))
        return True

    def _role(self, role: str, kill: Kill) -> bool:
        found = [process for each in self.place.processes() if each.role == role and (process := each.process())]
        if not found:
            return False
        chosen = _choose(found, kill.pick)
        pids = [child.pid for child in _children(chosen)] if kill.target is Target.WORKER else []
        return self._note(kill.target, chosen, signal.SIGKILL, pids)

    def _supervisor(self) -> bool:
        process = self.place.supervisor()
        if process is None or not self.place.is_whole():
            return False
        if not self._note(Target.SUPERVISOR, process, signal.SIGKILL, []):
            return False
        self.place.wait_for_supervisor()
        self.tend()
        return True

    def _database(self) -> bool:
        server = self.place.postgresql
        if server is None:
            return False
        at = time.time()
        server.kill()
        self.hits.append(Hit(Target.DATABASE, at))
        server.start()
        return True

    def _connections(self, kill: Kill) -> bool:
        at, server = time.time(), self.place.postgresql
        if server is not None and kill.pick < 0.5:
            whom = f"{server.cut_connections(kill.pick)} of PostgreSQL's"
        else:
            try:
                whom = f"{self._cut_broker(kill.pick)} of the broker's"
            except redis.RedisError:
                return False
        self.hits.append(Hit(Target.CONNECTION, at, whom=whom))
        return True

    def _cut_broker(self, pick: float) -> int:
        with redis.Redis.from_url(self.place.told.redis, socket_timeout=5) as client:
            mine = client.client_id()
            ids = [int(each["id"]) for each in client.client_list() if int(each["id"]) != mine]
            chosen = [each for each in ids if (each + int(pick * 1000)) % 2 == 0]
            for each in chosen:
                client.client_kill_filter(_id=each)
        return len(chosen)

    def _children(self) -> list[psutil.Process]:
        workers = [process for each in self.place.processes() if each.role == "agent" and (process := each.process())]
        return [child for worker in workers for child in _children(worker)]

    def _at_work(self, children: Sequence[psutil.Process]) -> list[psutil.Process]:
        try:
            with reading() as session:
                pids = set(session.scalars(select(Run.pid).where(Run.ended_at.is_(None))))
        except SQLAlchemyError:
            return []  # the database is away: nobody can say who works
        return [child for child in children if child.pid in pids]

    def _note(self, target: Target, process: psutil.Process, number: signal.Signals, pids: Sequence[int]) -> bool:
        at = time.time()
        if not _send(process, number):
            return False
        self.hits.append(Hit(target, at, tuple(pids), f"pid {process.pid}"))
        return True


def _send(process: psutil.Process, number: signal.Signals) -> bool:
    """Whether it was there to be hit."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True


def _children(worker: psutil.Process) -> list[psutil.Process]:
    """The pool's processes: below the worker, and the same program."""
    try:
        command = worker.cmdline()
        return [child for child in worker.children() if child.cmdline() == command]
    except psutil.NoSuchProcess:
        return []


def _choose(candidates: Sequence[psutil.Process], pick: float) -> psutil.Process:
    ordered = sorted(candidates, key=lambda each: each.pid)
    return ordered[min(int(pick * len(ordered)), len(ordered) - 1)]

"""One chaos run: start a place, hand tasks in while things are killed, wait for quiet, examine, clean up."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from rich.console import Console
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from models import scope
from models.database import bare_app, db, reading
from models.states import TERMINAL
from models.task import Task
from opscore_sdk import OpsCoreClient
from tools.sandbox.choice import NoSandbox
from worker.chaos import findings
from worker.chaos.findings import Findings
from worker.chaos.killing import Killer
from worker.chaos.person import Person
from worker.chaos.place import Place
from worker.chaos.schedule import Kill, Target, schedule
from worker.chaos.shown import Shown
from worker.chaos.work import Submitter
from worker.installation import health
from worker.installation.doctor import probed

AUTHOR = "system:chaos"
TICK_S = 0.1
LOOK_EVERY_S = 1.0
PRESENT_WITHIN_S = 20.0
"""A target that is just being started again is waited for so long."""
LONGER_S = 120.0
"""A run may take so much longer than it was to, where some target was not hit yet."""
STANDSTILL_S = 90.0
"""After the last kill the run waits as long as tasks end; if none did for so long, it gives up."""


@dataclass(frozen=True)
class Wanted:
    """What was said on the command line."""

    tasks: int
    minutes: float
    database: str
    seed: int
    targets: tuple[Target, ...]
    keep: bool


def run(wanted: Wanted, console: Console) -> Findings:
    """Do all of it; the findings say what was violated.

    Raises:
        Misconfigured: it could not be started; nothing is left of it.
    """
    began = time.monotonic()
    found = Findings(wanted.database, wanted.seed)
    place = Place(wanted.database)
    try:
        with _app(place):
            place.start()
            Chaos(wanted, place, console).go(found)
    finally:
        found.processes_left = place.stop()
        if found.processes_left:
            found.violations.append(f"processes left: {', '.join(found.processes_left)}")
        found.seconds = time.monotonic() - began
        # Interrupted or not started, nothing was found: nobody asked for the folder.
        if found.violations or wanted.keep:
            found.folder = str(place.folder)
        else:
            place.remove()
    return found


class Chaos:
    """Between the start of the place and its end."""

    def __init__(self, wanted: Wanted, place: Place, console: Console) -> None:
        self.wanted = wanted
        self.place = place
        self.killer = Killer(place)
        address, token = health.address(place.told), place.told.token
        has_sandbox = probed(place.told).tier != NoSandbox.tier
        client = OpsCoreClient(address, token, timeout=10)
        self.submitter = Submitter(client, wanted.tasks, wanted.minutes * 60, has_sandbox)
        self.person = Person(bare_app(place.told), place.ledger)
        self.shown = Shown(console)
        self._began = time.monotonic()
        self._looked_at = 0.0
        self._open: int | None = None
        self._changed_at = self._began

    def go(self, found: Findings) -> None:
        """Hand in, kill, wait, examine."""
        try:
            self.submitter.start()
            self.person.start()
            self._kill_for(self.wanted.minutes * 60)
            is_quiet = self._wait_for_quiet()
        finally:
            self.submitter.stopping.set()
            self.person.stopping.set()
            self.killer.let_all_go_on()
            self.shown.close()
        self.person.join()
        self._examine(found, is_quiet)

    def _kill_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for kill in schedule(self.wanted.seed, self.wanted.targets):
            self._pause(kill.pause_s)
            if time.monotonic() >= until and self._has_hit_all():
                return
            self._strike(kill)

    def _has_hit_all(self) -> bool:
        """A short run goes on until everything was hit; one that nothing comes of ends by itself."""
        is_late = time.monotonic() - self._began > self.wanted.minutes * 60 + LONGER_S
        return is_late or {hit.target for hit in self.killer.hits} >= set(self.wanted.targets)

    def _pause(self, seconds: float) -> None:
        due = time.monotonic() + seconds
        self._tick_until(lambda: time.monotonic() >= due)

    def _strike(self, kill: Kill) -> None:
        began = time.monotonic()

        def is_over() -> bool:
            waited = time.monotonic() - began
            return waited > PRESENT_WITHIN_S or self.killer.strike(kill, waited)

        self._tick_until(is_over)

    def _wait_for_quiet(self) -> bool:
        """Whether every task has ended, and every process is there."""
        self._changed_at = time.monotonic()
        self._tick_until(lambda: self._is_quiet() or time.monotonic() > self._changed_at + STANDSTILL_S)
        return self._is_quiet()

    def _is_quiet(self) -> bool:
        if self.submitter.is_alive() or self.killer.has_stopped:
            return False
        return self._open == 0 and self.place.is_whole()

    def _tick_until(self, is_so: Callable[[], bool]) -> None:
        for _ in count():
            self.killer.tend()
            self._look()
            if is_so():
                return
            time.sleep(TICK_S)

    def _look(self) -> None:
        """Once a second: how many tasks are open, for the quiet and for whoever watches."""
        at = time.monotonic() - self._began
        if at < self._looked_at + LOOK_EVERY_S:
            return
        self._looked_at = at
        before, self._open = self._open, self._count_open()
        if self._open != before:
            self._changed_at = time.monotonic()
        still = "?" if self._open is None else self._open
        hits = self.killer.hits
        last = f", last {hits[-1].target} {hits[-1].whom}" if hits else ""
        self.shown.tell(at, f"{len(self.submitter.accepted)} accepted, {still} open, {len(hits)} kills{last}")

    def _count_open(self) -> int | None:
        """None while the database is away."""
        try:
            with reading() as session:
                return session.scalar(select(func.count()).where(Task.state.not_in(TERMINAL)))
        except SQLAlchemyError:
            return None

    def _examine(self, found: Findings, is_quiet: bool) -> None:
        found.answers = dict(self.person.answers)
        if not is_quiet:
            found.violations.append(f"not quiet: {self._open} tasks are open, and none ended for {STANDSTILL_S:g} s")
        if self.submitter.refused:
            found.violations.append(f"a task was refused: {self.submitter.refused}")
        findings.examine(found, findings.look(self.place.ledger), self.submitter.accepted, self.killer.hits)
        findings.examine_kills(found, self.killer.hits, self.wanted.targets, self.wanted.minutes)


@contextmanager
def _app(place: Place) -> Iterator[None]:
    """This process looks into the place's database, at all of it."""
    with bare_app(place.told).app_context(), scope.wide(AUTHOR):
        try:
            yield
        finally:
            db.session.remove()
            db.engine.dispose()

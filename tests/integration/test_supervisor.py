"""The supervisor with stand-ins for its children: small programs that behave badly in one way each."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.started import wait_until
from worker.installation.journal import Journal
from worker.installation.roles import Role
from worker.installation.supervisor import Supervisor

SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPS
HAS_A_CHILD = "import subprocess; subprocess.Popen(['sleep', '600']);" + SLEEPS
FAILS = "print('the reason'); raise SystemExit(3)"
LONG_LINES = "print('x' * 300_000); " + SLEEPS


def role(name: str, program: str, stop_s: float = 5.0) -> Role:
    return Role("agent", name, (sys.executable, "-c", program), ((signal.SIGTERM, stop_s),))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "logs")
    yield journal
    journal.close()


@pytest.fixture
def supervise(journal: Journal) -> Iterator[Callable[..., Supervisor]]:
    made: list[Supervisor] = []

    def make(*roles: Role, said: list[str] | None = None) -> Supervisor:
        supervisor = Supervisor(roles, journal, dict(os.environ), (said if said is not None else []).append)
        made.append(supervisor)
        supervisor.start(*(each.name for each in roles))
        return supervisor

    yield make
    for supervisor in made:
        supervisor.stop(supervisor.children, is_hurried=lambda: True)


def tend_until(supervisor: Supervisor, is_so: Callable[[], bool], what: str, within_s: float = 30) -> None:
    def tended() -> bool:
        supervisor.tend()
        return is_so()

    wait_until(tended, what, within_s)


def test_a_child_that_dies_is_started_again_after_a_pause(supervise: Callable[..., Supervisor]) -> None:
    said: list[str] = []
    supervisor = supervise(role("one", SLEEPS), said=said)
    before = supervisor.processes[0].pid
    os.kill(before, signal.SIGKILL)

    tend_until(supervisor, lambda: bool(said), "the end is noticed")
    assert supervisor.processes == ()
    tend_until(supervisor, lambda: bool(supervisor.processes), "it is started again")

    assert supervisor.processes[0].pid != before
    assert said == ["one was ended by signal 9; starting it again."]


def test_a_child_that_keeps_dying_is_given_up_with_its_last_words_and_the_others_go_on(
    supervise: Callable[..., Supervisor], journal: Journal
) -> None:
    said: list[str] = []
    supervisor = supervise(role("bad", FAILS), role("good", SLEEPS), said=said)

    tend_until(supervisor, lambda: supervisor.given_up("bad"), "it is given up")

    assert said[-1].startswith("bad ended five times within a minute and is left alone; the others go on.")
    assert "the reason" in said[-1]
    assert str(journal.path("bad")) in said[-1]
    assert [each.name for each in supervisor.processes] == ["good"]


def test_a_child_that_ignores_the_signal_is_killed_when_its_time_is_up(
    supervise: Callable[..., Supervisor], journal: Journal
) -> None:
    supervisor = supervise(role("stubborn", IGNORES_SIGTERM, stop_s=0.5))
    wait_until(lambda: journal.last_lines("stubborn") == ["up"], "it is up")

    assert supervisor.stop(["stubborn"]) is False
    assert supervisor.processes == ()


def test_a_hurried_stop_waits_for_nobody(supervise: Callable[..., Supervisor], journal: Journal) -> None:
    supervisor = supervise(role("stubborn", IGNORES_SIGTERM, stop_s=60))
    wait_until(lambda: journal.last_lines("stubborn") == ["up"], "it is up")
    began = time.monotonic()

    supervisor.stop(["stubborn"], is_hurried=lambda: True)

    assert supervisor.processes == ()
    assert time.monotonic() - began < 30


def test_what_a_dead_child_had_started_is_ended_too(supervise: Callable[..., Supervisor], journal: Journal) -> None:
    supervisor = supervise(role("parent", HAS_A_CHILD))
    wait_until(lambda: journal.last_lines("parent") == ["up"], "it is up")
    below = psutil.Process(supervisor.processes[0].pid).children()
    assert len(below) == 1

    os.kill(supervisor.processes[0].pid, signal.SIGKILL)
    tend_until(supervisor, lambda: not below[0].is_running(), "the child's child has ended")


def test_children_of_a_killed_supervisor_end_and_never_see_a_broken_pipe(tmp_path: Path) -> None:
    told = tmp_path / "told"
    child = f"""
        import time
        while True:
            try:
                print("x" * 100, flush=True)
            except BaseException as error:
                open({str(told)!r}, "w").write(repr(error))
                raise
    """
    parent = f"""
        import os, sys, time
        from pathlib import Path
        from worker.installation.journal import Journal
        from worker.installation.roles import Role
        from worker.installation.supervisor import Supervisor
        role = Role("agent", "loud", (sys.executable, "-c", {textwrap.dedent(child)!r}))
        supervisor = Supervisor([role], Journal(Path({str(tmp_path)!r})), dict(os.environ), print)
        supervisor.start("loud")
        print(supervisor.processes[0].pid, flush=True)
        time.sleep(600)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(parent)], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        loud = psutil.Process(int(starter.stdout.readline()))
        wait_until((tmp_path / "loud.log").exists, "it is loud")
        starter.kill()

    wait_until(lambda: not loud.is_running() or loud.status() == psutil.STATUS_ZOMBIE, "it has ended")
    assert not told.exists()


def test_a_full_log_rotates_and_no_line_is_lost(tmp_path: Path) -> None:
    journal = Journal(tmp_path, rotate_at=1000)
    for number in range(80):
        journal.write("web", f"line {number:03}" + "." * 22)
    journal.close()

    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["web.log", "web.log.1", "web.log.2"]
    assert all(file.stat().st_size <= 1000 for file in files)
    lines = [line for file in reversed(files) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line[:8] for line in lines] == [f"line {number:03}" for number in range(80)]


def test_a_line_without_an_end_does_not_fill_the_memory(supervise: Callable[..., Supervisor], journal: Journal) -> None:
    supervise(role("long", LONG_LINES))
    wait_until(lambda: journal.last_lines("long")[-1:] == ["up"], "it is up")
    assert journal.path("long").stat().st_size > 300_000

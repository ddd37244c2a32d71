"""`bin/down`: stop the OpsCore of a data folder, and say what was done."""

import sys
import time

import psutil

import settings
from models.errors import Conflict, Misconfigured
from settings import Settings
from worker.installation import leftovers, lock, options, record
from worker.installation.terminal import Terminal

# Longer than all that the supervisor itself waits for, one after the other.
STOPS_WITHIN_S = 60.0


def main() -> None:
    """Run bin/down, and exit with its code."""
    options.of_down()
    terminal = Terminal()
    try:
        sys.exit(stop(settings.load(), terminal))
    except Misconfigured as error:
        terminal.fail(str(error))
        sys.exit(2)


def stop(told: Settings, terminal: Terminal) -> int:
    """Stop what runs on the data folder; returns 0, or 1 where it had to be killed."""
    running = record.read(told)
    supervisor = running.supervisor.process() if running else None
    if running is None or supervisor is None:
        return _clean_up(told, terminal)
    names = ", ".join(each.name for each in running.processes)
    terminal.say(f"Stopping OpsCore (pid {supervisor.pid}; {names}) ...")
    began = time.monotonic()
    supervisor.terminate()
    if _has_gone(supervisor):
        terminal.say(f"Stopped after {time.monotonic() - began:.1f} s. Everything is kept in {told.data_dir}")
        return 0
    supervisor.kill()
    supervisor.wait(timeout=10)
    leftovers.end(told)
    record.remove(told)
    terminal.fail(f"It did not stop within {STOPS_WITHIN_S:.0f} s and was killed. The next start repairs what was cut.")
    return 1


def _has_gone(supervisor: psutil.Process) -> bool:
    try:
        supervisor.wait(timeout=STOPS_WITHIN_S)
    except psutil.TimeoutExpired:
        return False
    return True


def _clean_up(told: Settings, terminal: Terminal) -> int:
    """Nothing supervises this folder; end what one that was killed may have left."""
    if not (told.data_dir / "run").exists():
        terminal.say(f"OpsCore is not running on {told.data_dir}")
        return 0
    try:
        with lock.held(told):
            left = leftovers.end(told)
            record.remove(told)
    except Conflict:
        terminal.fail("OpsCore is starting at this moment; try again.")
        return 1
    done = f"; ended what an earlier start had left: {', '.join(left)}" if left else ""
    terminal.say(f"OpsCore is not running on {told.data_dir}{done}")
    return 0


if __name__ == "__main__":
    main()

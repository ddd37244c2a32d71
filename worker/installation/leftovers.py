"""End the processes that an earlier start left behind.

Every child carries a mark in its environment that names its data folder, and so do its own children:
that finds them where the record is out of date, and where the kernel could not end them (see tether.py).
Called only by who holds the lock of the data folder, so a marked process is nobody else's.
"""

import hashlib
import os
import time

import psutil

from settings import Settings

MARK = "OPSCORE_INSTALLATION"
GONE_WITHIN_S = 5.0


def mark(settings: Settings) -> str:
    """The mark of this data folder."""
    return hashlib.sha256(os.fsencode(os.path.realpath(settings.data_dir))).hexdigest()[:16]


def end(settings: Settings) -> list[str]:
    """Kill what is left, with everything below it; returns what was killed, as text for people."""
    killed: dict[int, str] = {}
    deadline = time.monotonic() + GONE_WITHIN_S
    # Again until none is found: a process may start another one while we look.
    while (found := _marked(settings)) and time.monotonic() < deadline:
        for process in found:
            killed.setdefault(process.pid, _describe(process))
            _kill(process)
        psutil.wait_procs(found, timeout=0.5)
    return list(killed.values())


def find(settings: Settings) -> list[str]:
    """What `end` would kill."""
    return [_describe(process) for process in _marked(settings)]


def _marked(settings: Settings) -> list[psutil.Process]:
    wanted = mark(settings)
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    marked = [process for process in psutil.process_iter() if _mark_of(process) == wanted]
    # A tool's program has an environment of its own, so it is found by its parent.
    below = [child for process in marked if process.pid not in own for child in _children(process)]
    return [process for process in {*marked, *below} if process.pid not in own and _is_alive(process)]


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None  # another person's process, or one that has just ended


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _describe(process: psutil.Process) -> str:
    try:
        return f"{process.name()} (pid {process.pid})"
    except psutil.NoSuchProcess:
        return f"pid {process.pid}"


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return  # it went by itself, which is what was wanted

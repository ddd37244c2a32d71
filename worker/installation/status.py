"""Every process of this installation, as `bin/opscore status` shows it: role, name, pid, uptime, memory."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from settings import Settings
from worker.installation import record
from worker.installation.record import Recorded


@dataclass(frozen=True)
class Figures:
    """One process now."""

    role: str
    """supervisor, broker, web, agent, reconciler, flower; `tool` for what an agent runs in a sandbox."""
    name: str
    """The role's name; a process that it made to share its work has a number too: scout.1."""
    pid: int
    uptime_s: float
    memory_bytes: int
    """Resident, of this process alone."""


def processes(told: Settings) -> list[Figures]:
    """The processes that bin/up keeps on this data folder, parents first; empty where it does not run."""
    running = record.read(told)
    if running is None or running.supervisor.process() is None:
        return []
    return [figures for each in (running.supervisor, *running.processes) for figures in _with_children(each)]


def _with_children(each: Recorded) -> Iterator[Figures]:
    process = each.process()
    if process is None:
        return  # it has ended and is being started again
    yield from _figures(process, each.role, each.name)
    if each.role == "supervisor":
        return  # its children are recorded one by one
    number = 0
    for child in _children(process):
        if _is_same_program(child, process):
            number += 1
            yield from _figures(child, each.role, f"{each.name}.{number}")
        else:
            yield from _figures(child, "tool", _name(child))


def _figures(process: psutil.Process, role: str, name: str) -> Iterator[Figures]:
    try:
        uptime = time.time() - process.create_time()
        yield Figures(role, name, process.pid, max(0.0, uptime), process.memory_info().rss)
    except psutil.NoSuchProcess:
        return  # it ended while we looked


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _is_same_program(child: psutil.Process, parent: psutil.Process) -> bool:
    try:
        return child.cmdline() == parent.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return "ended"

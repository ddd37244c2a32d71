"""`stop-all` and `release`: the emergency stop of everything, and its end."""

import sys
import time
from typing import TYPE_CHECKING

import click

from tools.terminal_text import one_line
from worker.command_line.frame import MISUSED, Remote, end, frame, say
from worker.command_line.words import when

if TYPE_CHECKING:
    from collections.abc import Callable

    from opscore_sdk import Emergency

PATIENCE_S = 30.0
PAUSE_S = 0.5


@click.command("stop-all", cls=Remote)
@click.option("--reason", default="", help="Why, for people.")
@click.option("--status", is_flag=True, help="Only say whether everything is stopped.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def stop_all(reason: str, status: bool, yes: bool) -> None:
    """Stop everything now: no task is taken any more, and every running step ends with all its processes.

    Tasks whose step was ended are paused and lose nothing that was finished. `release` undoes it.
    """
    with frame().client() as client:
        if status:
            found = client.emergency.standing()
        else:
            _ask(yes)
            found = _until_none_is_left(lambda: client.emergency.stop(reason))
    frame().show(found, lambda: _in_words(found))


@click.command(cls=Remote)
def release() -> None:
    """End the emergency stop: agents take tasks again, and what it has paused is resumed."""
    with frame().client() as client:
        found = _until_none_is_left(client.emergency.release)
    left = f" {found.left} are still being stopped and are resumed after that." if found.left else ""
    frame().show(found, lambda: f"Released: agents take tasks again.{left}")


def _ask(is_sure: bool) -> None:
    if is_sure:
        return
    if frame().is_json or not sys.stdin.isatty():
        end(MISUSED, "this ends every running step; say --yes to do it.")
    click.confirm("Stop everything? Every running step ends now.", abort=True)


def _until_none_is_left(act: "Callable[[], Emergency]") -> "Emergency":
    """Ask again while it comes further; the reconciler does what is left after that."""
    until = time.monotonic() + PATIENCE_S
    found = act()
    while found.left and time.monotonic() < until:
        if not frame().is_json:
            say(f"{found.left:,} left.", err=True)
        time.sleep(PAUSE_S)
        found = act()
    return found


def _in_words(found: "Emergency") -> str:
    if not found.is_on:
        return "Nothing is stopped."
    why = f": {one_line(found.reason)}" if found.reason else ""
    left = f" {found.left:,} are still to be stopped." if found.left else ""
    held = "1 task" if found.held == 1 else f"{found.held:,} tasks"
    return f"Everything is stopped since {when(found.since)} by {found.by}{why}. It holds {held}.{left}"

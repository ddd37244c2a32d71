"""`stop-all` and `release`: the emergency stop of everything, and its end."""

import time
from typing import TYPE_CHECKING

import click

from tools.terminal_text import one_line
from worker.command_line.frame import Remote, frame, say
from worker.command_line.sure import require_terminal
from worker.command_line.words import when

if TYPE_CHECKING:
    from collections.abc import Callable

    from opscore_sdk import Emergency, OpsCoreClient

PATIENCE_S = 30.0
PAUSE_S = 0.5


@click.command("stop-all", cls=Remote, short_help="Stop everything now; every running step ends.")
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


@click.command(cls=Remote, short_help="End the emergency stop.")
def release() -> None:
    """End the emergency stop: agents take tasks again, and what it has paused is resumed."""
    with frame().client() as client:
        was_on = _holds(client.emergency.standing())
        found = _until_none_is_left(client.emergency.release)
    left = f" {found.left} are still being stopped and are resumed after that." if found.left else ""
    done = "Released: agents take tasks again." if was_on else "Nothing was stopped: there is nothing to release."
    frame().show(found, lambda: f"{done}{left}")


def remind(client: "OpsCoreClient") -> None:
    """Say for people, beside a list, that everything is stopped; nothing where it is not."""
    if not frame().is_json and (found := client.emergency.standing()).is_on:
        say(f"{_in_words(found)} bin/opscore release ends that.", err=True)


def _holds(found: "Emergency") -> bool:
    return found.is_on or found.held > 0


def _ask(is_sure: bool) -> None:
    if is_sure:
        return
    require_terminal("this ends every running step; say --yes to do it.")
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

"""Questions before harm: asked on a terminal; elsewhere the command ends and says which option answers them."""

import sys
from collections.abc import Callable
from typing import Any

import click

from worker.command_line.frame import MISUSED, end, frame


def require_terminal(otherwise: str) -> None:
    """Return only where somebody can be asked; else end the command with this sentence."""
    if frame().is_json or not sys.stdin.isatty():
        end(MISUSED, otherwise)


def confirmed(question: str, consequence: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A command's option --yes, without which the question is asked; `consequence` is what the command does."""

    def ask(_context: click.Context, _parameter: click.Parameter, is_sure: bool) -> None:
        if not is_sure:
            require_terminal(f"{consequence}; say --yes to do it.")
            click.confirm(question, abort=True)

    return click.option("-y", "--yes", is_flag=True, expose_value=False, callback=ask, help="Do not ask.")

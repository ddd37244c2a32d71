"""`--limit NAME=VALUE` as several commands take it, and limits in words."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from worker.command_line.frame import MISUSED, end

HELP = "What a step may use at most, such as memory=512MiB, wall=5min, processes=64; the tightest of all levels holds."
NONE = ("", "none")


def limit_option(more: str = "") -> Callable[..., Any]:
    """The option; what it was given is read with `given_limits`."""
    return click.option("--limit", "limits", multiple=True, metavar="NAME=VALUE", help=HELP + more)


def given_limits(given: tuple[str, ...]) -> dict[str, str | None]:
    """The limits that were given; `none` takes one away.  Ends the command where one is wrong."""
    from tools.limits import problems

    found: dict[str, str | None] = {}
    for each in given:
        name, separator, value = each.partition("=")
        if not separator:
            end(MISUSED, f"--limit {each} is no limit: write --limit memory=512MiB.")
        found[name.strip()] = None if value.strip().lower() in NONE else value.strip()
    if wrong := problems(found, "--limit"):
        end(MISUSED, "cannot use these limits.", [f"{each['path']}: {each['message']}" for each in wrong])
    return found


def in_words(values: Mapping[str, float]) -> str:
    """`memory 512 MiB, wall 5 min`; empty without any."""
    from tools.limits import BY_NAME

    known = ((name, kind.shown(values[name])) for name, kind in BY_NAME.items() if name in values)
    return ", ".join(f"{name} {shown}" for name, shown in known)

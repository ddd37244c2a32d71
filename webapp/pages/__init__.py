"""The pages: one module each, with a blueprint called `page`; a new file here is a new page.

What stands in the navigation: NAVIGATION below.  Who may see them: webapp/gate.py.
"""

import importlib
import pkgutil
from functools import cache
from typing import NamedTuple

from flask import Blueprint, Flask


class Place(NamedTuple):
    """One entry of the navigation: the view it leads to, its icon, and the blueprints that belong to it.

    A phone has room for three in its bar (`is_first`); the others stand in its menu.
    """

    label: str
    view: str
    icon: str
    members: tuple[str, ...]
    is_first: bool = False
    counted: str = ""
    """Which of webapp/standing.py's counts stands beside it."""


NAVIGATION = (
    Place("Home", "home.show", "home", ("home",), is_first=True, counted="questions"),
    Place(
        "Tasks",
        "tasks.show",
        "tasks",
        ("tasks", "task", "control", "bulk", "files", "changes", "new_task"),
        is_first=True,
    ),
    Place("Agents", "agents.show", "agents", ("agents", "services"), is_first=True),
    Place("Schedules", "schedules.show", "schedule", ("schedules",)),
    Place("Dead letters", "dead_letters.show", "dead-letters", ("dead_letters",), counted="dead_letters"),
    Place("Queues", "queues.show", "queues", ("queues",)),
    Place("Retention", "retention.show", "retention", ("retention",)),
)


def register(app: Flask) -> None:
    """Give the app every page."""
    for page in _all():
        app.register_blueprint(page)
    app.jinja_env.globals["navigation"] = NAVIGATION


@cache
def names() -> frozenset[str]:
    """The blueprints' names."""
    return frozenset(page.name for page in _all())


@cache
def _all() -> tuple[Blueprint, ...]:
    found = []
    for module in pkgutil.iter_modules(__path__, prefix=f"{__name__}."):
        page = getattr(importlib.import_module(module.name), "page", None)
        if isinstance(page, Blueprint):
            found.append(page)
    return tuple(found)

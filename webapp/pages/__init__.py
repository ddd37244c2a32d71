"""The pages: one module each, with a blueprint called `page`; a new file here is a new page.

What stands in the navigation: FIRST and ROOMS below, where a new page gets its line
(docs/decisions/0044-rooms-in-the-navigation.md).  Who may see them: webapp/gate.py.
"""

import importlib
import pkgutil
from functools import cache
from typing import NamedTuple

from flask import Blueprint, Flask


class Place(NamedTuple):
    """One entry of the navigation: the view it leads to, its icon, and the blueprints that belong to it."""

    label: str
    view: str
    icon: str
    members: tuple[str, ...]
    counted: str = ""
    """Which of webapp/standing.py's counts stands beside it."""


class Room(NamedTuple):
    """Places that belong together, under one heading."""

    label: str
    places: tuple[Place, ...]


TASKS = ("tasks", "task", "control", "bulk", "files", "changes", "new_task", "ask_agent")

FIRST = (
    Place("Home", "home.show", "home", ("home",)),
    Place("Inbox", "inbox.show", "inbox", ("inbox",), counted="inbox"),
    Place("Tasks", "tasks.show", "tasks", TASKS),
    Place("Agents", "agents.show", "agents", ("agents",)),
)
"""Where people go all day: above all headings, and in the bar of a phone, which has room for four."""

ROOMS = (
    Room(
        "Work",
        (
            Place("Schedules", "schedules.show", "schedule", ("schedules",)),
            Place("Searches", "searches.show", "search", ("searches",)),
            Place("Dead letters", "dead_letters.show", "dead-letters", ("dead_letters",), counted="dead_letters"),
        ),
    ),
    Room(
        "Thinking",
        (
            Place("Models", "models.show", "models", ("models", "provider")),
            Place("Spend", "spend.show", "spend", ("spend",)),
            Place("Playground", "playground.show", "playground", ("playground",)),
        ),
    ),
    Room(
        "System",
        (
            Place("Queues", "queues.show", "queues", ("queues",)),
            Place("Services", "services.show", "services", ("services",)),
            Place("Retention", "retention.show", "retention", ("retention",)),
        ),
    ),
)
"""The others, by what one comes for; on a phone they stand in its menu."""


def register(app: Flask) -> None:
    """Give the app every page."""
    for page in _all():
        app.register_blueprint(page)
    app.jinja_env.globals.update(first_places=FIRST, rooms=ROOMS)


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

"""A task as somebody names it on the command line: by its id, or `last`."""

from typing import TYPE_CHECKING
from uuid import UUID

from worker.command_line.frame import MISUSED, REFUSED, end
from worker.command_line.words import STATE_STYLES

if TYPE_CHECKING:
    from opscore_sdk import OpsCoreClient

NEWEST = "last"
STATES = tuple(STATE_STYLES)


def id_of(client: "OpsCoreClient", given: str) -> str:
    """The task's id; ends the command where there can be none."""
    if given != NEWEST:
        return _checked(given)
    newest = client.task_page(limit=1).tasks
    if not newest:
        end(MISUSED, "there is no task yet. Submit one with bin/opscore run.")
    return newest[0].id


def _checked(given: str) -> str:
    try:
        return str(UUID(given))
    except ValueError:
        known = "bin/opscore task list shows the ids of those that there are, and last is the newest"
        end(REFUSED, f"there is no task {given}; {known}.")

"""Why a task that failed is not tried again: the last word of its timeline.  following.py and tasks.py say it."""

from typing import TYPE_CHECKING

from worker.command_line.words import no_more

if TYPE_CHECKING:
    from opscore_sdk import OpsCoreClient, Task

# A dismissal and its undoing may stand behind the end; what a person does more is not looked through.
LAST_EVENTS = 50


def why_no_more(client: "OpsCoreClient", task: "Task") -> str:
    """Why no further attempt comes; empty of a task that has not failed, or failed at no step."""
    if task.state != "failed":
        return ""
    last = client.events(task.id, after=max(0, task.event_count - LAST_EVENTS))
    return next((no_more(event.data) for event in reversed(last) if event.kind == "task.failed"), "")

"""What the events of a family say.  Other events: event_words.py."""

from collections.abc import Callable, Mapping
from typing import Any

from webapp.amounts import counted

Data = Mapping[str, Any]


def _delegated(data: Data) -> str:
    children = data.get("children") or []
    titles = ", ".join(f"“{each.get('title', '')}”" for each in children[:3])
    more = f" and {len(children) - 3} more" if len(children) > 3 else ""
    return f"Handed on {counted(len(children), 'part')}: {titles}{more}."


def _ended(data: Data) -> str:
    error = f": {str(data['error']).rstrip('.')}" if data.get("error") else ""
    return f"The part “{data.get('title', '')}” {data.get('state', 'ended')}{error}."


SENTENCES: dict[str, Callable[[Data], str]] = {
    "task.delegated": _delegated,
    "child.ended": _ended,
    "task.children_ended": lambda data: "All parts have ended: it goes on with what they brought.",
    "family.message": lambda data: f"“{data.get('title', '')}”: {data.get('text', '')}",
    "family.paused": lambda data: f"Paused {counted(data.get('tasks', 0), 'task')} below.",
    "family.resumed": lambda data: f"Resumed {counted(data.get('tasks', 0), 'task')} below.",
}

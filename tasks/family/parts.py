"""One part of a task as an order that was checked, its mistakes named by its place.  Used by children.py."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from models.agent import Worker
from models.database import reading
from models.errors import InvalidInput, Problem
from tasks.orders.submission import Order, Prepared, prepare

SAID = ("title", "description", "template", "inputs", "tools", "model", "instructions", "promises", "budget",
        "complexity", "agent", "deadline")  # fmt: skip
"""Fields of a part that an order has too."""
CAPABILITY = "capability."


def prepared(index: int, part: Mapping[str, Any]) -> Prepared:
    """The part at this place, which may be written.

    Raises:
        InvalidInput: its `problems` name every field that is wrong.
    """
    told = {name: part[name] for name in SAID if name in part}
    playbook = part.get("playbook")
    told["playbook"] = playbook if isinstance(playbook, str) or playbook is None else json.dumps(playbook)
    try:
        found = prepare(Order(**told))
    except InvalidInput as error:
        raise refused(index, *((each["path"], each["message"]) for each in error.problems)) from error
    if capability := part.get("capability"):
        found.task.queue = _queue_of(index, str(capability), part)
    return found


def refused(index: int, *wrong: tuple[str, str]) -> InvalidInput:
    """The error that says what is wrong with the fields of this part."""
    found = [Problem(path=f"tasks[{index}].{path}", line=None, message=message) for path, message in wrong]
    return InvalidInput("cannot hand this on", problems=found)


def _queue_of(index: int, capability: str, part: Mapping[str, Any]) -> str:
    if part.get("agent"):
        raise refused(index, ("capability", "name an agent or a capability, not both"))
    with reading() as session:
        running = session.scalars(select(Worker.queues).where(Worker.stopped_at.is_(None))).all()
    served = {queue.removeprefix(CAPABILITY) for queues in running for queue in queues if queue.startswith(CAPABILITY)}
    if capability not in served:
        known = ", ".join(sorted(served)) or "none"
        raise refused(index, ("capability", f"no running agent has the capability {capability}; there are {known}"))
    return f"{CAPABILITY}{capability}"

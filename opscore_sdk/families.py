"""The tasks that came from one, and their channel: `client.family(id)`, `client.say(id, "Begin with the north")`.

The methods are those of `OpsCoreClient`.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote

from opscore_sdk.connection import Connection
from opscore_sdk.models import Shape, Task


@dataclass(frozen=True, kw_only=True)
class FamilyProgress(Shape):
    """Sums over all tasks of a family; `cost` is in US dollars."""

    tasks: int
    ended: int
    states: dict[str, int]
    steps_done: int = 0
    steps_total: int = 0
    calls: int = 0
    tokens: int = 0
    cost: float = 0
    unpriced: int = 0


@dataclass(frozen=True, kw_only=True)
class Family(Shape):
    """A task and all that came from it, each before its parts; `id` is the first one's."""

    id: str
    progress: FamilyProgress
    tasks: list[Task]

    @classmethod
    def read(cls, value: dict[str, Any]) -> Self:
        tasks = [Task.read(each) for each in value["tasks"]]
        return cls(id=value["id"], progress=FamilyProgress.read(value["progress"]), tasks=tasks, raw=value)


@dataclass(frozen=True, kw_only=True)
class Message(Shape):
    """What somebody wrote to a family's channel; `title` is that of the task it was written from."""

    number: int
    author: str
    text: str
    at: datetime
    task_id: str
    title: str = ""


class Families:
    """What is asked of a family, named by any of its tasks."""

    _connection: Connection

    def family(self, task_id: str) -> Family:
        """All tasks that came from one, and how they stand together."""
        return Family.read(self._connection.json("GET", _path(task_id, "family"), is_safe=True))

    def messages(self, task_id: str, since: int = 0, limit: int = 50, *, newest: bool = False) -> list[Message]:
        """What was written to the channel after the message with that number, in order.

        Of more than `limit` the first, or the `newest`.
        """
        query = {"since": since, "limit": limit, "newest": "true" if newest else None}
        found = self._connection.json("GET", _path(task_id, "messages"), query=query, is_safe=True)
        return [Message.read(each) for each in found["messages"]]

    def say(self, task_id: str, text: str, *, key: str | None = None) -> Message:
        """Write to the channel: agents of the family may read it, and its page shows it."""
        # By its key a request whose answer was lost is known again, and is not written twice.
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        path = _path(task_id, "messages")
        return Message.read(self._connection.json("POST", path, json={"text": text}, headers=headers, is_safe=True))


def _path(task_id: str, what: str) -> str:
    return f"/v1/tasks/{quote(task_id, safe='')}/{what}"

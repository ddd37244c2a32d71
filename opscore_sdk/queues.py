"""Queues, `client.queues.pause("complexity.4", "repairs")`, and the emergency stop, `client.emergency.stop("why")`."""

from typing import Any
from urllib.parse import quote

from opscore_sdk.connection import Connection
from opscore_sdk.models import Emergency, Queue


class Queues:
    """The queues of one installation."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[Queue]:
        """Every queue, levels first."""
        return [Queue.read(each) for each in self._connection.json("GET", "/v1/queues", is_safe=True)["queues"]]

    def named(self, name: str) -> Queue:
        """The queue of this name: complexity.N, agent.NAME or capability.NAME."""
        return Queue.read(self._connection.json("GET", self._path(name), is_safe=True))

    def pause(self, name: str, reason: str = "") -> Queue:
        """Let nothing more be taken from it; what runs goes on."""
        return self._change(name, is_paused=True, reason=reason)

    def resume(self, name: str) -> Queue:
        """Let agents take from it again."""
        return self._change(name, is_paused=False)

    def limit(self, name: str, max_running: int | None) -> Queue:
        """Let so many of its tasks run at a time, on all hosts together; None is no limit."""
        return self._change(name, max_running=max_running)

    def _change(self, name: str, **body: Any) -> Queue:
        return Queue.read(self._connection.json("PATCH", self._path(name), json=body, is_safe=True))

    def _path(self, name: str) -> str:
        return f"/v1/queues/{quote(name, safe='')}"


class EmergencyStop:
    """The emergency stop of one installation."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def standing(self) -> Emergency:
        """Whether it holds, and what."""
        return Emergency.read(self._connection.json("GET", "/v1/emergency-stop", is_safe=True))

    def stop(self, reason: str = "") -> Emergency:
        """Let no more tasks be taken, and end every running step now; those tasks are paused.

        Bounded: while `left` is not 0 call again, or leave the rest to the reconciler.
        """
        body = {"reason": reason}
        return Emergency.read(self._connection.json("POST", "/v1/emergency-stop", json=body, is_safe=True))

    def release(self) -> Emergency:
        """End it, and resume the tasks that it has paused and no others; bounded as `stop` is."""
        return Emergency.read(self._connection.json("DELETE", "/v1/emergency-stop", is_safe=True))

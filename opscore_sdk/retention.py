"""For how long ended tasks are kept: `client.retention.rules()`, `.set(…)`, `.preview(…)`, `.prune()`."""

from dataclasses import dataclass
from typing import Any

from opscore_sdk.connection import Connection
from opscore_sdk.models import Shape


@dataclass(frozen=True, kw_only=True)
class RetentionRule(Shape):
    """The rule of one state; `due` is what it would delete now: `tasks`, `is_more`, `bytes`."""

    state: str
    keep: str
    export: bool
    due: dict[str, Any]
    keep_s: int | None = None


class Retention:
    """The rules of one installation."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rules(self) -> list[RetentionRule]:
        """The rule of each state that a task ends in."""
        found = self._connection.json("GET", "/v1/retention", is_safe=True)
        return [RetentionRule.read(each) for each in found["rules"]]

    def set(self, state: str, keep: str, *, export: bool = True) -> RetentionRule:
        """Keep tasks that ended in this state so long, such as "90 days", or "forever"."""
        body = {"keep": keep, "export": export}
        return RetentionRule.read(self._connection.json("PATCH", f"/v1/retention/{state}", json=body, is_safe=True))

    def preview(self, state: str, keep: str) -> RetentionRule:
        """What such a rule would delete now; nothing is changed."""
        query = {"keep": keep}
        return RetentionRule.read(
            self._connection.json("GET", f"/v1/retention/{state}/preview", query=query, is_safe=True)
        )

    def prune(self) -> tuple[int, bool]:
        """Delete some of what is due; how many tasks, and whether there is more."""
        found = self._connection.json("POST", "/v1/retention/prune", json={}, is_safe=True)
        return int(found["deleted"]), bool(found["is_more"])

"""Schedules: `client.schedules.create(…)`, `.all()`, `.pause(id)` and so on.  Answers: models.py."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from opscore_sdk.connection import Connection
from opscore_sdk.models import Firing, Schedule, Task


class Schedules:
    """The schedules of one installation."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(
        self, name: str, order: Mapping[str, Any], *, rule: str, repeats: str = "cron", **further: str
    ) -> Schedule:
        """Make a schedule.

        `order` is what to submit, with the names of `OpsCoreClient.submit`.  `rule` is a cron line, for `repeats`
        "interval" a length of time, for "once" a time.  Further: `time_zone`, `missed`, `overlap`.
        """
        body = {"name": name, "order": dict(order), "rule": rule, "repeats": repeats, **further}
        return Schedule.read(self._connection.json("POST", "/v1/schedules", json=body))

    def all(self) -> Iterator[Schedule]:
        """Every schedule by name, read page by page."""
        query: dict[str, Any] = {"limit": 200}
        while True:
            page = self._connection.json("GET", "/v1/schedules", query=query, is_safe=True)
            yield from (Schedule.read(each) for each in page["schedules"])
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def named(self, name: str) -> Schedule | None:
        """The schedule of this name."""
        page = self._connection.json("GET", "/v1/schedules", query={"name": name}, is_safe=True)
        return next((self.one(each["id"]) for each in page["schedules"]), None)

    def one(self, schedule_id: str) -> Schedule:
        """One schedule, with what it submits and its next times."""
        return Schedule.read(self._connection.json("GET", _path(schedule_id), is_safe=True))

    def change(self, schedule_id: str, **changes: Any) -> Schedule:
        """Change these fields; the others stay."""
        return Schedule.read(self._connection.json("PATCH", _path(schedule_id), json=changes, is_safe=True))

    def pause(self, schedule_id: str) -> Schedule:
        """Submit nothing until it is resumed."""
        return Schedule.read(self._connection.json("POST", f"{_path(schedule_id)}/pause", json={}))

    def resume(self, schedule_id: str) -> Schedule:
        """Go on with the next time from now."""
        return Schedule.read(self._connection.json("POST", f"{_path(schedule_id)}/resume", json={}))

    def run(self, schedule_id: str) -> Task:
        """Submit its task at once."""
        return Task.read(self._connection.json("POST", f"{_path(schedule_id)}/run", json={}))

    def delete(self, schedule_id: str) -> None:
        """Delete it; the tasks that it submitted stay."""
        self._connection.json("DELETE", _path(schedule_id))

    def firings(self, schedule_id: str, limit: int = 50) -> list[Firing]:
        """The times that came last, newest first."""
        page = self._connection.json("GET", f"{_path(schedule_id)}/firings", query={"limit": limit}, is_safe=True)
        return [Firing.read(each) for each in page["firings"]]

    def preview(self, rule: str, repeats: str = "cron", time_zone: str = "UTC") -> list[datetime]:
        """The next times that a rule would have."""
        body = {"rule": rule, "repeats": repeats, "time_zone": time_zone}
        found = self._connection.json("POST", "/v1/schedules/preview", json=body, is_safe=True)
        return [datetime.fromisoformat(each) for each in found["next_times"]]


def _path(schedule_id: str) -> str:
    return f"/v1/schedules/{quote(schedule_id, safe='')}"

"""What model calls may cost, and did: `client.budgets.day()`, `.set_task(task.id, cost=2)`, `.spend("agent")`."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from opscore_sdk.connection import Connection
from opscore_sdk.models import Shape


@dataclass(frozen=True, kw_only=True)
class BudgetLimit(Shape):
    """One limit and what counts against it; `limit` and `left` are None where there is none."""

    limit: float | None
    used: float
    reserved: float
    left: float | None


@dataclass(frozen=True, kw_only=True)
class Budget(Shape):
    """How a budget stands; cost in US dollars, `wall_s` in seconds of work.  `day` is None in one for ever."""

    kind: str
    name: str
    tokens: BudgetLimit
    cost: BudgetLimit
    calls: BudgetLimit
    wall_s: BudgetLimit
    day: str | None = None


@dataclass(frozen=True, kw_only=True)
class Spent(Shape):
    """What some calls came to, in US dollars; `unpriced` of them are not in `cost`."""

    name: str
    calls: int
    tokens: int
    cost: float
    input_tokens: int = 0
    output_tokens: int = 0
    unpriced: int = 0
    lost: int = 0
    open: int = 0


@dataclass(frozen=True, kw_only=True)
class SpendReport(Shape):
    """What was spent; `total` is of all, also where `rows` are not (`is_complete`)."""

    by: str
    rows: list[Spent]
    is_complete: bool
    total: Spent


class Budgets:
    """The budgets of one installation.  Limits: `tokens`, `cost` (dollars), `calls`, `wall_s`; None lifts one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def day(self) -> Budget:
        """That of all tasks together, today."""
        return self._show("day")

    def agent(self, name: str) -> Budget:
        """That of the agent's tasks, today."""
        return self._show(f"agents/{quote(name, safe='')}")

    def task(self, task_id: str) -> Budget:
        """That of the task and of what it handed on."""
        return self._show(f"tasks/{quote(task_id, safe='')}")

    def set_day(self, **limits: str | float | None) -> Budget:
        """Limit what all tasks together may spend a day."""
        return self._set("day", limits)

    def set_agent(self, name: str, **limits: str | float | None) -> Budget:
        """Limit what the agent's tasks may spend a day."""
        return self._set(f"agents/{quote(name, safe='')}", limits)

    def set_task(self, task_id: str, **limits: str | float | None) -> Budget:
        """Limit what the task and what it hands on may spend."""
        return self._set(f"tasks/{quote(task_id, safe='')}", limits)

    def spend(
        self, by: str = "day", *, days: int = 30, agent: str | None = None, task: str | None = None, limit: int = 100
    ) -> SpendReport:
        """What was spent by "day", "agent", "task" or "model", `limit` rows at most, and the total."""
        given = {"by": by, "days": days, "agent": agent, "task": task, "limit": limit}
        query = {name: value for name, value in given.items() if value is not None}
        found = self._connection.json("GET", "/v1/spend", query=query, is_safe=True)
        rows = [Spent.read(each) for each in found["rows"]]
        total = Spent.read(found["total"])
        return SpendReport(by=found["by"], rows=rows, is_complete=found["is_complete"], total=total, raw=found)

    def _show(self, which: str) -> Budget:
        return _budget(self._connection.json("GET", f"/v1/budgets/{which}", is_safe=True))

    def _set(self, which: str, limits: dict[str, Any]) -> Budget:
        return _budget(self._connection.json("PATCH", f"/v1/budgets/{which}", json=limits, is_safe=True))


def _budget(value: dict[str, Any]) -> Budget:
    limits = {name: BudgetLimit.read(value[name]) for name in ("tokens", "cost", "calls", "wall_s")}
    return Budget(kind=value["kind"], name=value["name"], day=value.get("day"), raw=value, **limits)

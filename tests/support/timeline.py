"""A timeline that is kept in memory: hand `Told().tell` to whoever wants to tell something."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Told:
    """Everything that was told, in its order."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def tell(self, kind: str, **details: Any) -> None:
        self.events.append((kind, details))

    def reasons(self) -> list[str]:
        """Why connections were refused."""
        return [details["reason"] for kind, details in self.events if kind == "network.refused"]

    def allowed(self) -> list[dict[str, Any]]:
        """The connections that were allowed."""
        return [details for kind, details in self.events if kind == "network.allowed"]

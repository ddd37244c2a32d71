"""Points at which a worker stands still until it is let on: how a test acts in the moment between two statements."""

from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import wait_until
from tools import triggers


@dataclass(frozen=True)
class Gates:
    """One gate, a file in the folder, for each of these points (tools/triggers.py)."""

    folder: Path
    points: tuple[str, ...]

    @property
    def variables(self) -> dict[str, str]:
        """What the worker is told."""
        return {triggers.VARIABLE: " ".join(f"{point}=pause:{self._gate(point)}" for point in self.points)}

    def come_to(self, point: str) -> None:
        """Let the worker on from gate to gate, and return when it stands at this one."""
        wait_until(lambda: self._stands_at(point) or self._open(but=point), 60, f"the worker is at {point}")

    def stand_open(self) -> None:
        """Let it on from wherever it stands; to be asked again and again until it is where it is wanted."""
        self._open()

    def _stands_at(self, point: str) -> bool:
        return self._gate(point).exists()

    def _open(self, but: str = "") -> None:
        for point in self.points:
            if point != but:
                self._gate(point).unlink(missing_ok=True)

    def _gate(self, point: str) -> Path:
        return self.folder / point

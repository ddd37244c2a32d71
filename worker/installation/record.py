"""What is running, as `<data>/run/processes.json` says it: for status, for bin/down and for the next start.

A pid alone names nobody for long, so each comes with the time at which its process started.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from settings import Settings
from tasks import processes


@dataclass(frozen=True)
class Recorded:
    """One process that the supervisor started, or the supervisor itself."""

    role: str
    name: str
    pid: int
    started_at: float
    """Seconds since 1970, as psutil gives them."""

    def process(self) -> psutil.Process | None:
        """The process, or None where it ended, even if its pid is in use again."""
        return processes.find(self.pid, self.started_at)


@dataclass(frozen=True)
class Record:
    """One start of an installation."""

    supervisor: Recorded
    url: str
    flower_url: str
    processes: tuple[Recorded, ...] = ()


def recorded(role: str, name: str, pid: int) -> Recorded:
    """The record of a process that runs now.

    Raises:
        psutil.NoSuchProcess: it has ended already and was waited for.
    """
    return Recorded(role, name, pid, psutil.Process(pid).create_time())


def path(settings: Settings) -> Path:
    """The record's file."""
    return settings.data_dir / "run" / "processes.json"


def write(settings: Settings, record: Record) -> None:
    """Put the record in place, whole."""
    _replace(path(settings), json.dumps(asdict(record), indent=1))


def read(settings: Settings) -> Record | None:
    """The record of the newest start; None where nothing was started, or it ended in order."""
    try:
        told = json.loads(path(settings).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        # A power cut may leave an empty file, and nothing of what it named.
        return None
    return Record(Recorded(**told["supervisor"]), told["url"], told["flower_url"], tuple(_each(told["processes"])))


def remove(settings: Settings) -> None:
    """Forget the record: everything it names has ended."""
    path(settings).unlink(missing_ok=True)


def _each(told: Iterable[dict[str, object]]) -> Iterable[Recorded]:
    return (Recorded(**each) for each in told)  # type: ignore[arg-type]


def _replace(target: Path, text: str) -> None:
    draft = target.with_name(f".{target.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(target)

"""Archives of deleted tasks: one line of JSON a task with all its rows, gzipped, a file for each day that tasks ended.

`exports/TENANT/tasks-2026-11-21.jsonl.gz` in the data folder; `zcat` reads it.  A batch is one gzip member.  How
far the file is whole stands beside it: what a crash left behind that is cut off before the next batch, and tasks
that are in the last batch already are not written twice.  Everything is on the disk before `add` returns.
"""

import fcntl
import gzip
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

import settings
from models.columns import new_id, now
from models.database import Base, reading
from models.event import Event
from models.plan import Plan
from models.run import Run
from models.step import Step
from models.task import Task
from models.workspace import Artifact

VERSION = 1


def add(tasks: Sequence[Task]) -> None:
    """Write these tasks, all of one tenant, to the archives of the days that they ended on."""
    by_day: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        by_day[f"{task.finished_at or now():%Y-%m-%d}"].append(task)
    for day, ended in by_day.items():
        folder = settings.load().data_dir / "exports" / quote(ended[0].tenant, safe="")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(folder):
            _add(folder / f"tasks-{day}.jsonl.gz", ended)


def _add(path: Path, tasks: Sequence[Task]) -> None:
    mark = path.with_name(f".{path.name}.whole")
    whole = _whole(path, mark)
    wanted = [task for task in tasks if whole["last"].get(task.id) != task.event_count]
    if not wanted:
        return
    with open(path, "ab", opener=_private) as file:
        file.truncate(whole["bytes"])
        with gzip.GzipFile(fileobj=file, mode="wb", filename="") as member:
            for line in _lines(wanted):
                member.write(line)
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    _write_whole(mark, {"bytes": size, "last": {task.id: task.event_count for task in tasks}})


def _whole(path: Path, mark: Path) -> dict[str, Any]:
    """How far the archive is whole, and which tasks are in its last batch, each with its newest event."""
    found: dict[str, Any] = json.loads(mark.read_bytes()) if mark.exists() else {"bytes": 0, "last": {}}
    size = path.stat().st_size if path.exists() else 0
    if size and (not mark.exists() or size < found["bytes"]):
        # Not as we left it, so nothing of it is ours to cut off.
        path.rename(path.with_name(f"{path.name}.{new_id()}"))
        size = 0
    if size == 0:
        found["bytes"] = 0
        _write_whole(mark, found)
    return found


def _lines(tasks: Sequence[Task]) -> Iterator[bytes]:
    for task in tasks:
        with reading() as session:
            about = _about(session, task)
        yield json.dumps(about, default=str, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _about(session: Session, task: Task) -> dict[str, Any]:
    """The task with everything that the database says of it."""
    plan = session.scalars(select(Plan.content).where(Plan.id == task.plan_id)).one_or_none()

    def all_of(table: type[Any], order: Any, key: Any) -> list[dict[str, Any]]:
        return [_columns(row) for row in session.scalars(select(table).where(key == task.id).order_by(order))]

    return {
        "version": VERSION,
        "task": _columns(task),
        "plan": plan,
        "steps": all_of(Step, Step.started_at, Step.task_id),
        "events": all_of(Event, Event.number, Event.subject_id),
        "runs": all_of(Run, Run.number, Run.task_id),
        "artifacts": all_of(Artifact, Artifact.path, Artifact.task_id),
    }


def _columns(row: Base) -> dict[str, Any]:
    return {
        each.key: value.isoformat() if hasattr(value := getattr(row, each.key), "isoformat") else value
        for each in inspect(row).mapper.column_attrs
    }


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Within, no other process of this host writes there."""
    with open(folder / ".lock", "wb", opener=_private) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_whole(path: Path, value: dict[str, Any]) -> None:
    draft = path.with_name(f"{path.name}.draft")
    with open(draft, "w", encoding="ascii", opener=_private) as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

"""The shared folder of a family: one row a path (models/shared_file.py), bytes by digest in the family's folder.

A write names the version that it replaces, or takes whatever there is; a lock keeps others out until it is given
back, its time is up or its task has ended.  Why not a folder that all tasks mount: docs/decisions/0043-families.md.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import settings
from models.columns import clock, now
from models.database import reading, writing
from models.errors import Conflict, InvalidInput, NotFound, Problem
from models.event import Event
from models.shared_file import SharedFile as Row
from models.task import Task
from tasks.family import handed
from tasks.family.asker import Asker, Patiently, at_once
from tasks.family.tree import family_of
from tools import files_at
from tools.blobs import Blobs
from tools.shared.files import FILE_BYTES
from tools.team.port import SharedFile

MOST_FILES = 1000
MOST_BYTES = 1024**3
MOST_STORED = 2 * MOST_BYTES
OLD_S = 3600
"""Nobody is between a file's bytes and its row for so long."""
LONGEST_PATH = 500


def folder_of(family_id: str) -> Path:
    """Where the bytes of the family lie on this host."""
    return settings.load().data_dir / "families" / family_id


def remove(family_id: str) -> None:
    """Delete the folder; fine where there is none."""
    if folder_of(family_id).exists():
        shutil.rmtree(folder_of(family_id))


@dataclass(frozen=True)
class Shared:
    """The folder as one call of a task of the family sees it; it writes as long as its run has the task."""

    asker: Asker
    patiently: Patiently = at_once

    @property
    def task_id(self) -> str:
        """Whose call it is."""
        return self.asker.task_id

    def files(self) -> list[SharedFile]:
        """What is in it, by path."""
        return self.patiently(self._files)

    def _files(self) -> list[SharedFile]:
        with reading() as session:
            family = self._family(session)
            rows = session.scalars(select(Row).where(Row.family_id == family).order_by(Row.path))
            return [_told(row) for row in rows if row.version or row.locked_by]

    def share(self, path: str, content: BinaryIO, version: int | None) -> SharedFile:
        """See `Family`."""
        path = _checked(path)
        family = self.patiently(self._family_id)
        # Before the transaction: copying takes as long as it takes.  What no row names goes with the folder.
        blobs = _blobs(family)
        self.patiently(lambda: self._must_be_little(family, blobs))
        digest, size = blobs.add(content, FILE_BYTES + 1)
        if size > FILE_BYTES:
            blobs.forget()
            raise _wrong("file", f"is larger than {FILE_BYTES:,} bytes")
        blobs.sync()
        return self.patiently(lambda: self._put(path, version, digest, size))

    def _put(self, path: str, version: int | None, digest: str, size: int) -> SharedFile:
        with writing() as session:
            row = self._row(session, path)
            if row.digest == digest and row.task_id == self.task_id and version in (row.version - 1, row.version, None):
                return _told(row)  # asked a second time
            self._must_be_free(session, row, "write")
            if version is not None and version != row.version:
                raise Conflict(
                    f"cannot write {path}: it has version {row.version} by now; read it again",
                    version=row.version,
                )
            self._must_have_room(session, row, size)
            row.version, row.digest, row.size_bytes = row.version + 1, digest, size
            row.task_id, row.written_at = self.task_id, now()
            return _told(row)

    def open(self, path: str) -> tuple[SharedFile, BinaryIO]:
        """See `Family`."""
        found = _checked(path)
        return self.patiently(lambda: self._open(found))

    def _open(self, path: str) -> tuple[SharedFile, BinaryIO]:
        with reading() as session:
            family = self._family(session)
            row = session.scalars(select(Row).where(Row.family_id == family, Row.path == path)).one_or_none()
        if row is None or row.digest is None:
            raise NotFound("cannot find it in the shared folder", path=path)
        return _told(row), _blobs(family).open(row.digest)

    def lock(self, path: str, lasts: timedelta) -> SharedFile:
        """See `Family`."""
        found = _checked(path)
        return self.patiently(lambda: self._hold(found, lasts))

    def unlock(self, path: str) -> SharedFile:
        """See `Family`."""
        found = _checked(path)
        return self.patiently(lambda: self._hold(found, None))

    def _hold(self, path: str, lasts: timedelta | None) -> SharedFile:
        """Keep it for so long; None gives it back."""
        with writing() as session:
            row = self._row(session, path)
            self._must_be_free(session, row, "unlock" if lasts is None else "lock")
            row.locked_by = None if lasts is None else self.task_id
            row.locked_until = None if lasts is None else clock_of(session) + lasts
            return _told(row)

    def _family_id(self) -> str:
        with reading() as session:
            return self._family(session)

    def _family(self, session: Session) -> str:
        """The family's id, where this task may use its folder: it is the first, or was told so when it was made."""
        task = session.scalars(select(Task).where(Task.id == self.task_id)).one()
        first = select(Event).where(Event.subject_id == task.id, Event.number == 1)
        line = session.scalars(first).one_or_none() if task.parent_id is not None else None
        if task.parent_id is not None and not (line is not None and line.data.get("share")):
            raise InvalidInput(
                "cannot use the shared folder: this part was handed on without it; "
                "whoever hands it on says `share: true`"
            )
        return family_of(task)

    def _row(self, session: Session, path: str) -> Row:
        """The file's row, locked; a new one where there is none.

        Raises:
            Fenced: the run does not have the task any more.
        """
        # The first task's row stands for the folder: two new files of one name would meet no row to lock.
        self.asker.locked(session)
        family = self._family(session)
        row = session.scalars(select(Row).where(Row.family_id == family, Row.path == path)).one_or_none()
        if row is None:
            row = Row(family_id=family, path=path, version=0, size_bytes=0)
            session.add(row)
        return row

    def _must_be_free(self, session: Session, row: Row, what: str) -> None:
        if row.locked_by in (None, self.task_id) or row.locked_until is None:
            return
        holder = session.scalars(select(Task).where(Task.id == row.locked_by)).one_or_none()
        if holder is None or holder.finished_at is not None or row.locked_until <= clock_of(session):
            return
        # Whoever has it gives it back: another attempt may find it free.
        raise Conflict(
            f"cannot {what} {row.path}: “{holder.title}” has locked it until {row.locked_until:%H:%M:%S} UTC",
            transient=True,
            locked_by=holder.id,
        )

    def _must_be_little(self, family: str, blobs: Blobs) -> None:
        """Earlier versions, and what was refused in the end, lie there too: bounded, and deleted when old."""
        handed.must_leave_room(FILE_BYTES)
        if _stored(blobs) + FILE_BYTES <= MOST_STORED:
            return
        with reading() as session:
            named = set(session.scalars(select(Row.digest).where(Row.family_id == family)))
        for path in _files_of(blobs):
            with suppress(FileNotFoundError):
                if f"{path.parent.name}{path.name}" not in named and time.time() - path.stat().st_mtime > OLD_S:
                    path.unlink()
        if _stored(blobs) + FILE_BYTES > MOST_STORED:
            raise _wrong("file", "the shared folder has too many earlier versions; they are deleted after an hour")

    def _must_have_room(self, session: Session, row: Row, size: int) -> None:
        mine = Row.family_id == row.family_id
        files, total = session.execute(
            select(func.count(Row.id), func.coalesce(func.sum(Row.size_bytes), 0)).where(mine, Row.path != row.path)
        ).one()
        if files >= MOST_FILES or total + size > MOST_BYTES:
            message = f"the shared folder may hold {MOST_FILES:,} files and {MOST_BYTES:,} bytes"
            raise _wrong("path", message)


def _files_of(blobs: Blobs) -> Iterator[Path]:
    return blobs.folder.glob("*/*") if blobs.folder.is_dir() else iter(())


def _stored(blobs: Blobs) -> int:
    total = 0
    for path in _files_of(blobs):
        # Another task of the family may make room at the same time.
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def clock_of(session: Session) -> datetime:
    """The time by the database's clock."""
    return clock(session.connection())


def _checked(path: str) -> str:
    found = files_at.clean(path)
    if found == "." or len(found) > LONGEST_PATH:
        raise _wrong("path", f"name a file, in {LONGEST_PATH} characters at most")
    return found


def _blobs(family_id: str) -> Blobs:
    folder = folder_of(family_id)
    return Blobs(folder / "blobs", folder / "drafts")


def _wrong(path: str, message: str) -> InvalidInput:
    return InvalidInput("cannot use the shared folder", problems=[Problem(path=path, line=None, message=message)])


def _told(row: Row) -> SharedFile:
    until = row.locked_until.isoformat() if row.locked_until and row.locked_by else ""
    return SharedFile(row.path, row.version, row.size_bytes, row.task_id or "", row.locked_by or "", until)

"""Lend a uid to one running task at a time, on the whole host; which uids there are: identity.py.

Who has one holds a lock on a file that is named after it, and nothing but the kernel can take that away: it goes
with the process that holds it, however that ends.  Why files: docs/decisions/0016-one-uid-for-each-running-task.md.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from models.errors import Misconfigured, SandboxUnavailable


@contextmanager
def one_of(uids: Sequence[int], locks: Path) -> Iterator[int]:
    """A uid that nobody else has and no process runs under, for as long as the block lasts.

    Raises:
        SandboxUnavailable: all are lent; transient.
        Misconfigured: the folder of locks cannot be written.
    """
    lock, uid = _first_free(uids, locks)
    try:
        yield uid
    finally:
        os.close(lock)


@contextmanager
def this_one(uid: int, locks: Path) -> Iterator[bool]:
    """Hold that uid, if nobody else does; says whether."""
    lock = _locked(uid, locks)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def _first_free(uids: Sequence[int], locks: Path) -> tuple[int, int]:
    # Not always the first: what a task left behind belongs to its uid, and is best met by nobody soon.
    start = secrets.randbelow(len(uids))
    for uid in (*uids[start:], *uids[:start]):
        if (lock := _locked(uid, locks)) is None:
            continue
        # Processes of a worker that was just killed may need another moment to be gone.
        if uid not in _at_work():
            return lock, uid
        os.close(lock)
    raise SandboxUnavailable("cannot start the task: all uids of this host are at work", transient=True, uids=len(uids))


def _locked(uid: int, locks: Path) -> int | None:
    try:
        locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(locks / str(uid), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        cure = "let root write there, for example as a file system in memory"
        raise Misconfigured("cannot lend a uid", folder=str(locks), reason=error.strerror, cure=cure) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _at_work() -> set[int]:
    """The uids that processes run under."""
    return {uid for entry in os.scandir("/proc") if entry.name.isdigit() and (uid := _owner(entry)) is not None}


def _owner(process: "os.DirEntry[str]") -> int | None:
    try:
        return process.stat().st_uid
    except (FileNotFoundError, ProcessLookupError):
        return None

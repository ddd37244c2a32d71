"""One `bin/up` for each data folder: a lock that the kernel frees, however its holder ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import Conflict, Misconfigured
from settings import Settings


@contextmanager
def held(settings: Settings, name: str = "up") -> Iterator[int]:
    """Hold `<data>/run/<name>.lock`; gives its file descriptor, which holds it as long as it is open.

    Raises:
        Conflict: another process holds it.
        Misconfigured: the data folder cannot be written.
    """
    with _folder(settings).joinpath(f"{name}.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict("cannot start: it runs already", data=str(settings.data_dir)) from error
        yield file.fileno()


def is_held(settings: Settings, name: str = "up") -> bool:
    """Whether a process holds the lock now."""
    if not (settings.data_dir / "run" / f"{name}.lock").exists():
        return False
    try:
        with held(settings, name):
            return False
    except Conflict:
        return True


def _folder(settings: Settings) -> Path:
    folder = settings.data_dir / "run"
    try:
        # Other people of this machine have no business with the data.
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        folder.joinpath(".writable").touch()
        folder.joinpath(".writable").unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Misconfigured(f"cannot write to the data folder {settings.data_dir}: {reason}") from error
    return folder

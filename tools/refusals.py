"""What the system refuses about a file of a workspace, as errors of ours.

Used by files_at.py and what builds on it.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from models.errors import Conflict, InvalidInput, Misconfigured, NotFound, ToolFailed

_REFUSED = {
    errno.ELOOP: "cannot follow a link",
    errno.EXDEV: "cannot follow a link",
    errno.ENOTDIR: "cannot use a file as a folder",
    errno.EISDIR: "cannot use a folder as a file",
    errno.ENXIO: "cannot open anything but a regular file with one link",
    errno.EACCES: "cannot open it: no permission",
    errno.EPERM: "cannot open it: no permission",
    errno.ENODEV: "cannot open anything but a regular file with one link",
    errno.ENAMETOOLONG: "cannot use this path: it is too long",
    errno.ETXTBSY: "cannot write to a program that is running",
}
_CHANGED = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ESTALE})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def in_our_words(path: str) -> Iterator[None]:
    """What the system refuses within is raised as an error of ours, where whoever wrote the path can mend it.

    A tree that changes while it is looked at refuses in many ways; none of them may look like a fault of ours.
    """
    try:
        yield
    except OSError as error:
        ours = as_ours(error.errno or 0, path)
        if isinstance(ours, OSError):
            raise
        raise ours from error


@contextmanager
def room_for(what: str) -> Iterator[None]:
    """A disk that is full within is an error of ours, which may go well another time: somebody makes room."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise ToolFailed(f"cannot {what}: no space is left on this host") from error


def as_ours(number: int, path: str) -> Exception:
    """The error of ours for what the system refused by that errno; an OSError where there is none."""
    if number in _REFUSED:
        return InvalidInput(_REFUSED[number], path=path)
    if number == errno.ENOENT:
        return NotFound("cannot find it in the workspace", path=path)
    if number in _CHANGED:
        return Conflict("cannot do this: something else changed the folder meanwhile", path=path)
    if number in _FULL:
        return ToolFailed("cannot write: no space is left on this host", path=path)
    if number == errno.ENOSYS:
        return Misconfigured("cannot open files safely: the kernel has no openat2 (Linux 5.6 or newer)")
    return OSError(number, os.strerror(number), path)

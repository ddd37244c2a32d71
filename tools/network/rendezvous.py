"""Where a sandboxed program meets its proxy: a unix socket in a folder that nobody else can find.

    <temporary folder>/opscore-proxy-<random>/   0700: no other user of the host gets past it
        socket/                                  0711: what the sandbox is shown, under whichever uid it has
            proxy.sock                           0666

A worker that was killed leaves its folder; the next call that needs the network takes such ones away.
"""

import fcntl
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOCKET = "proxy.sock"
_PREFIX = "opscore-proxy-"
_YOUNG_S = 60
"""A folder is made before it is locked: one this young is never taken for left."""


@contextmanager
def listening() -> Iterator[tuple[Path, socket.socket]]:
    """The folder to show to the sandbox and the socket that listens in it; both are gone afterwards."""
    _remove_left()
    private = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with _held(private):
            folder = private / "socket"
            folder.mkdir()
            folder.chmod(0o711)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                _listen(listener, folder)
                yield folder, listener
    finally:
        shutil.rmtree(private)


def _listen(listener: socket.socket, folder: Path) -> None:
    # By descriptor: the path of a socket may have 108 bytes, and a temporary folder may lie deep.
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{descriptor}/{SOCKET}")
    finally:
        os.close(descriptor)
    (folder / SOCKET).chmod(0o666)
    listener.setblocking(False)
    listener.listen(128)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The kernel's word that we live; it ends with us, however that happens."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_left() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if _is_left(folder):
            shutil.rmtree(folder, ignore_errors=True)  # another worker may be doing the same


def _is_left(folder: Path) -> bool:
    try:
        found = folder.lstat()
        if found.st_uid != os.geteuid() or time.time() - found.st_mtime < _YOUNG_S:
            return False
        with _tried(folder):
            return True
    except OSError:
        return False


@contextmanager
def _tried(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)

"""Which ports are free, and who has one that is not."""

import errno
import socket

import psutil

from models.errors import Misconfigured


def require_free(host: str, port: int) -> None:
    """Nothing, if this process could listen there.

    Raises:
        Misconfigured: the port is taken, or the address is not this machine's.
    """
    try:
        _bind(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise Misconfigured(f"cannot listen on {host}:{port}: {error.strerror}") from error
        holder = _holder(port)
        by = f" by {holder}" if holder else ""
        raise Misconfigured(
            f"cannot listen on {host}:{port}: the port is taken{by}; choose another with --port"
        ) from error


def is_free(host: str, port: int) -> bool:
    """Whether this process could listen there."""
    try:
        _bind(host, port)
    except OSError:
        return False
    return True


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or one that is free now; 0 wants any."""
    return wanted if wanted and is_free(host, wanted) else _bind(host, 0)


def _bind(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are only fading away is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)
        return int(probe.getsockname()[1])


def _holder(port: int) -> str | None:
    """Name and pid of the process that listens there, where this person may know it."""
    try:
        listening = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    for each in listening:
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid:
            try:
                return f"{psutil.Process(each.pid).name()} (pid {each.pid})"
            except psutil.NoSuchProcess:
                return None
    return None

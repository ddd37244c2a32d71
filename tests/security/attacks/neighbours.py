"""Attacks on another task that is at work on the same host: neighbour.py."""

import fcntl
import os
import signal
import socket

from tests.security.attacks.attack import attack
from tests.security.attempt import any_of, call, checked, greets, is_there, libc, words_of


@attack("read a neighbour's workspace")
def read(host):
    name = os.path.basename(host.neighbour)
    folders = (host.neighbour, f"../{name}", f"../../{name}", f"/workspace/../{name}")
    return any_of(*(lambda f=folder: len(open(f"{f}/neighbours.txt").read()) > 0 for folder in folders))


@attack("write to a neighbour's workspace")
def write(host):
    os.close(os.open(f"{host.neighbour}/neighbours.txt", os.O_WRONLY))
    return True


@attack("list the workspaces of all neighbours")
def list_all(host):
    above = os.path.dirname(host.neighbour)
    return any_of(*(lambda f=folder: "neighbour" in str(os.listdir(f)) for folder in (above, "../..", "..")))


@attack("put a program into a neighbour's workspace that it may run")
def plant(host):
    path = f"{host.neighbour}/sitecustomize.py"
    open(path, "x").close()
    os.unlink(path)
    return True


@attack("connect to a server of a neighbour")
def loopback(host):
    return greets(socket.socket(), ("127.0.0.1", host.neighbour_port))


@attack("connect to an abstract socket of a neighbour")
def abstract(host):
    return greets(socket.socket(socket.AF_UNIX), "\0" + host.neighbour_abstract)


@attack("connect to a socket in a neighbour's workspace")
def by_path(host):
    return greets(socket.socket(socket.AF_UNIX), f"{host.neighbour}/socket")


@attack("open a neighbour's pipe")
def pipe(host):
    return os.open(f"{host.neighbour}/pipe", os.O_RDWR | os.O_NONBLOCK) > 0


@attack("read a neighbour's temporary files")
def temporary(host):
    return any_of(*(lambda p=path: "sesame" in open(p).read() for path in host.neighbour_files))


@attack("read temporary files of the host")
def temporary_of_host(host):
    return any_of(*(lambda p=path: "sesame" in open(p).read() for path in (host.tmp_path, host.shm_path)))


@attack("see a neighbour's processes")
def see(host):
    return any(host.neighbour_marker in str(words_of(pid)) for pid in os.listdir("/proc") if pid.isdigit())


@attack("end a neighbour's process")
def end(host):
    os.kill(host.neighbour_pid, signal.SIGCONT)
    return is_there(host, host.neighbour_pid, host.neighbour_marker)


@attack("change the priority of a neighbour's process")
def slow_down(host):
    os.setpriority(os.PRIO_PROCESS, host.neighbour_pid, 7)
    return os.getpriority(os.PRIO_PROCESS, host.neighbour_pid) == 7


@attack("read the environment of a neighbour's process")
def environment(host):
    with open(f"/proc/{host.neighbour_pid}/environ", "rb") as file:
        return file.read() is not None and host.neighbour_marker in str(words_of(host.neighbour_pid))


@attack("take a lock that a neighbour needs")
def lock(host):
    with open(f"{host.neighbour}/neighbours.txt") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


@attack("share memory with the host")
def shared_memory(host):
    return checked(libc.shmget(host.shared_key, 0, 0o666)) >= 0


@attack("share semaphores with the host")
def semaphores(host):
    return checked(libc.semget(host.shared_key, 0, 0o666)) >= 0


@attack("share messages with the host")
def messages(host):
    return checked(libc.msgget(host.shared_key, 0o666)) >= 0


@attack("share a queue of messages with the host", may_lack="a kernel without message queues")
def queue(host):
    opened = call("mq_open", b"opscore-attack", os.O_RDWR | os.O_CREAT, 0o600, 0)
    call("mq_unlink", b"opscore-attack")
    return opened >= 0

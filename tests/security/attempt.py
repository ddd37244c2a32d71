"""Try attacks, each in a process of its own: runs inside the sandbox, and outside to show what gets through there.

    python -I -S attempt.py < {"host": {…}, "attacks": [{"name": …, "code": …}, …]}

`code` defines `attack(host)`, which returns whether it got through; an OSError means that it was refused.  What is
imported and defined here is what attacks may use.  Prints a line "@verdict NAME-AS-JSON VERDICT-AS-JSON" for each.
"""

import array
import ctypes
import errno
import fcntl
import glob
import json
import mmap
import os
import platform
import pty
import resource
import select
import shutil
import signal
import socket
import sqlite3
import stat
import struct
import subprocess
import sys
import tarfile
import threading
import time
import traceback
import zipfile
from types import SimpleNamespace

THROUGH, HELD, BROKEN = "through", "held", "broken"
PATIENCE_S = 20
MIB = 2**20
# What ends a process from outside: the filter, memory, file size, processor time.
LIMITING = (signal.SIGSYS, signal.SIGKILL, signal.SIGXFSZ, signal.SIGXCPU)
# What attacks use although nothing here does.
FOR_ATTACKS = (
    array,
    errno,
    fcntl,
    glob,
    mmap,
    pty,
    resource,
    shutil,
    socket,
    sqlite3,
    struct,
    subprocess,
    tarfile,
    threading,
)
FOR_ATTACKS += (stat, time, zipfile)

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.shmat.restype = ctypes.c_void_p

# name: (x86-64, aarch64); None: there is none.
SYSCALLS = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "fchmodat2": (452, 452),
    "finit_module": (313, 273),
    "fsopen": (430, 430),
    "init_module": (175, 105),
    "io_uring_setup": (425, 425),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138),
    "sched_setattr": (314, 274),
    "setns": (308, 268),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}


def call(name, *words):
    """The system call, past what the C library makes of it; raises OSError."""
    number = SYSCALLS[name][platform.machine() == "aarch64"]
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(w) if isinstance(w, int) else w for w in words))
    return checked(result)


def checked(result):
    """The result of a function of the C library; raises OSError where it is -1."""
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def is_looked_at(name, *words):
    """Whether the kernel looks at the words of this system call at all: whether its code can be attacked."""
    try:
        call(name, *words)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS):
            raise
    return True


def any_of(*tries):
    """Whether one of several ways returns something true; raises the last refusal if none does."""
    refused = None
    for each in tries:
        try:
            if each():
                return True
        except OSError as error:
            refused = error
    if refused:
        raise refused
    return False


def words_of(pid):
    """The command line of a process; empty if it cannot be read."""
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read().split(chr(0))
    except OSError:
        return []


def is_there(host, pid, marker):
    """Whether the process that was just reached by its number is the host's, and none of ours with that number."""
    return any(marker in word for word in words_of(pid)) or host.shares_pids or pid > os.getpid()


def greets(client, address):
    """Whether a server at the address says hello."""
    with client:
        client.settimeout(3)
        client.connect(address)
        if client.type == socket.SOCK_DGRAM:
            client.send(b"x")
        return client.recv(9) == b"hello"


def in_child(deed):
    """The exit code of a child that does it."""
    child = os.fork()
    if child == 0:
        try:
            deed()
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _verdict(code, host):
    namespace = dict(globals())
    try:
        exec(code, namespace)
        return THROUGH if namespace["attack"](host) else HELD
    except (OSError, MemoryError, sqlite3.Error) as error:
        return f"{HELD}: {error}"
    except BaseException:  # noqa: BLE001  (what is wrong with one attack is told as its verdict)
        return f"{BROKEN}: {traceback.format_exc(limit=-2)}"


def attempt(code, host):
    """Try one attack in a child; "through", "held" with or without the reason, or "broken" and why."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(sink, _verdict(code, host).encode())
        os._exit(0)
    os.close(sink)
    is_there = select.select([source], [], [], PATIENCE_S)[0]
    said = os.read(source, 65536).decode() if is_there else f"{BROKEN}: it took too long"
    os.close(source)
    if not is_there:
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if said:
        return said
    return f"{HELD if -code in LIMITING else BROKEN}: ended by {signal.strsignal(-code) if code < 0 else code}"


def main():
    """Try all of them, each in a new folder."""
    given = json.load(sys.stdin)
    host = SimpleNamespace(**given["host"])
    start = os.getcwd()
    for number, each in enumerate(given["attacks"]):
        folder = os.path.join(start, f"attack-{number}")
        os.mkdir(folder)
        os.chdir(folder)
        verdict = attempt(each["code"], host)
        print(f"\n@verdict {json.dumps([each['name'], verdict])}", flush=True)


if __name__ == "__main__":
    main()

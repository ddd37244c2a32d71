"""Attacks that take more than their share: of memory, disk, processes, output, time.

They take little more than the small limits of `BOMB`, and so do no harm outside, where nothing stops them.  Each
holds what it took for `host.hold_s` and got through if it is still there then.
"""

import array
import ctypes
import fcntl
import mmap
import os
import resource
import shutil
import signal
import socket
import threading
import time

from tests.security.attacks.attack import BOMB, attack
from tests.security.attempt import MIB, call, checked, libc

QUICK_ONES = {"limits": BOMB}
LONG_ONES = {"limits": BOMB, "is_long": True}


@attack("start more processes than allowed", **LONG_ONES)
def processes(host):
    children = []
    for _ in range(80):
        child = os.fork()
        if child == 0:
            time.sleep(60)
        children.append(child)
    time.sleep(host.hold_s)
    for child in children:
        os.kill(child, signal.SIGKILL)
    return True


@attack("start processes that start processes", **LONG_ONES)
def bomb(host):
    first = os.getpid()
    for _ in range(7):
        os.fork()
    time.sleep(host.hold_s)
    if os.getpid() != first:
        os._exit(0)
    return True


@attack("start more threads than allowed", **LONG_ONES)
def threads(host):
    try:
        for _ in range(100):
            threading.Thread(target=time.sleep, args=(host.hold_s,), daemon=True).start()
    except RuntimeError as error:
        raise OSError(str(error)) from error
    time.sleep(host.hold_s)
    return True


@attack("hold more memory than allowed in one process", **LONG_ONES)
def memory(host):
    held = bytearray(os.urandom(1) * (300 * MIB))
    time.sleep(host.hold_s)
    return len(held) > 0


@attack("hold more memory than allowed in many processes", **LONG_ONES)
def memory_of_many(host):
    children = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            held = bytearray(os.urandom(1) * (60 * MIB))
            time.sleep(host.hold_s * 2)
            os._exit(len(held) == 0)
        children.append(child)
    return all(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 for child in children)


@attack("hold more memory than allowed in a shared map", **LONG_ONES)
def shared_map(host):
    held = mmap.mmap(-1, 300 * MIB)
    for _ in range(300):
        held.write(b"x" * MIB)
    time.sleep(host.hold_s)
    return True


@attack("hold more memory than allowed in files without a name", **LONG_ONES)
def memory_files(host):
    for number in range(30):
        opened = os.memfd_create(f"m{number}")
        for _ in range(10):
            os.write(opened, b"x" * MIB)
    time.sleep(host.hold_s)
    return True


@attack("hold more memory than allowed in shared segments", **LONG_ONES)
def segments(host):
    made = []
    try:
        for _ in range(30):
            made.append(checked(libc.shmget(0, 10 * MIB, 0o1600)))
            place = libc.shmat(made[-1], None, 0)
            ctypes.memset(place, 1, 10 * MIB)
            libc.shmdt(ctypes.c_void_p(place))
        time.sleep(host.hold_s)
        return True
    finally:
        for number in made:
            libc.shmctl(number, 0, None)


@attack("hold memory in queues of messages", may_lack="a kernel without message queues", **LONG_ONES)
def queues(host):
    words = (ctypes.c_long * 8)(0, 10, 8192, 0, 0, 0, 0, 0)
    names = [f"opscore-{os.getpid()}-{number}".encode() for number in range(5)]
    opened = [call("mq_open", name, os.O_RDWR | os.O_CREAT, 0o600, words) for name in names]
    for name in names:
        call("mq_unlink", name)
    return len(opened) == len(names)


@attack("hold more memory than allowed in the buffers of sockets", **LONG_ONES)
def buffers(host):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    pairs, total = [], 0
    while total < 300 * MIB:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            while True:
                total += ours.send(b"x" * 65536)
        except BlockingIOError:
            pairs.append((ours, theirs))
    time.sleep(host.hold_s)
    return True


@attack("hold more memory than allowed in the buffers of pipes", **LONG_ONES, shown_by="root")
def pipes(host):
    pipes, total = [], 0
    while total < 300 * MIB:
        ours, theirs = os.pipe()
        fcntl.fcntl(theirs, 1031, MIB)
        os.set_blocking(theirs, False)
        total += os.write(theirs, b"x" * MIB)
        pipes.append((ours, theirs))
    time.sleep(host.hold_s)
    return True


@attack("fill the host's memory through files on /dev/shm", **LONG_ONES)
def shared_files(host):
    made = [f"/dev/shm/opscore-{os.getpid()}-{number}" for number in range(15)]
    try:
        for path in made:
            with open(path, "wb") as file:
                for _ in range(15):
                    file.write(b"x" * MIB)
        time.sleep(host.hold_s)
        return True
    finally:
        for path in made:
            if os.path.exists(path):
                os.unlink(path)


@attack("fill the host's disk through files on /tmp", **LONG_ONES)
def temporary_files(host):
    folder = f"/tmp/opscore-{os.getpid()}"
    os.mkdir(folder)
    try:
        for number in range(20):
            with open(f"{folder}/{number}", "wb") as file:
                for _ in range(15):
                    file.write(b"x" * MIB)
        time.sleep(host.hold_s)
        return True
    finally:
        shutil.rmtree(folder)


@attack("make endlessly many empty files on /tmp", **LONG_ONES)
def many_temporary_files(host):
    folder = f"/tmp/opscore-{os.getpid()}"
    os.mkdir(folder)
    try:
        for number in range(20_000):
            os.close(os.open(f"{folder}/{number}", os.O_CREAT))
        time.sleep(host.hold_s)
        return True
    finally:
        shutil.rmtree(folder)


@attack("write one file larger than allowed", **QUICK_ONES)
def one_file(host):
    with open("big", "wb") as file:
        for _ in range(30):
            file.write(b"x" * MIB)
    return True


@attack("make one file larger than allowed without writing it", **LONG_ONES)
def sparse_file(host):
    with open("sparse", "wb") as file:
        os.truncate(file.fileno(), 10**12)
    return True


@attack("set space aside for a file larger than allowed", **LONG_ONES)
def reserved_file(host):
    with open("reserved", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 50 * MIB)
    return True


@attack("write more files than the workspace may hold, in bytes", **LONG_ONES)
def many_bytes(host):
    for number in range(8):
        with open(str(number), "wb") as file:
            file.write(b"x" * (10 * MIB))
    time.sleep(host.hold_s)
    return True


@attack("write more files than the workspace may hold, by number", **LONG_ONES)
def many_files(host):
    for number in range(3000):
        os.close(os.open(str(number), os.O_CREAT))
    time.sleep(host.hold_s)
    return True


@attack("make more folders, links and pipes than the workspace may hold", **LONG_ONES)
def many_names(host):
    for number in range(1000):
        os.mkdir(f"folder-{number}")
        os.symlink("nowhere", f"link-{number}")
        os.mkfifo(f"pipe-{number}")
    time.sleep(host.hold_s)
    return True


@attack("hide files below a folder that is closed", **LONG_ONES)
def hidden_files(host):
    os.makedirs("closed/folder")
    for number in range(8):
        with open(f"closed/folder/{number}", "wb") as file:
            file.write(b"x" * (10 * MIB))
    os.chmod("closed/folder", 0)
    time.sleep(host.hold_s)
    os.chmod("closed/folder", 0o700)
    return True


@attack("hold a file that has no name any more", **LONG_ONES)
def nameless_file(host):
    held = []
    for _ in range(10):
        held.append(os.open("gone", os.O_WRONLY | os.O_CREAT))
        os.write(held[-1], b"x" * (15 * MIB))
        os.unlink("gone")
    time.sleep(host.hold_s)
    return True


@attack("make a tree too deep for anybody to follow", **LONG_ONES)
def deep_tree(host):
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    time.sleep(host.hold_s)
    return True


@attack("wear the disk out: write and delete, again and again", **LONG_ONES)
def worn_disk(host):
    for _ in range(40):
        with open("again", "wb") as file:
            file.write(b"x" * (10 * MIB))
            file.flush()
            os.fsync(file.fileno())
        os.unlink("again")
        time.sleep(0.05)
    time.sleep(host.hold_s)
    return True


@attack("flood the output", **LONG_ONES)
def flood(host):
    for _ in range(64):
        os.write(1, b"x" * 65535 + b"\n")
        time.sleep(0.02)
    time.sleep(1)
    return True


@attack("flood the errors", **LONG_ONES)
def flood_errors(host):
    for _ in range(64):
        os.write(2, b"x" * 65535 + b"\n")
        time.sleep(0.02)
    time.sleep(1)
    return True


@attack("use the processor longer than allowed", **LONG_ONES)
def processor(host):
    if os.fork() == 0:
        os.setsid()
        until = time.process_time() + 3
        while time.process_time() < until:
            pass
        os._exit(0)
    until = time.process_time() + 3
    while time.process_time() < until:
        pass
    os.wait()
    return True


@attack("open more files than allowed", **LONG_ONES)
def descriptors(host):
    most = min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(5000)]
    return len(held) == 5000


@attack("send more descriptors away than may be open", **LONG_ONES)
def descriptors_in_flight(host):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    held = []
    opened = os.open("/dev/null", os.O_RDONLY)
    many = array.array("i", [opened] * 250)
    for _ in range(30):
        held.append(socket.socketpair())
        held[-1][0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, many)])
    return len(held) == 30


@attack("stay longer than allowed", limits=BOMB.tightened(wall_s=2), is_long=True)
def stay(host):
    for number in range(1, 65):
        if number not in (9, 19, 32, 33):
            signal.signal(number, signal.SIG_IGN)
    time.sleep(6)
    return True


@attack(
    "stop the call's own first processes, so that it never ends",
    limits=BOMB.tightened(wall_s=3),
    is_long=True,
    not_shown="outside it would stop the tests",
)
def stop_parents(host):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(8)
    return True

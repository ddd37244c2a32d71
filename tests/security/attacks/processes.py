"""Attacks on other processes of the host, and on the call's own end."""

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import subprocess
import time

from tests.security.attacks.attack import BOMB, attack
from tests.security.attempt import call, checked, in_child, is_there, libc, words_of

CONFINED_ROOT = "a root that is confined itself, as in a container"


@attack("see a process of the host")
def see(host):
    return any(host.marker in words_of(pid) for pid in os.listdir("/proc") if pid.isdigit())


@attack(
    "see that a process of the host is there, by its number", open_on={3: "without a /proc of its own, numbers show"}
)
def see_by_number(host):
    return os.stat(f"/proc/{host.victim}")


@attack("signal a process of the host")
def signal_it(host):
    os.kill(host.victim, signal.SIGCONT)
    return is_there(host, host.victim, host.marker)


@attack("signal the worker")
def signal_worker(host):
    os.kill(host.worker, signal.SIGCONT)
    return is_there(host, host.worker, "tests.security.trial")


@attack("signal a process of the host by one of its threads")
def signal_thread(host):
    call("tgkill", host.victim, host.victim, int(signal.SIGCONT))
    return is_there(host, host.victim, host.marker)


@attack("signal a process of the host with a message")
def signal_with_message(host):
    told = ctypes.create_string_buffer(struct.pack("iiiiii", int(signal.SIGCONT), 0, -1, 0, os.getpid(), 0), 128)
    call("rt_sigqueueinfo", host.victim, int(signal.SIGCONT), told)
    return is_there(host, host.victim, host.marker)


@attack("signal a process of the host through a handle of it")
def signal_by_handle(host):
    handle = call("pidfd_open", host.victim, 0)
    call("pidfd_send_signal", handle, int(signal.SIGCONT), 0, 0)
    return is_there(host, host.victim, host.marker)


@attack("have a process of the host signalled by the kernel when a pipe is ready")
def signal_by_owner(host):
    ours, theirs = os.pipe()
    fcntl.fcntl(ours, fcntl.F_SETOWN, host.victim)
    fcntl.fcntl(ours, 10, int(signal.SIGUSR1))
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
    os.write(theirs, b"x")
    time.sleep(0.3)
    return os.path.exists(host.signalled)


@attack(
    "signal every process there is",
    limits=BOMB,
    ends_itself=True,
    not_shown="outside it would end the tests; that they go on is the proof",
)
def signal_all(host):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(-1, signal.SIGTERM)
    return False


@attack("read the memory map of a process of the host")
def maps(host):
    with open(f"/proc/{host.victim}/maps") as file:
        return "[heap]" in file.read()


@attack("read the memory of a process of the host through /proc")
def memory_file(host):
    with open(f"/proc/{host.victim}/mem", "rb") as file:
        file.seek(host.address)
        return file.read(16) == host.memory_secret.encode()


@attack("write to the memory of a process of the host through /proc")
def memory_file_write(host):
    with open(f"/proc/{host.victim}/mem", "r+b", buffering=0) as file:
        file.seek(host.address)
        return file.write(b"sesame") == 6


@attack("read the memory of a process of the host by a call")
def memory_call(host):
    held = ctypes.create_string_buffer(16)
    here = (ctypes.c_size_t * 2)(ctypes.addressof(held), 16)
    there = (ctypes.c_size_t * 2)(host.address, 16)
    read = checked(libc.process_vm_readv(host.victim, here, 1, there, 1, 0))
    return read == 16 and held.raw == host.memory_secret.encode()


@attack("write to the memory of a process of the host by a call")
def memory_call_write(host):
    held = ctypes.create_string_buffer(b"sesame", 6)
    here = (ctypes.c_size_t * 2)(ctypes.addressof(held), 6)
    there = (ctypes.c_size_t * 2)(host.address, 6)
    return checked(libc.process_vm_writev(host.victim, here, 1, there, 1, 0)) == 6


@attack("trace a process of the host")
def trace(host):
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    checked(libc.ptrace(16, host.victim, None, None))
    os.waitpid(host.victim, 0x40000000)
    checked(libc.ptrace(17, host.victim, None, None))
    return True


@attack("trace a child, to change its calls behind the filter")
def trace_child(host):
    return in_child(lambda: checked(libc.ptrace(0, 0, 0, 0))) == 0


@attack("take a descriptor out of a process of the host")
def take_descriptor(host):
    taken = call("pidfd_getfd", call("pidfd_open", host.victim, 0), host.descriptor, 0)
    return b"sesame" in os.pread(taken, 99, 0)


@attack("open a descriptor of a process of the host through /proc")
def open_descriptor(host):
    return "sesame" in open(f"/proc/{host.victim}/fd/{host.descriptor}").read()


@attack("compare what two processes of the host share", may_lack="a kernel without kcmp")
def compare(host):
    return call("kcmp", host.victim, host.worker, 2, 0, 0) >= 0


@attack("change the limits of a process of the host")
def limits(host):
    resource.prlimit(host.victim, resource.RLIMIT_CORE, resource.prlimit(host.victim, resource.RLIMIT_CORE))
    return is_there(host, host.victim, host.marker)


@attack("make a process of the host slower")
def slower(host):
    os.setpriority(os.PRIO_PROCESS, host.victim, 5)
    return os.getpriority(os.PRIO_PROCESS, host.victim) == 5


@attack("make all processes of the user slower", not_shown="outside it would slow the tests down")
def all_slower(host):
    os.setpriority(os.PRIO_USER, 0, os.getpriority(os.PRIO_PROCESS, 0) + 1)
    return os.getpriority(os.PRIO_PROCESS, host.victim) > 0


@attack("tie a process of the host to one processor")
def affinity(host):
    os.sched_setaffinity(host.victim, os.sched_getaffinity(host.victim))
    return True


@attack("change how a process of the host is scheduled")
def scheduling(host):
    os.sched_setscheduler(host.victim, os.SCHED_BATCH, os.sched_param(0))
    return True


@attack("change how a process of the host uses the disk")
def disk_priority(host):
    return call("ioprio_set", 1, host.victim, (3 << 13)) == 0


@attack("move the memory of a process of the host", may_lack="a kernel without memory nodes")
def move_memory(host):
    old, new = ctypes.c_ulong(1), ctypes.c_ulong(1)
    return call("migrate_pages", host.victim, 8, ctypes.byref(old), ctypes.byref(new)) >= 0


@attack("have a process of the host killed first when memory runs out")
def kill_first(host):
    with open(f"/proc/{host.victim}/oom_score_adj", "w") as file:
        file.write("1000")
    return True


@attack("be spared when memory runs out", shown_by="root", may_lack=CONFINED_ROOT)
def be_spared(host):
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("-1000")
    return True


@attack("leave a daemon behind", leaves="daemon_marker")
def daemon(host):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(3):
                os.close(number)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            os.execvp("sleep", ["sleep", host.daemon_marker])
        os._exit(0)
    os.wait()
    time.sleep(0.2)
    return False


@attack("leave a daemon behind that does not ask to die with its parent", leaves="daemon_marker")
def daemon_without_parent(host):
    libc.prctl(1, 0, 0, 0, 0)
    libc.prctl(36, 1, 0, 0, 0)
    for _ in range(3):
        if os.fork() == 0:
            libc.prctl(1, 0, 0, 0, 0)
            os.setsid()
            os.execvp("sleep", ["sleep", host.daemon_marker])
    time.sleep(0.2)
    return False


@attack("leave a daemon behind as a brother and not as a child", leaves="daemon_marker", is_long=True)
def daemon_brother(host):
    if call("clone", 0x8000 | int(signal.SIGCHLD), 0, 0, 0, 0) == 0:
        os.setsid()
        os.execvp("sleep", ["sleep", host.daemon_marker])
    time.sleep(0.2)
    return False


@attack(
    "leave processes behind that ignore every signal they can, faster than they are ended",
    leaves="daemon_marker",
    is_long=True,
)
def daemon_swarm(host):
    for number in range(1, 65):
        if number not in (9, 19, 32, 33):
            signal.signal(number, signal.SIG_IGN)
    for _ in range(8):
        if os.fork() == 0:
            os.setsid()
            os.fork()
            os.execvp("sleep", ["sleep", host.daemon_marker])
    time.sleep(0.2)
    return False


@attack("leave a process behind that holds the call's output open", leaves="daemon_marker", is_long=True)
def daemon_with_output(host):
    subprocess.Popen(["sleep", host.daemon_marker], start_new_session=True)
    time.sleep(0.2)
    return False


@attack("end whoever watches the call", not_shown="outside nobody watches")
def end_watcher(host):
    seen, pid = 0, os.getppid()
    while pid > 1:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            pid = int(file.read().rpartition(")")[2].split()[1])
        seen += 1
    return host.worker == pid or seen > 20


@attack("send the worker a descriptor or a message over what it left open", not_shown="there is no worker outside")
def message_worker(host):
    def is_socket(number):
        with socket.socket(fileno=os.dup(number)) as client:
            return client.getpeername() is not None

    for number in range(3, 64):
        try:
            if is_socket(number):
                return True
        except OSError:
            pass
    return False

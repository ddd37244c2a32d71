"""Attacks that want more rights from the kernel, or to reach parts of it that nobody needs inside."""

import ctypes
import fcntl
import glob
import mmap
import os
import platform
import pty
import resource
import signal
import socket
import stat
import struct

from tests.security.attacks.attack import BOMB, attack
from tests.security.attempt import any_of, call, checked, in_child, is_looked_at, libc

NO_USERNS = "a host that keeps user namespaces from ordinary users"


@attack("make a user namespace, and be root in it", may_lack=NO_USERNS)
def user_namespace(host):
    return in_child(lambda: call("unshare", 0x10000000)) == 0


@attack("make a user namespace with a new process", may_lack=NO_USERNS)
def user_namespace_by_clone(host):
    child = call("clone", 0x10000000 | int(signal.SIGCHLD), 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True


@attack("make a user namespace with a new process by the newer call", may_lack=NO_USERNS)
def user_namespace_by_clone3(host):
    words = struct.pack("8Q", 0x10000000, 0, 0, 0, int(signal.SIGCHLD), 0, 0, 0)
    child = call("clone3", words, len(words))
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True


@attack("make namespaces of every other kind", shown_by="root")
def other_namespaces(host):
    kinds = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x40000000)
    return any(in_child(lambda kind=kind: call("unshare", kind)) == 0 for kind in kinds)


@attack("enter the namespaces of another process", shown_by="root")
def enter_namespaces(host):
    pids = (host.worker, host.victim, 1, os.getppid())
    kinds = ("mnt", "net", "pid", "ipc")

    def entered(pid, kind):
        place = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
        return in_child(lambda: call("setns", place, 0)) == 0

    return any_of(*(lambda p=pid, k=kind: entered(p, k) for pid in pids for kind in kinds))


@attack("enter the namespaces of another process through a handle of it", shown_by="root")
def enter_by_handle(host):
    handle = call("pidfd_open", os.getppid(), 0)
    in_child_code = in_child(lambda: call("setns", handle, 0x40000000))
    return in_child_code == 0


@attack("mount a file system", shown_by="root")
def mount(host):
    os.mkdir("mnt")
    return checked(libc.mount(b"tmpfs", os.path.abspath("mnt").encode(), b"tmpfs", 0, None)) == 0


@attack("bind a folder of the host into the workspace", shown_by="root")
def bind(host):
    os.mkdir("mnt")
    checked(libc.mount(host.folder.encode(), os.path.abspath("mnt").encode(), None, ctypes.c_ulong(0x1000), None))
    return "secret.txt" in os.listdir("mnt")


@attack("make the read-only system writable again", shown_by="root")
def remount(host):
    flags = ctypes.c_ulong(0x20 | 0x1000)
    return any_of(
        *(lambda p=path: checked(libc.mount(None, p, None, flags, None)) == 0 for path in (b"/", b"/usr", b"/dev"))
    )


@attack("make the system writable by the newer call", shown_by="root", may_lack="an old kernel")
def remount_by_newer_call(host):
    words = struct.pack("4Q", 0, 0x1, 0, 0)
    return call("mount_setattr", -100, b"/", 0, words, len(words)) == 0


@attack("uncover what a mount hides", shown_by="root")
def unmount(host):
    paths = (b"/tmp", b"/dev/shm", b"/proc", b"/dev", b"/workspace")
    return any_of(*(lambda p=path: checked(libc.umount2(p, 2)) == 0 for path in paths))


@attack("open a new file system by the newer call", shown_by="root")
def fsopen(host):
    return call("fsopen", b"tmpfs", 0) > 0


@attack("clone a tree of mounts", shown_by="root")
def open_tree(host):
    return call("open_tree", -100, b"/", 1) > 0


@attack("move a mount", shown_by="root")
def move_mount(host):
    return is_looked_at("move_mount", -1, b"", -1, b"", 0)


@attack("exchange the root folder", shown_by="root")
def pivot_root(host):
    return is_looked_at("pivot_root", b".", b".")


@attack("leave the root folder by a second chroot", shown_by="root")
def chroot(host):
    os.mkdir("jail")
    return in_child(lambda: os.chroot("jail")) == 0


@attack("become another user", shown_by="root")
def other_uid(host):
    # In a child of the user namespace uid 0 may be mapped and still be nobody: what counts is a change.
    return any(in_child(deed) == 0 for deed in (lambda: os.setresuid(1, 1, 1), lambda: os.setresgid(1, 1, 1)))


@attack("become root", shown_by="root")
def become_root(host):
    return any_of(lambda: os.setuid(0) or os.getuid() == 0, lambda: os.setgid(0) or os.getgid() == 0)


@attack("become a member of other groups", shown_by="root")
def other_groups(host):
    os.setgroups([0, 4, 6])
    return True


@attack("gain capabilities", shown_by="root")
def capabilities(host):
    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    wanted = (ctypes.c_uint32 * 6)(1 << 21, 1 << 21, 0, 0, 0, 0)
    return in_child(lambda: checked(libc.capset(ctypes.byref(Header(0x20080522, 0)), wanted))) == 0


@attack("keep capabilities for programs started later", shown_by="root")
def ambient(host):
    def kept():
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        held = (ctypes.c_uint32 * 6)()
        checked(libc.capget(header, held))
        held[2] |= 1 << 6
        checked(libc.capset(header, held))
        checked(libc.prctl(47, 2, 6, 0, 0))

    return in_child(kept) == 0


@attack("become root through a program with the setuid bit", may_lack="a host without such a program of root's")
def setuid_program(host):
    found = [path for pattern in ("/usr/bin/*", "/usr/sbin/*", "/bin/*") for path in glob.glob(pattern)]
    seen = [os.stat(path) for path in found if os.path.exists(path)]
    of_root = [each for each in seen if each.st_mode & stat.S_ISUID and each.st_uid == 0]
    # What it needs: such a program that is seen as root's, and a process that may gain rights.
    return bool(of_root) and libc.prctl(39, 0, 0, 0, 0) == 0


@attack("allow new rights again", not_shown="nothing forbids them outside")
def allow_rights(host):
    checked(libc.prctl(38, 0, 0, 0, 0))
    return libc.prctl(39, 0, 0, 0, 0) == 0


@attack("raise a limit", limits=BOMB, shown_by="root", may_lack="a root that is confined itself, as in a container")
def raise_limit(host):
    names = ("NPROC", "FSIZE", "AS", "DATA", "CPU", "NOFILE", "CORE", "MEMLOCK", "MSGQUEUE")

    def raised(name):
        number = getattr(resource, f"RLIMIT_{name}")
        _, most = resource.getrlimit(number)
        if most == resource.RLIM_INFINITY:
            most = 1000
            resource.setrlimit(number, (most, most))
        try:
            resource.setrlimit(number, (most + 1, most + 1))
        except ValueError as error:
            raise OSError(str(error)) from error
        return True

    return any_of(*(lambda n=name: raised(n) for name in names if name not in ("AS", "DATA")))


@attack("run before all others", shown_by="root")
def real_time(host):
    return in_child(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))) == 0


@attack("take more of the processor than others", shown_by="root")
def nice(host):
    return in_child(lambda: os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) - 1)) == 0


@attack("use the disk before all others", shown_by="root")
def disk_first(host):
    return call("ioprio_set", 1, 0, (1 << 13)) == 0


@attack("hold memory that is never swapped out")
def lock_memory(host):
    held = mmap.mmap(-1, 65536)
    return checked(libc.mlock(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(held))), 65536)) == 0


@attack("hold memory that nobody sees", may_lack="a kernel without secret memory")
def secret_memory(host):
    return call("memfd_secret", 0) > 0


@attack("write to the kernel's settings", shown_by="root")
def settings(host):
    names = ("sys/kernel/core_pattern", "sys/kernel/modprobe", "sysrq-trigger", "sys/vm/drop_caches", "sys/fs/file-max")
    return any_of(*(lambda n=name: os.close(os.open(f"/proc/{n}", os.O_WRONLY)) is None for name in names))


@attack("read the kernel's memory", shown_by="root", may_lack="a kernel without /proc/kcore")
def kernel_memory(host):
    return any_of(lambda: len(open("/proc/kcore", "rb").read(4)) == 4)


@attack("read the kernel's log", shown_by="root")
def kernel_log(host):
    held = ctypes.create_string_buffer(4096)
    return call("syslog", 3, held, 4096) >= 0


@attack("have the kernel run a program when a group ends", shown_by="root", may_lack="a host without control groups v1")
def release_agent(host):
    paths = glob.glob("/sys/fs/cgroup/release_agent") + glob.glob("/sys/fs/cgroup/*/release_agent")
    return any_of(*(lambda p=path: os.close(os.open(p, os.O_WRONLY)) is None for path in paths))


@attack("leave the own control group", shown_by="root", may_lack="a host without control groups")
def leave_group(host):
    found = [f"/sys/fs/cgroup{middle}/cgroup.procs" for middle in ("", "/pids", "/memory", "/cpu", "/unified")]
    return any_of(*(lambda p=path: os.close(os.open(p, os.O_WRONLY)) is None for path in found))


@attack("make a control group of one's own", shown_by="root", may_lack="a host without control groups")
def make_group(host):
    def made(folder):
        os.mkdir(f"{folder}/opscore-attack")
        os.rmdir(f"{folder}/opscore-attack")
        return True

    return any_of(
        *(lambda f=folder: made(f) for folder in ("/sys/fs/cgroup", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified"))
    )


@attack("rename the host", shown_by="root")
def rename_host(host):
    socket.sethostname("owned")
    return socket.gethostname() == "owned"


@attack("rename the host's domain", shown_by="root")
def rename_domain(host):
    return checked(libc.setdomainname(b"owned", 5)) == 0


@attack("set the clock", not_shown="only root can outside, and it would be set")
def clock(host):
    now = struct.pack("qq", 1_700_000_000, 0)
    return checked(libc.clock_settime(0, now)) == 0


@attack("restart the host", not_shown="only root can outside, and it would restart")
def reboot(host):
    # The words are wrong on purpose: they count as looked at, and do nothing where they are.
    return is_looked_at("reboot", 1, 2, 3, 0)


@attack("take swap space", shown_by="root")
def swap(host):
    return is_looked_at("swapon", b"nothing", 0)


@attack("have the kernel write down every process", shown_by="root", may_lack="a kernel without accounting")
def accounting(host):
    return is_looked_at("acct", b"/nothing/there")


@attack("change the quotas of a disk", shown_by="root", may_lack="a kernel without quotas")
def quotas(host):
    return is_looked_at("quotactl", 0x800002 << 8, b"/nothing", 0, 0)


@attack("load a module into the kernel", shown_by="root", may_lack="a kernel without modules")
def load_module(host):
    return is_looked_at("init_module", b"no module", 9, b"")


@attack("load a module into the kernel from a file", shown_by="root", may_lack="a kernel without modules")
def load_module_file(host):
    with open("module", "wb") as file:
        file.write(b"no module")
    return is_looked_at("finit_module", os.open("module", os.O_RDONLY), b"", 0)


@attack("take a module out of the kernel", shown_by="root", may_lack="a kernel without modules")
def unload_module(host):
    return is_looked_at("delete_module", b"no-such-module", 0)


@attack("load another kernel", shown_by="root", may_lack="a kernel without kexec")
def kexec(host):
    return any_of(
        lambda: is_looked_at("kexec_load", 0, 99, 0, 0), lambda: is_looked_at("kexec_file_load", -1, -1, 0, 0, 0)
    )


@attack("load a program into the kernel", shown_by="root", may_lack="a kernel without bpf")
def bpf(host):
    words = struct.pack("5I", 1, 4, 4, 1, 0).ljust(72, b"\0")
    return any_of(lambda: call("bpf", 0, words, len(words)) > 0)


@attack("use the kernel's counters", may_lack="a host that keeps them from ordinary users")
def counters(host):
    words = struct.pack("IIQ", 1, 128, 0).ljust(40, b"\0") + struct.pack("Q", 0x61) + bytes(80)
    return call("perf_event_open", words, 0, -1, -1, 0) > 0


@attack("have calls made by the kernel's ring, behind the filter", may_lack="a kernel without io_uring")
def ring(host):
    return call("io_uring_setup", 4, ctypes.create_string_buffer(120)) > 0


@attack("hold the kernel up at a page", may_lack="a host that keeps it from ordinary users")
def page_faults(host):
    return any_of(lambda: call("userfaultfd", 0) > 0, lambda: call("userfaultfd", 1) > 0)


@attack("put a key into the kernel's keyring", may_lack="a kernel without keys")
def add_key(host):
    return call("add_key", b"user", b"opscore", b"x", 1, -2) > 0


@attack("use the keyring that all processes of a user share", may_lack="a kernel without keys")
def keyring(host):
    return call("keyctl", 0, -4, 1) > 0


@attack("have the kernel ask a program of the host for a key", may_lack="a kernel without keys")
def request_key(host):
    return is_looked_at("request_key", b"user", b"opscore-missing", b"x", -2)


@attack("watch a whole file system", shown_by="root", may_lack="a kernel without fanotify")
def watch_all(host):
    return call("fanotify_init", 0x4, 0) > 0


@attack("have memory at the same place each time")
def personality(host):
    return in_child(lambda: checked(libc.personality(0x0040000))) == 0


@attack("make calls of the other architecture", may_lack="a kernel or a machine without them")
def other_architecture(host):
    if platform.machine() != "x86_64":
        raise OSError("not on this machine")
    # mov eax, 20 (getpid of i386); int 0x80; ret
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    place = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return ctypes.CFUNCTYPE(ctypes.c_int)(place)() == os.getpid()


@attack("make calls of x32, which the filter may not know", may_lack="a kernel or a machine without them")
def x32(host):
    return checked(libc.syscall(ctypes.c_long(0x40000000 | 39))) == os.getpid()


@attack("type into the terminal of whoever started it", shown_by="root")
def type_into(host):
    _, terminal = pty.openpty()
    fcntl.ioctl(terminal, 0x5412, b"x")
    return True


@attack("paste into the console of the host", shown_by="root")
def paste(host):
    _, terminal = pty.openpty()
    try:
        fcntl.ioctl(terminal, 0x541C, b"\x02")
    except OSError as error:
        # Looked at: a terminal of this kind has no such thing to paste.
        return error.errno == 25
    return True


@attack("change the map of the processor's segments", may_lack="a kernel or a machine without them")
def segments(host):
    if platform.machine() != "x86_64":
        raise OSError("not on this machine")
    words = struct.pack("4I", 0, 0, 0xFFFFF, 0x51)
    return checked(libc.syscall(ctypes.c_long(154), 1, words, 16)) == 0


@attack("use the machine's ports", shown_by="root", may_lack="a machine without them")
def ports(host):
    if platform.machine() != "x86_64":
        raise OSError("not on this machine")
    return any_of(
        lambda: checked(libc.syscall(ctypes.c_long(172), 3)) == 0,
        lambda: checked(libc.syscall(ctypes.c_long(173), 0x80, 1, 1)) == 0,
    )

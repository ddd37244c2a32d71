"""Attacks on the host's files: read, change, or leave something behind."""

import ctypes
import fcntl
import os
import stat
import struct
import sys

from tests.security.attacks.attack import attack
from tests.security.attempt import any_of, call, checked, libc


@attack("read a file of the host by its path")
def by_path(host):
    return host.secret in open(host.secret_path).read()


@attack("read a file of the host through a link in the workspace")
def through_a_link(host):
    os.symlink(host.secret_path, "link")
    return host.secret in open("link").read()


@attack("read a file of the host by climbing out of the workspace")
def by_climbing(host):
    return host.secret in open("../" * 40 + host.secret_path.lstrip("/")).read()


@attack("read a file of the host through the root of any process")
def through_proc_root(host):
    pids = ["self", "thread-self", "1", str(os.getppid()), str(host.worker), *os.listdir("/proc")]
    return any_of(*(lambda p=pid: host.secret in open(f"/proc/{p}/root{host.secret_path}").read() for pid in pids))


@attack("read a file of the host through the working folder of any process")
def through_proc_cwd(host):
    up = "../" * 40 + host.secret_path.lstrip("/")
    pids = ["self", "1", str(os.getppid()), str(host.worker), *os.listdir("/proc")]
    return any_of(*(lambda p=pid: host.secret in open(f"/proc/{p}/cwd/{up}").read() for pid in pids))


@attack("open a file of the host as a place first, and again through its descriptor")
def through_o_path(host):
    place = os.open(host.secret_path, os.O_PATH)
    return host.secret in open(f"/proc/self/fd/{place}").read()


@attack(
    "reach the host through descriptors left open", not_shown="a well-behaved parent leaves none open outside either"
)
def through_descriptors(host):
    return any_of(*(lambda n=number: os.stat(f"..{host.secret_path}", dir_fd=n) for number in range(3, 256)))


@attack("link a file of the host into the workspace")
def hard_link(host):
    os.link(host.secret_path, "linked")
    return host.secret in open("linked").read()


@attack("move a file of the host into the workspace")
def move_in(host):
    os.rename(host.precious, "moved")
    os.rename("moved", host.precious)
    return True


@attack("list a folder of the host")
def list_folder(host):
    return "secret.txt" in os.listdir(host.folder)


@attack("overwrite a file of the host")
def overwrite(host):
    with open(host.precious, "r+") as file:
        return file.write("X") == 1


@attack("cut a file of the host short")
def truncate(host):
    os.truncate(host.precious, 1)
    return os.stat(host.precious).st_size == 1


@attack("delete a file of the host")
def delete(host):
    os.link(host.precious, f"{host.precious}.kept")
    os.rename(f"{host.precious}.kept", host.precious)
    os.unlink(host.precious)
    open(host.precious, "w").close()
    return True


@attack("change the mode of a file of the host")
def change_mode(host):
    os.chmod(host.precious, 0o600)
    return True


@attack("change the times of a file of the host")
def change_times(host):
    os.utime(host.precious, (1, 1))
    return os.stat(host.precious).st_mtime == 1


@attack("put a file into a folder of the host")
def put_file(host):
    path = f"{host.drop}/file-{os.getpid()}"
    open(path, "x").close()
    os.unlink(path)
    return True


@attack("put a link into a folder of the host")
def put_link(host):
    path = f"{host.drop}/link-{os.getpid()}"
    os.symlink("/etc/passwd", path)
    os.unlink(path)
    return True


@attack("put a pipe into a folder of the host")
def put_pipe(host):
    path = f"{host.drop}/pipe-{os.getpid()}"
    os.mkfifo(path)
    os.unlink(path)
    return True


@attack("move a file of the workspace out into a folder of the host")
def move_out(host):
    open("made", "w").close()
    path = f"{host.drop}/moved-{os.getpid()}"
    any_of(lambda: os.rename("made", path) is None, lambda: os.link("made", path) is None)
    os.unlink(path)
    return True


@attack("link a nameless file into a folder of the host")
def link_nameless(host):
    made = os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o600)
    path = f"{host.drop}/nameless-{os.getpid()}"
    checked(libc.linkat(-100, f"/proc/self/fd/{made}".encode(), -100, path.encode(), 0x400))
    os.unlink(path)
    return True


@attack(
    "learn that a file of the host is there, and how large",
    open_on={3: "Landlock stops what opens or changes a file, not what asks for its size and times"},
    open_to="user",
)
def look_at(host):
    return os.stat(host.secret_path).st_size == len(host.secret)


@attack("be told whenever a file of the host changes")
def watch(host):
    watching = checked(libc.inotify_init1(0))
    return checked(libc.inotify_add_watch(watching, host.folder.encode(), 0xFFF)) > 0


@attack("lock a file of the host")
def lock(host):
    with open(host.precious) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


@attack("mark a file of the host with an attribute", may_lack="a file system without attributes of users")
def mark(host):
    os.setxattr(host.precious, "user.opscore", b"x")
    return True


@attack("write to the system, its devices or the tool environment", shown_by="root")
def write_system(host):
    folders = ("/", "/usr", "/usr/bin", "/etc", "/dev", "/opt", "/opt/tools", "/run", "/run/given", sys.base_prefix)

    def written(folder):
        path = f"{folder}/opscore-attack"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        os.unlink(path)
        return True

    return any_of(*(lambda f=folder: written(f) for folder in folders))


@attack("change a file of the system that is there", shown_by="root")
def change_system(host):
    paths = ("/etc/passwd", "/etc/hosts", "/etc/group", sys.executable, os.__file__)
    return any_of(*(lambda p=path: os.close(os.open(p, os.O_WRONLY)) is None for path in paths))


@attack("read the passwords of the host's people", shown_by="root")
def shadow(host):
    return len(open("/etc/shadow").read()) > 0


@attack("make a device", shown_by="root")
def make_device(host):
    os.mknod("disk", 0o600 | stat.S_IFBLK, os.makedev(8, 0))
    os.unlink("disk")
    return True


@attack("open a disk or a device of the kernel", shown_by="root", may_lack="none of these devices")
def open_device(host):
    paths = [
        f"/dev/{name}" for name in ("mem", "kmsg", "kvm", "fuse", "loop-control", "loop0", "net/tun", "sda", "vda")
    ]
    return any_of(*(lambda p=path: os.close(os.open(p, os.O_RDWR)) is None for path in paths))


@attack("open a file of the host by its handle", shown_by="root", may_lack="a file system without handles")
def by_handle(host):
    mount, handle = ctypes.c_int(), ctypes.create_string_buffer(struct.pack("Ii", 120, 0), 128)
    here = -100
    call("name_to_handle_at", here, host.secret_path.encode(), handle, ctypes.byref(mount), 0)
    place = os.open(os.path.dirname(host.secret_path), os.O_RDONLY)
    return host.secret.encode() in os.read(call("open_by_handle_at", place, handle, 0), 99)


@attack("leave a program that runs as its owner: by changing its mode")
def plant_by_mode(host):
    open("program", "w").close()
    os.chmod("program", 0o4755)
    return bool(os.stat("program").st_mode & stat.S_ISUID)


@attack("leave a program that runs as its owner: by making it so")
def plant_by_making(host):
    os.umask(0)
    os.close(os.open("made", os.O_CREAT | os.O_WRONLY, 0o4755))
    return bool(os.stat("made").st_mode & stat.S_ISUID)


@attack("leave a program that runs as its owner: by a newer call", may_lack="a kernel without fchmodat2")
def plant_by_newer_call(host):
    open("program", "w").close()
    call("fchmodat2", -100, b"program", 0o4755, 0)
    return bool(os.stat("program").st_mode & stat.S_ISUID)


@attack("leave a program that runs as its owner: by making it as a node")
def plant_by_node(host):
    os.umask(0)
    os.mknod("node", 0o4755 | stat.S_IFREG)
    return bool(os.stat("node").st_mode & stat.S_ISUID)


@attack("leave a program that has capabilities", shown_by="root", may_lack="a file system without capabilities")
def plant_capabilities(host):
    open("program", "w").close()
    os.setxattr("program", "security.capability", struct.pack("<5I", 0x02000001, 0xFFFFFFFF, 0, 0x1FF, 0))
    return True


@attack("leave a file that cannot be deleted", shown_by="root", may_lack="a file system without such a mark")
def plant_immutable(host):
    with open("stays", "w") as file:
        fcntl.ioctl(file, 0x40086602, struct.pack("i", 0x10))
        fcntl.ioctl(file, 0x40086602, struct.pack("i", 0))
    return True

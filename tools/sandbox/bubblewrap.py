"""Tiers 1 and 2: a command in bubblewrap, with every namespace of its own and nothing of the host but /usr.

This module says what the sandbox looks like; supervise.py starts it, watches it and ends it; launcher.py is
what root needs in between.  Why a flag is there stands beside it.  Which system calls are left: seccomp/.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.errors import SandboxUnavailable
from tools import environment, identity, interpreter
from tools.contract import Emit, Finished, Limits
from tools.sandbox.contract import Call, Place, spelled, variables
from tools.sandbox.each_process import by_number, limits_of_each
from tools.sandbox.in_memory import shm_bytes, tmp_bytes
from tools.sandbox.inherited import Inherited
from tools.sandbox.seccomp import filter_for
from tools.sandbox.supervise import supervise
from tools.sandbox.worker_name import worker_name

INSIDE_UID = "65534"
WORKSPACE = "/workspace"
PLACES: dict[Place, str] = {
    "workspace": WORKSPACE,
    "tools": environment.INSIDE,
    "packages": "/opt/packages",
    "given": "/run/given",
    "socket": "/run/socket",
}

ETC = {
    "passwd": f"agent:x:{INSIDE_UID}:{INSIDE_UID}:agent:{WORKSPACE}:/bin/sh\n",
    "group": f"agent:x:{INSIDE_UID}:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
}
"""All that is in /etc besides what programs need to find their libraries and certificates."""

FIRST_PROGRAM = (
    'echo; read -r go || exit 1; cd -- "$2" || exit 126; shift 2; '
    '(exec "$@" 3<&-); code=$?; echo $code >&3; read -r go <&3; exit $code'
)
"""The sandbox's first process; 3 is CONTROL.  It says that it is there and waits for our word, says that the command
has ended and waits again (running.py): the kernel ends all others with it and hands their CPU time up to us.
`exec`: a shell looks for a builtin of its own before the programs."""


def first_process(folder: str) -> tuple[str, ...]:
    """The first process for a command that is to run in `folder`; the command's words follow."""
    return ("/bin/sh", "-c", FIRST_PROGRAM, "sh", worker_name(), folder)


@dataclass(frozen=True)
class Bind:
    """A folder of the host that is shown at `inside`; `name` is what root's launcher calls it."""

    name: str
    source: Path
    inside: str
    is_writable: bool = False


class Bubblewrap:
    """Commands in bubblewrap; with `own_proc` they see a /proc of their own, without it an empty one."""

    def __init__(self, *, own_proc: bool = True) -> None:
        self.own_proc = own_proc
        self.tier = 1 if own_proc else 2
        self.name = "bubblewrap" if own_proc else "bubblewrap without its own /proc"

    def run(self, call: Call, *, emit: Emit, is_cancelled: Callable[[], bool]) -> Finished:
        """As contract.py promises.  As root the workspace must belong to a uid of identity.py.

        Raises:
            SandboxUnavailable: it could not be isolated, and was not run.
        """
        with Inherited() as files:
            command = tuple(self._command(call, files))
            return supervise(
                command,
                files,
                call,
                emit=emit,
                is_cancelled=is_cancelled,
                each={} if identity.drops_uid() else by_number(_limits_of_each(call.limits)),
                in_memory=("/tmp", "/dev/shm"),  # noqa: S108
            )

    def _command(self, call: Call, files: Inherited) -> Iterator[str]:
        binds = list(_binds(call))
        uid = identity.owner_of(call.workspace)
        if identity.drops_uid():
            if uid is None:
                raise SandboxUnavailable("cannot isolate: root's own files would be the workspace")
            yield from _launch_as(uid, binds)
            binds = [Bind(b.name, Path("/tmp", b.name), b.inside, b.is_writable) for b in binds]  # noqa: S108
        yield _found("bwrap", "install the package bubblewrap")
        yield from self._view(call.limits, binds, files)
        yield from _seeds(call, next((b.source for b in binds if b.name == "tools"), Path()))
        for name, data in call.files.items():
            yield from _file(f"{PLACES['given']}/{name}", data, files)
        yield from ("--args", str(files.holding(_variables(call))))
        # Last, or there would be nothing left to mount on.
        yield from ("--remount-ro", "/dev", "--remount-ro", "/")
        yield from ("--json-status-fd", str(files.status), "--")
        if identity.drops_uid():
            # The first process too: the command can write to its memory.
            yield from _limited(call.limits)
        yield from first_process(f"{WORKSPACE}/{call.cwd}")
        yield from (spelled(word, PLACES) for word in call.command)

    def _view(self, limits: Limits, binds: list[Bind], files: Inherited) -> Iterator[str]:
        yield from ("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts")
        # Absent from kernels without cgroups, where there is nothing to hide either.
        yield "--unshare-cgroup-try"
        # No further namespaces inside: they are where most kernel holes were.
        yield "--disable-userns"
        yield from ("--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL")
        yield from ("--uid", INSIDE_UID, "--gid", INSIDE_UID, "--hostname", "opscore", "--clearenv")
        yield from ("--seccomp", str(files.holding(filter_for(os.uname().machine, self.tier))))
        yield from _system()
        for name, text in ETC.items():
            yield from _file(f"/etc/{name}", text.encode(), files)
        yield from ("--proc", "/proc") if self.own_proc else ("--dir", "/proc")
        yield from ("--dev", "/dev")
        yield from ("--perms", "1777", "--size", str(shm_bytes(limits)), "--tmpfs", "/dev/shm")  # noqa: S108
        yield from ("--perms", "1777", "--size", str(tmp_bytes(limits)), "--tmpfs", "/tmp")  # noqa: S108
        for bind in binds:
            yield from ("--bind" if bind.is_writable else "--ro-bind", str(bind.source), bind.inside)


def _binds(call: Call) -> Iterator[Bind]:
    yield Bind("workspace", call.workspace, WORKSPACE, is_writable=True)
    python = interpreter.base()
    if not python.is_in_usr:
        yield Bind("python", python.prefix, str(python.prefix))
    if call.tool_env is not None:
        yield Bind("tools", call.tool_env, PLACES["tools"])
    if call.packages is not None:
        yield Bind("packages", call.packages, PLACES["packages"])
    if call.socket is not None:
        yield Bind("socket", call.socket, PLACES["socket"])
    for number, folder in enumerate(call.shown):
        yield Bind(f"shown-{number}", folder, str(folder))


def _seeds(call: Call, tools: Path) -> Iterator[str]:
    """What the tool environment wants to find in /tmp: caches that are slow to make."""
    if call.tool_env is None:
        return
    for name in environment.seeds(call.tool_env):
        yield from ("--ro-bind", str(tools / environment.SEEDS / name), f"/tmp/{name}")  # noqa: S108


def _launch_as(uid: int, binds: list[Bind]) -> Iterator[str]:
    yield from (str(interpreter.base().executable), "-I", "-S", str(Path(__file__).with_name("launcher.py")))
    yield str(uid)
    yield from (f"{bind.name}={bind.source}" for bind in binds)
    yield "--"


def _system() -> Iterator[str]:
    """/usr read-only, the links into it as this host has them, and the few files of /etc that it needs."""
    yield from ("--ro-bind", "/usr", "/usr")
    for folder in (Path("/", name) for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32")):
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), str(folder))
        elif folder.is_dir():
            yield from ("--ro-bind", str(folder), str(folder))
    for path in ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl/certs"):
        yield from ("--ro-bind-try", path, path)


def _file(path: str, data: bytes, files: Inherited) -> Iterator[str]:
    yield from ("--perms", "0444", "--file", str(files.holding(data)), path)


def _variables(call: Call) -> bytes:
    """Them as options in a file: whoever is on this host can read a command line, and an index has a password."""
    path = "/usr/local/bin:/usr/bin:/bin"
    base = {
        "HOME": WORKSPACE,
        "LANG": "C.UTF-8",
        "PATH": path,
        "TMPDIR": "/tmp",  # noqa: S108
        "TZ": "UTC",
        "USER": "agent",
    }
    if call.tool_env is not None:
        base |= environment.VARIABLES | {"PATH": f"{environment.INSIDE}/bin:{path}"}
    # A task's title may hold anything; no variable can hold a NUL.
    told = {name: value.replace("\0", "\ufffd") for name, value in {**base, **variables(call, PLACES)}.items()}
    return b"".join(os.fsencode(f"--setenv\0{name}\0{value}\0") for name, value in told.items())


def _limits_of_each(limits: Limits) -> dict[str, tuple[int, int]]:
    # Processes are counted inside: from outside, bubblewrap itself would be refused its own.
    return limits_of_each(limits, {"nproc": limits.processes})


def _limited(limits: Limits) -> Iterator[str]:
    """As root, what all of it is started through: root may lack the capability to limit others' processes."""
    yield _found("prlimit", "install the package util-linux")
    yield from (f"--{name}={soft}:{hard}" for name, (soft, hard) in _limits_of_each(limits).items())
    yield "--"


def _found(program: str, cure: str) -> str:
    path = shutil.which(program, path=os.environ.get("PATH", os.defpath))
    if path is None:
        raise SandboxUnavailable(f"cannot find {program}", cure=cure)
    return path
